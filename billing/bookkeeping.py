"""From the provider's balance transactions to postings: what moved, and whose account it is booked on.

The truth of every fee stands in the balance transaction, never in our estimate. `fee` of a transaction holds the
card fee and the platform's part (https://docs.stripe.com/api/balance_transactions/object).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from billing.gateway import BalanceTransaction
from billing.ledger import Entry, Posting, PostingKind, Taken, captured, refunded

CHARGES = frozenset({"charge", "payment"})
REFUNDS = frozenset({"refund", "payment_refund"})
REFUND_FAILURES = frozenset({"refund_failure", "payment_refund_failure", "payment_failure_refund"})
DISPUTES = frozenset({"adjustment"})
PAYOUTS = frozenset({"payout"})
PAYOUTS_RETURNED = frozenset({"payout_failure", "payout_cancel"})
PLATFORM_FEES = frozenset({"application_fee", "application_fee_refund"})

# The platform's own account at the provider has no id of its own in our words.
PLATFORM = "platform"


@dataclass(frozen=True, slots=True)
class Charged:
    """Whose money a transaction moved. `amount` (minor units of `currency`): what the patient paid or got back."""

    payment: str
    practitioner: str
    amount: int
    currency: str


def owner(transaction: BalanceTransaction) -> str:
    """Return the account's name in the books."""
    return transaction.account or PLATFORM


def balance_of(account: str) -> str:
    """Return the ledger account that mirrors a balance at the provider; "" is the platform's."""
    return f"balance:{account or PLATFORM}"


def capture(hold: str, charged: Charged, transaction: BalanceTransaction) -> Posting:
    """Return the posting of money taken."""
    parts = Taken(transaction.amount, _card_fee(transaction), transaction.application_fee)
    posting = captured(
        hold,
        charged.payment,
        charged.practitioner,
        transaction.account,
        parts,
        transaction.currency,
        transaction.created_at,
        transaction.id,
    )
    return _exchanged(posting, f"patient:{charged.payment}", -charged.amount, charged, transaction)


def refund(reference: str, charged: Charged, transaction: BalanceTransaction) -> Posting:
    """Return the posting of money given back; the platform's part comes back as the transaction says."""
    parts = Taken(-transaction.amount, _card_fee(transaction), -transaction.application_fee)
    posting = refunded(
        reference,
        charged.practitioner,
        transaction.account,
        parts,
        transaction.currency,
        transaction.created_at,
        transaction.id,
    )
    return _exchanged(posting, f"earned:{charged.practitioner}", charged.amount, charged, transaction)


def refund_failure(charged: Charged, transaction: BalanceTransaction) -> Posting:
    """Return the posting of a refund that the patient's bank sent back."""
    back = replace(charged, amount=-charged.amount)
    return replace(refund(transaction.id, back, transaction), kind=PostingKind.ADJUSTED)


def dispute(practitioner: str, transaction: BalanceTransaction) -> Posting:
    """Return the posting of money that a dispute took (negative) or gave back."""
    kind = PostingKind.DISPUTED if transaction.amount < 0 else PostingKind.DISPUTE_WON
    return _plain(kind, transaction, {f"loss:{practitioner}": -transaction.amount}, f"fees:{practitioner}")


def payout(practitioner: str, transaction: BalanceTransaction) -> Posting:
    """Return the posting of a payout, or of one that came back."""
    kind = PostingKind.PAID_OUT if transaction.kind in PAYOUTS else PostingKind.PAYOUT_RETURNED
    bank = {f"bank:{owner(transaction)}": -transaction.amount}
    return _plain(kind, transaction, bank, f"fees:{practitioner}" if transaction.account else PLATFORM)


def booked_net(entries: Iterable[Entry], transaction: BalanceTransaction) -> int:
    """Return what the entries say that the transaction did to the balance."""
    mirrored = balance_of(transaction.account)
    return sum(e.amount for e in entries if e.account == mirrored and e.currency == transaction.currency)


def _card_fee(transaction: BalanceTransaction) -> int:
    return transaction.fee - transaction.application_fee


def _plain(kind: PostingKind, transaction: BalanceTransaction, other: dict[str, int], fees: str) -> Posting:
    sums = {balance_of(transaction.account): transaction.net, fees: transaction.fee, **other}
    entries = tuple(Entry(account, amount, transaction.currency) for account, amount in sums.items() if amount)
    return Posting(kind, transaction.id, entries, transaction.created_at, transaction.id)


def _exchanged(
    posting: Posting, account: str, amount: int, charged: Charged, transaction: BalanceTransaction
) -> Posting:
    """Return the posting with the patient's side in the patient's currency, where the balance has another one."""
    if charged.currency == transaction.currency:
        return posting
    exchange = f"exchange:{owner(transaction)}"
    entries = tuple(
        replace(entry, account=exchange) if entry.account == account else entry for entry in posting.entries
    )
    theirs = (Entry(exchange, -amount, charged.currency), Entry(account, amount, charged.currency))
    return replace(posting, entries=entries + theirs)
