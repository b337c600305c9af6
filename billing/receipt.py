"""Receipts and credit notes: what is printed on one, and how they are numbered.

Numbers are gap-free within a series: one practitioner, one year. A receipt holds everything that it prints, so that it
is the same for ever, whatever is renamed later. Amounts are minor units.
"""

import hashlib
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

import msgspec

from billing.tariff import Tariff

# So many digits of a hash are enough to tell the practitioners of one installation apart.
_SHORT = 8


class ReceiptKind(StrEnum):
    """A receipt says what was paid; a credit note what was given back."""

    RECEIPT = "receipt"
    CREDIT_NOTE = "credit_note"


class Issuer(msgspec.Struct, frozen=True):
    """The practitioner as printed: `lines` are address and professional numbers. `time_zone`: IANA name for dates."""

    name: str
    lines: tuple[str, ...] = ()
    time_zone: str = "UTC"


class ReceiptBody(msgspec.Struct, frozen=True):
    """Everything printed on a receipt.

    `number` as printed; `of` is the receipt's number on a credit note, with the given back amount in `paid` and its
    `reason`. `price` = `covered` (by `organisation`) + `waived` + `due`. `seconds`: billable ones. `heads`: per call
    its id and the last fact of its hash chain, which `visavis verify` recomputes. `starts_at`: as it was planned.
    """

    number: str
    kind: ReceiptKind
    issued_at: datetime
    issuer: Issuer
    patient: str
    consultation: str
    starts_at: datetime
    currency: str
    tariff: Tariff
    seconds: int
    price: int
    covered: int
    waived: int
    due: int
    paid: int
    card: str = ""
    organisation: str = ""
    no_show: bool = False
    vat_note: str = ""
    heads: tuple[tuple[str, str], ...] = ()
    of: str = ""
    reason: str = ""


class NoReceipt(LookupError):
    """There is no receipt with this id."""


def series(practitioner: str, at: datetime, time_zone: str) -> str:
    """Return the series of a practitioner's receipts in the year that it is for them, `1A2B3C4D/2026`."""
    short = hashlib.sha256(practitioner.encode()).hexdigest()[:_SHORT].upper()
    return f"{short}/{at.astimezone(ZoneInfo(time_zone)).year}"


def printed_number(series_name: str, number: int) -> str:
    """Return a receipt's number as printed, `1A2B3C4D/2026-00017`."""
    return f"{series_name}-{number:05d}"


def encoded(body: ReceiptBody) -> str:
    """Return the body as it is kept."""
    return msgspec.json.encode(body).decode()


def decoded(text: str) -> ReceiptBody:
    """Return the body that was kept."""
    return msgspec.json.decode(text, type=ReceiptBody)
