"""Double entries: every posting's amounts sum to zero in each currency, and nothing is ever changed.

Accounts are texts: `patient:PAYMENT`, `organisation:ORG`, `earned:PRACTITIONER`, `fees:PRACTITIONER` (what the provider
took), `commission:PRACTITIONER` (what the platform took), `balance:ACCOUNT` (at the provider), `bank:ACCOUNT`,
`platform` (the platform's income), `loss:PRACTITIONER` (a lost dispute). Debits are positive, credits negative.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class PostingKind(StrEnum):
    """What happened."""

    INVOICED = "invoiced"
    GIVEN_UP = "given_up"
    CAPTURED = "captured"
    REFUNDED = "refunded"
    DISPUTED = "disputed"
    DISPUTE_WON = "dispute_won"
    PAID_OUT = "paid_out"
    PAYOUT_RETURNED = "payout_returned"
    ADJUSTED = "adjusted"


class Unbalanced(Exception):
    """Ours: debits and credits differ."""


@dataclass(frozen=True, slots=True)
class Entry:
    """`amount` minor units, debit positive."""

    account: str
    amount: int
    currency: str


@dataclass(frozen=True, slots=True)
class Posting:
    """One event in the books. `reference` with `kind` is unique: said twice, it is booked once.

    `transaction` is the provider's balance transaction that it accounts for, or empty.
    """

    kind: PostingKind
    reference: str
    entries: tuple[Entry, ...]
    at: datetime
    transaction: str = ""

    def __post_init__(self) -> None:
        sums: defaultdict[str, int] = defaultdict(int)
        for entry in self.entries:
            sums[entry.currency] += entry.amount
        if any(sums.values()):
            raise Unbalanced(self.kind)


def invoiced(
    payment: str, practitioner: str, organisation: str, due: int, covered: int, currency: str, at: datetime
) -> Posting:
    """Return the claim on the patient (`due`) and on the organisation behind a coupon (`covered`)."""
    return _posting(
        PostingKind.INVOICED,
        payment,
        {f"patient:{payment}": due, f"organisation:{organisation}": covered, f"earned:{practitioner}": -due - covered},
        currency,
        at,
    )


def given_up(reference: str, payment: str, practitioner: str, amount: int, currency: str, at: datetime) -> Posting:
    """Return the claim on the patient written down by `amount`; written up again by a negative one."""
    return moved(PostingKind.GIVEN_UP, reference, f"patient:{payment}", f"earned:{practitioner}", amount, currency, at)


def captured(
    reference: str,
    payment: str,
    practitioner: str,
    account: str,
    amounts: "Taken",
    currency: str,
    at: datetime,
    transaction: str,
) -> Posting:
    """Return the patient's money on the practitioner's balance, less the provider's and the platform's part."""
    return _posting(
        PostingKind.CAPTURED,
        reference,
        {
            f"patient:{payment}": -amounts.gross,
            f"balance:{account}": amounts.gross - amounts.card_fee - amounts.commission,
            f"fees:{practitioner}": amounts.card_fee,
            f"commission:{practitioner}": amounts.commission,
            "balance:platform": amounts.commission,
            "platform": -amounts.commission,
        },
        currency,
        at,
        transaction,
    )


def refunded(
    reference: str,
    practitioner: str,
    account: str,
    amounts: "Taken",
    currency: str,
    at: datetime,
    transaction: str,
) -> Posting:
    """Return money given back: the provider keeps its fee, the platform gives its part back in proportion."""
    return _posting(
        PostingKind.REFUNDED,
        reference,
        {
            f"earned:{practitioner}": amounts.gross,
            f"balance:{account}": amounts.commission - amounts.gross - amounts.card_fee,
            f"fees:{practitioner}": amounts.card_fee,
            f"commission:{practitioner}": -amounts.commission,
            "balance:platform": -amounts.commission,
            "platform": amounts.commission,
        },
        currency,
        at,
        transaction,
    )


def moved(
    kind: PostingKind,
    reference: str,
    source: str,
    target: str,
    amount: int,
    currency: str,
    at: datetime,
    transaction: str = "",
) -> Posting:
    """Return `amount` taken from one account to another."""
    return _posting(kind, reference, {source: -amount, target: amount}, currency, at, transaction)


@dataclass(frozen=True, slots=True)
class Taken:
    """The parts of one movement, minor units."""

    gross: int
    card_fee: int
    commission: int


def _posting(
    kind: PostingKind, reference: str, sums: dict[str, int], currency: str, at: datetime, transaction: str = ""
) -> Posting:
    entries = tuple(Entry(account, amount, currency) for account, amount in sums.items() if amount)
    return Posting(kind, reference, entries, at, transaction)
