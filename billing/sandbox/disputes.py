"""Disputes (https://docs.stripe.com/disputes): the card's holder takes the money back, and may be shown to be wrong.

As in Stripe's test mode the outcome is chosen by the evidence: `winning_evidence` or `losing_evidence`.
"""

from datetime import datetime

import msgspec
from msgspec.structs import replace

from billing.sandbox.balance import entry
from billing.sandbox.books import Books
from billing.sandbox.errors import ApiError
from billing.sandbox.events import announce
from billing.sandbox.records import Charge, Dispute
from billing.sandbox.states import DISPUTE, moved

# Per dispute in the euro area, kept by Stripe whatever the outcome.
_FEE = 2000


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What can be said for the payment."""

    uncategorized_text: str = ""


class AnswerDispute(msgspec.Struct, frozen=True, kw_only=True):
    """POST /v1/disputes/:id."""

    evidence: Evidence = Evidence()
    submit: bool = True
    expand: list[str] = []


def open_dispute(books: Books, charge: Charge, at: datetime) -> Charge:
    """Take what was captured and not refunded back, with a fee; return the charge, disputed."""
    name = books.new_id(Dispute)
    amount = charge.captured - charge.refunded
    withdrawn = entry(books, charge.account, "adjustment", -amount, charge.currency, name, at, stripe_fee=_FEE)
    dispute = books.put(
        Dispute(
            id=name,
            account=charge.account,
            created=at,
            amount=amount,
            currency=charge.currency,
            charge=charge.id,
            intent=charge.intent,
            status="needs_response",
            transactions=(withdrawn.id,),
        )
    )
    charge = books.put(replace(charge, dispute=name))
    announce(books, "charge.dispute.created", dispute, at)
    announce(books, "charge.dispute.funds_withdrawn", dispute, at)
    return charge


def answer(books: Books, account: str, name: str, asked: AnswerDispute, at: datetime) -> Dispute:
    """Submit evidence, and decide by it. Raises `ApiError`."""
    dispute = books.get(Dispute, account, name)
    outcome = {"winning_evidence": "won", "losing_evidence": "lost"}.get(asked.evidence.uncategorized_text)
    if not asked.submit:
        return dispute
    dispute = books.put(replace(dispute, status=moved(DISPUTE, "dispute", dispute.status, "answered")))
    announce(books, "charge.dispute.updated", dispute, at)
    if outcome is None:
        return dispute
    return _decide(books, dispute, outcome, at)


class CloseDispute(msgspec.Struct, frozen=True, kw_only=True):
    """POST /v1/disputes/:id/close."""

    expand: list[str] = []


def close(books: Books, account: str, name: str, _asked: CloseDispute, at: datetime) -> Dispute:
    """Accept the loss. Raises `ApiError`."""
    dispute = books.get(Dispute, account, name)
    if dispute.status != "needs_response":
        raise ApiError(400, "", f"This dispute is {dispute.status} already.")
    return _decide(books, dispute, "closed", at)


def _decide(books: Books, dispute: Dispute, outcome: str, at: datetime) -> Dispute:
    dispute = replace(dispute, status=moved(DISPUTE, "dispute", dispute.status, outcome))
    if outcome == "won":
        back = entry(books, dispute.account, "adjustment", dispute.amount, dispute.currency, dispute.id, at)
        dispute = replace(dispute, transactions=(*dispute.transactions, back.id))
    announce(books, "charge.dispute.closed", books.put(dispute), at)
    if outcome == "won":
        announce(books, "charge.dispute.funds_reinstated", dispute, at)
    return dispute
