"""Monitoring: one row for each consultation, as its page and its CSV show it (FAC-12 to FAC-19)."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from billing.money import Money
from billing.payment import PaymentState
from billing.payout import PayoutState

# A byte order mark: without it, spreadsheet programs take UTF-8 for the machine's old encoding.
_BOM = "\ufeff"
# A cell that begins so is a formula to a spreadsheet (https://owasp.org/www-community/attacks/CSV_Injection). The last
# ones are the same signs in the full width that some programs normalise.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


class Filter(StrEnum):
    """What Monitoring can be narrowed to (FAC-13)."""

    UNPAID = "unpaid"
    CANCELLED = "cancelled"
    FAILED = "failed"
    PENDING = "pending"
    PAID = "paid"
    NO_PAYMENT = "no_payment"


_S = PaymentState

SHOWS: dict[Filter, frozenset[PaymentState]] = {
    Filter.UNPAID: frozenset({_S.UNPAID}),
    Filter.CANCELLED: frozenset({_S.CANCELLED}),
    Filter.FAILED: frozenset({_S.FAILED}),
    Filter.PENDING: frozenset({_S.DRAFT, _S.PENDING, _S.PROCESSING}),
    Filter.PAID: frozenset({_S.PAID, _S.PARTLY_REFUNDED, _S.REFUNDED, _S.DISPUTED, _S.WON, _S.LOST}),
    Filter.NO_PAYMENT: frozenset({_S.NO_PAYMENT}),
}
# In these the patient can be asked again, by the same link (FAC-18).
_ASKABLE = frozenset({_S.PENDING, _S.UNPAID, _S.FAILED})


@dataclass(frozen=True, slots=True)
class MonitoringRow:
    """A consultation. Without a call there is no start and no end; `at` is what the row is sorted by.

    `amount` is what the patient owes or has paid, None before it is known and where there is no payment. `seconds`: how
    long the calls took, as the page shows them. `payment` is the payment's id, or empty. `heads`: the last fact of each
    call's hash chain, for `visavis verify`. `addressed`: whether the patient left an e-mail address.
    """

    consultation: str
    at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    seconds: int | None
    patient: str
    state: PaymentState
    payout: PayoutState
    payment: str = ""
    amount: Money | None = None
    refunded: Money | None = None
    heads: tuple[str, ...] = ()
    addressed: bool = True

    @property
    def can_ask_again(self) -> bool:
        """Whether the row offers to send the payment link again."""
        return self.state in _ASKABLE


def states_of(filters: Iterable[Filter]) -> frozenset[PaymentState]:
    """Return the payment states that these filters show; no filter shows all."""
    chosen = [SHOWS[one] for one in filters]
    return frozenset().union(*(chosen or SHOWS.values()))


def shown_seconds(start: datetime, end: datetime) -> int:
    """Return the whole seconds between two moments as a page shows them, to the second. Never negative."""
    whole = end.replace(microsecond=0) - start.replace(microsecond=0)
    return max(whole // timedelta(seconds=1), 0)


def shown_duration(seconds: int) -> str:
    """Return a duration as people read it in French and English: `48 min 18 s`, `1 h 0 min 5 s`, `9 s`."""
    hours, rest = divmod(seconds, 3600)
    minutes, rest = divmod(rest, 60)
    if hours:
        return f"{hours} h {minutes} min {rest} s"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


# The one source of what the page and the CSV say, English and French.
WORDS: dict[str, tuple[str, str]] = {
    "start": ("Start", "Début"),
    "end": ("End", "Fin"),
    "duration": ("Duration", "Durée"),
    "patient": ("Patient", "Patient"),
    "amount": ("Amount", "Montant"),
    "currency": ("Currency", "Devise"),
    "payment": ("Payment status", "Statut du paiement"),
    "payout": ("Payout status", "Statut du virement"),
    "link": ("Link", "Lien"),
    "action": ("Action", "Action"),
    "proof": ("Proof of the duration", "Preuve de la durée"),
    "ask_again": ("Send the payment request again", "Renvoyer une demande de paiement"),
}
PAYMENT_WORDS: dict[PaymentState, tuple[str, str]] = {
    _S.DRAFT: ("Amount to be confirmed", "Montant à confirmer"),
    _S.NO_PAYMENT: ("No payment", "Pas de paiement"),
    _S.PENDING: ("Pending", "En attente"),
    _S.PROCESSING: ("Being processed", "En cours"),
    _S.PAID: ("Paid", "Payé"),
    _S.FAILED: ("Failed", "Échoué"),
    _S.UNPAID: ("Unpaid", "Impayé"),
    _S.CANCELLED: ("Cancelled", "Annulé"),
    _S.PARTLY_REFUNDED: ("Partly refunded", "Remboursé en partie"),
    _S.REFUNDED: ("Refunded", "Remboursé"),
    _S.DISPUTED: ("Disputed", "Contesté"),
    _S.WON: ("Dispute won", "Litige gagné"),
    _S.LOST: ("Dispute lost", "Litige perdu"),
}
PAYOUT_WORDS: dict[PayoutState, tuple[str, str]] = {
    PayoutState.NONE: ("-", "-"),
    PayoutState.PENDING: ("To come", "À venir"),
    PayoutState.AVAILABLE: ("Available", "Disponible"),
    PayoutState.IN_TRANSIT: ("On its way", "En cours"),
    PayoutState.PAID: ("Paid out", "Viré"),
    PayoutState.FAILED: ("Returned by the bank", "Refusé par la banque"),
}
COLUMNS = ("start", "end", "duration", "patient", "amount", "payment", "payout", "link", "action", "currency", "proof")


def csv_text(rows: Iterable[MonitoringRow], language: str, time_zone: str, link: Callable[[str], str]) -> str:
    """Return the rows as CSV (RFC 4180) for a spreadsheet: nothing in it is taken for a formula.

    The nine columns of the page, then the currency and the hash chain's heads. In French with semicolons and decimal
    commas, as French spreadsheets read them. `link(consultation)` is where the practitioner joins.
    """
    french = language == "fr"
    zone, place = ZoneInfo(time_zone), int(french)
    lines = [[WORDS[name][place] for name in COLUMNS]]
    lines += [_cells(row, french, zone, link(row.consultation)) for row in rows]
    separator = ";" if french else ","
    return _BOM + "".join(separator.join(map(_cell, line)) + "\r\n" for line in lines)


def _cells(row: MonitoringRow, french: bool, zone: ZoneInfo, link: str) -> list[str]:
    place = int(french)
    amount = "-" if row.amount is None else str(row.amount.decimal)
    return [
        _moment(row.started_at, french, zone),
        _moment(row.ended_at, french, zone),
        "-" if row.seconds is None else shown_duration(row.seconds),
        row.patient,
        amount.replace(".", ",") if french else amount,
        PAYMENT_WORDS[row.state][place],
        PAYOUT_WORDS[row.payout][place],
        link,
        WORDS["ask_again"][place] if row.can_ask_again else "-",
        row.amount.currency if row.amount is not None else "-",
        " ".join(row.heads) or "-",
    ]


def _moment(at: datetime | None, french: bool, zone: ZoneInfo) -> str:
    if at is None:
        return "-"
    local = at.astimezone(zone)
    return f"{local:%d/%m/%Y %H:%M:%S}" if french else f"{local:%Y-%m-%d %H:%M:%S}"


def _cell(text: str) -> str:
    """Return a quoted cell. One that a spreadsheet would run gets an apostrophe before it; a lone dash runs nothing."""
    # Blanks before the sign do not keep every program from seeing a formula.
    if text != "-" and (text.startswith(_FORMULA) or text.lstrip().startswith(_FORMULA)):
        text = "'" + text
    return '"' + text.replace('"', '""') + '"'
