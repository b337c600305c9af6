"""Earnings, as the profile page shows them (C2-21 to C2-25). Amounts are minor units; each currency stands alone."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from billing.ledger import PostingKind

# Postings that are earnings; the others move what was earned.
EARNING = frozenset(
    {
        PostingKind.CAPTURED,
        PostingKind.REFUNDED,
        PostingKind.DISPUTED,
        PostingKind.DISPUTE_WON,
        PostingKind.ADJUSTED,
    }
)


@dataclass(frozen=True, slots=True)
class Movement:
    """What one posting changed: `gross` received from (or given back to) the patient, and the two fees on it."""

    at: datetime
    kind: PostingKind
    payment: str
    patient: str
    currency: str
    gross: int
    card_fee: int
    commission: int

    @property
    def net(self) -> int:
        return self.gross - self.card_fee - self.commission


@dataclass(frozen=True, slots=True)
class Session:
    """One consultation that took place, with its calls' whole seconds."""

    consultation: str
    patient: str
    started_at: datetime
    seconds: int


@dataclass(frozen=True, slots=True)
class Month:
    """What a month brought, `month` as `2026-03`. What is left is `net`."""

    month: str
    currency: str
    gross: int
    card_fee: int
    commission: int
    net: int


@dataclass(frozen=True, slots=True)
class PatientTotal:
    """What one patient paid, all in all, with every payment received, newest first."""

    patient: str
    currency: str
    gross: int
    movements: tuple[Movement, ...]


@dataclass(frozen=True, slots=True)
class Earnings:
    """`months` without a gap from the first to the last, in each currency; sessions newest first."""

    months: tuple[Month, ...]
    patients: tuple[str, ...]
    total_seconds: int
    sessions: tuple[Session, ...]
    by_patient: tuple[PatientTotal, ...]


def earnings(movements: Iterable[Movement], sessions: Iterable[Session], time_zone: str) -> Earnings:
    """Return the report; months are those of the practitioner's time zone."""
    moved = sorted(movements, key=lambda one: one.at, reverse=True)
    held = sorted(sessions, key=lambda one: one.started_at, reverse=True)
    return Earnings(
        months=_months(moved, ZoneInfo(time_zone)),
        patients=tuple(sorted({one.patient for one in held}, key=str.casefold)),
        total_seconds=sum(one.seconds for one in held),
        sessions=tuple(held),
        by_patient=_by_patient(moved),
    )


def _months(moved: Iterable[Movement], zone: ZoneInfo) -> tuple[Month, ...]:
    sums: defaultdict[str, dict[int, list[int]]] = defaultdict(dict)
    for one in moved:
        local = one.at.astimezone(zone)
        sum_of_month = sums[one.currency].setdefault(local.year * 12 + local.month - 1, [0, 0, 0])
        for place, part in enumerate((one.gross, one.card_fee, one.commission)):
            sum_of_month[place] += part
    return tuple(
        _month(currency, month, *known.get(month, (0, 0, 0)))
        for currency, known in sorted(sums.items())
        for month in range(min(known), max(known) + 1)
    )


def _month(currency: str, month: int, gross: int, card_fee: int, commission: int) -> Month:
    name = f"{month // 12:04d}-{month % 12 + 1:02d}"
    return Month(name, currency, gross, card_fee, commission, gross - card_fee - commission)


def _by_patient(moved: Iterable[Movement]) -> tuple[PatientTotal, ...]:
    theirs: defaultdict[tuple[str, str], list[Movement]] = defaultdict(list)
    for one in moved:
        theirs[one.patient, one.currency].append(one)
    totals = [
        PatientTotal(patient, currency, sum(one.gross for one in ones), tuple(ones))
        for (patient, currency), ones in theirs.items()
    ]
    return tuple(sorted(totals, key=lambda total: (total.patient.casefold(), total.currency)))
