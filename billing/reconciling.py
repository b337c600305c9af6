"""What the provider and our books can disagree on, and how it is found: by comparing lists, never by trusting one.

https://docs.stripe.com/reports/balance-transaction-types names the kinds of movements.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from billing.bookkeeping import booked_net
from billing.gateway import BalanceTransaction
from billing.ledger import Entry
from billing.money import Money

# What is younger may be on its way into the books by a webhook or a due job.
GRACE = timedelta(minutes=10)
# Each run looks again at what the one before has seen: clocks differ, and lists are not complete to the second.
OVERLAP = timedelta(days=2)
# An operation is looked up within seconds, and at the latest after some minutes of a provider's silence.
OPERATION_UNKNOWN_AFTER = timedelta(hours=1)


class DifferenceKind(StrEnum):
    """What is wrong."""

    MISSING_POSTING = "missing_posting"
    MISSING_TRANSACTION = "missing_transaction"
    WRONG_AMOUNT = "wrong_amount"
    FOREIGN_CHARGE = "foreign_charge"
    FOREIGN_REFUND = "foreign_refund"
    FOREIGN_DISPUTE = "foreign_dispute"
    UNKNOWN_TRANSACTION = "unknown_transaction"
    UNREADABLE = "unreadable"
    PAYMENT_WITHOUT_CAPTURE = "payment_without_capture"
    CAPTURE_WITHOUT_PAYMENT = "capture_without_payment"
    OVERPAID = "overpaid"
    UNKNOWN_OPERATION = "unknown_operation"
    UNKNOWN_HOLD = "unknown_hold"
    PAYOUT_RETURNED = "payout_returned"
    REFUND_FAILED = "refund_failed"
    UNBALANCED = "unbalanced"
    WRONG_COMMISSION = "wrong_commission"


@dataclass(frozen=True, slots=True)
class Difference:
    """`object`: the id of what it is about, ours or the provider's. `account` "" is the platform's.

    `ours` and `theirs` are texts for people: an amount, a state, or empty where one side has nothing.
    """

    account: str
    kind: DifferenceKind
    object: str
    ours: str
    theirs: str


_K = DifferenceKind


def shown(minor: int, currency: str) -> str:
    """Return an amount as it stands in a difference."""
    return f"{Money(minor, currency).decimal} {currency}"


def unbooked(kind: DifferenceKind, transaction: BalanceTransaction) -> Difference:
    """Return the difference of a movement that our books do not have."""
    theirs = f"{transaction.kind} {shown(transaction.net, transaction.currency)}"
    return Difference(transaction.account, kind, transaction.id, "", theirs)


def wrong_amount(transaction: BalanceTransaction, entries: Iterable[Entry]) -> Difference | None:
    """Return the difference when the booked net is not the transaction's."""
    ours = booked_net(entries, transaction)
    if ours == transaction.net:
        return None
    currency = transaction.currency
    return Difference(
        transaction.account, _K.WRONG_AMOUNT, transaction.id, shown(ours, currency), shown(transaction.net, currency)
    )


@dataclass(frozen=True, slots=True)
class Sums:
    """A payment's amounts, minor units: `captured` of its holds, `refunded` of `paid`, `claim` what it came to.

    `received`: the payment counts as paid. `claim` is None as long as no amount was confirmed.
    """

    payment: str
    account: str
    currency: str
    paid: int
    captured: int
    refunded: int
    claim: int | None
    received: bool


def captures(sums: Sums) -> Difference | None:
    """Return the difference between what a payment came to, what it says it got, and what its holds say was taken."""
    ours, theirs = sums.paid, sums.captured
    kept = sums.paid - sums.refunded
    if sums.captured < sums.paid:
        kind = _K.PAYMENT_WITHOUT_CAPTURE
    elif sums.captured > sums.paid or (kept > 0 and not sums.received and sums.paid >= (sums.claim or 0)):
        kind = _K.CAPTURE_WITHOUT_PAYMENT
    elif sums.claim is not None and kept > sums.claim:
        kind, ours, theirs = _K.OVERPAID, sums.claim, kept
    else:
        return None
    shows = shown(ours, sums.currency), shown(theirs, sums.currency)
    return Difference(sums.account, kind, sums.payment, *shows)


def commissions(
    booked: Iterable[tuple[datetime, Entry]], transactions: Iterable[BalanceTransaction], since: datetime, at: datetime
) -> dict[Difference, datetime]:
    """Return what our income and the platform's balance do not have in common since `since`, with each one's moment.

    A fee on the platform's balance does not name the charge it is of, so equal amounts of about one time are paired.
    What lies within the grace of either end may have its other half beyond it.
    """
    first, last = since + GRACE, at - GRACE
    moments: defaultdict[tuple[int, str], tuple[list[datetime], list[datetime]]] = defaultdict(lambda: ([], []))
    for moment, entry in booked:
        moments[entry.amount, entry.currency][0].append(moment)
    for one in transactions:
        moments[one.net, one.currency][1].append(one.created_at)
    found = {}
    for (amount, currency), (ours, theirs) in moments.items():
        words = shown(amount, currency)
        for moment, mine in _alone(ours, theirs):
            if first <= moment <= last:
                name = f"{moment.isoformat()} {words}"
                difference = Difference("", _K.WRONG_COMMISSION, name, words if mine else "", "" if mine else words)
                found[difference] = moment
    return found


def _alone(ours: Iterable[datetime], theirs: Iterable[datetime]) -> Iterator[tuple[datetime, bool]]:
    """Yield the moments that have none of the other side within the grace; True: it is one of ours."""
    mine, others = deque(sorted(ours)), deque(sorted(theirs))
    while mine and others:
        if abs(mine[0] - others[0]) <= GRACE:
            mine.popleft()
            others.popleft()
        elif mine[0] < others[0]:
            yield mine.popleft(), True
        else:
            yield others.popleft(), False
    yield from ((moment, True) for moment in mine)
    yield from ((moment, False) for moment in others)
