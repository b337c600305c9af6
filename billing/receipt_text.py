"""A receipt in words: everything that its page shows, in the order in which it stands there.

A msgid is the English sentence; `{places}` take the values. French is in `billing/locales/fr.po`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel.dates import format_date, format_datetime

from billing.amounts import LOCALES, amount_text
from billing.money import Money
from billing.monitoring import shown_duration
from billing.receipt import ReceiptBody, ReceiptKind
from billing.tariff import Basis, Tariff, billed_seconds, quote

Translate = Callable[[str], str]

_BRANDS = {
    "visa": "Visa",
    "mastercard": "Mastercard",
    "amex": "American Express",
    "cartes_bancaires": "Cartes Bancaires",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the account: what, how it was computed, how much. `strong`: a sum."""

    text: str
    notes: tuple[str, ...]
    amount: str
    strong: bool = False


@dataclass(frozen=True, slots=True)
class ReceiptText:
    """A receipt from top to bottom. `facts`: label and value; `proof` and `heads`: how to verify the duration."""

    title: str
    issuer: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    lines: tuple[Line, ...]
    notes: tuple[str, ...]
    proof: str
    heads: tuple[tuple[str, str], ...]
    page: str


def receipt_text(body: ReceiptBody, language: str, translate: Translate) -> ReceiptText:
    """Return the receipt's words in `fr` or `en`; `translate` gives a sentence in that language."""
    return _Writer(body, language, translate).text()


class _Writer:
    def __init__(self, body: ReceiptBody, language: str, translate: Translate) -> None:
        self._body = body
        self._language = language
        self._translate = translate
        self._zone = _zone(body.issuer.time_zone)

    def text(self) -> ReceiptText:
        body = self._body
        credit = body.kind is ReceiptKind.CREDIT_NOTE
        # The rate and the record belong to the receipt: a credit note refers to it.
        return ReceiptText(
            title=self._say("Credit note {number}" if credit else "Receipt {number}", number=body.number),
            issuer=(body.issuer.name, *body.issuer.lines),
            facts=tuple(self._facts()),
            lines=self._given_back() if credit else tuple(self._account()),
            notes=(body.vat_note,) if body.vat_note else (),
            proof="" if credit or not body.heads else self._say(PROOF),
            heads=() if credit else body.heads,
            page=self._say("Page {page} of {pages}", page="{page}", pages="{pages}"),
        )

    def _say(self, english: str, **values: str) -> str:
        return self._translate(english).format_map(values)

    def _money(self, minor: int) -> str:
        return amount_text(Money(minor, self._body.currency), self._language)

    def _facts(self) -> list[tuple[str, str]]:
        body = self._body
        locale = LOCALES[self._language]
        issued = body.issued_at.astimezone(self._zone).date()
        facts = [
            (self._say("Issued on"), format_date(issued, "long", locale=locale)),
            (self._say("Patient"), body.patient),
        ]
        if body.of:
            facts.append((self._say("Concerns the receipt"), body.of))
        facts.append((self._say("Video consultation of"), self._moment(body.starts_at)))
        if body.seconds and body.kind is ReceiptKind.RECEIPT:
            facts.append((self._say("Duration"), shown_duration(body.seconds)))
        facts.append((self._say("Reference"), body.consultation))
        return facts

    def _moment(self, at: datetime) -> str:
        shown = format_datetime(at.astimezone(self._zone), "d MMMM y, HH:mm", locale=LOCALES[self._language])
        return f"{shown} ({self._zone.key})"

    def _given_back(self) -> tuple[Line, ...]:
        body = self._body
        reason = (self._say("Reason: {reason}", reason=body.reason),) if body.reason else ()
        brand, last = self._card()
        text = self._say("Given back to card {brand} ending in {last}", brand=brand, last=last)
        return (Line(text if brand else self._say("Given back"), reason, self._money(body.paid), strong=True),)

    def _account(self) -> list[Line]:
        body = self._body
        lines = [Line(self._service(), tuple(self._computed()), self._money(body.price))]
        if body.covered:
            whom = self._say("Taken over by {organisation}", organisation=body.organisation)
            lines.append(Line(whom, (), self._money(-body.covered)))
        if body.waived:
            lines.append(Line(self._say("Not charged"), (), self._money(-body.waived)))
        if len(lines) > 1:
            lines.append(Line(self._say("To be paid by the patient"), (), self._money(body.due)))
        brand, last = self._card()
        paid = self._say("Paid by card {brand} ending in {last}", brand=brand, last=last)
        lines.append(Line(paid if brand else self._say("Paid"), (), self._money(body.paid), strong=True))
        return lines

    def _card(self) -> tuple[str, str]:
        brand, _, last = self._body.card.partition(" ")
        return _BRANDS.get(brand, brand.title()), last

    def _service(self) -> str:
        return self._say("Missed appointment") if self._body.no_show else self._say("Video consultation")

    def _computed(self) -> list[str]:
        """Return how the price came about, for a price that follows from the time."""
        body, tariff = self._body, self._body.tariff
        if body.no_show or tariff.basis is not Basis.PER_MINUTE:
            return []
        if quote(tariff, body.seconds).price != body.price:
            return [self._say("Amount set by the practitioner")]
        billed = shown_duration(billed_seconds(tariff, body.seconds))
        rate = self._money(tariff.per_minute)
        return [self._say("{duration} at {rate} a minute", duration=billed, rate=rate), *self._conditions(tariff)]

    def _conditions(self, tariff: Tariff) -> list[str]:
        said: list[str] = []
        if tariff.free_seconds:
            said.append(self._say("The first {duration} are free", duration=shown_duration(tariff.free_seconds)))
        if tariff.minimum_seconds:
            said.append(self._say("At least {duration} are billed", duration=shown_duration(tariff.minimum_seconds)))
        if tariff.granularity > 1:
            said.append(self._say("Billed in steps of {duration}", duration=shown_duration(tariff.granularity)))
        if tariff.fixed:
            said.append(self._say("Fixed part: {amount}", amount=self._money(tariff.fixed)))
        if tariff.minimum:
            said.append(self._say("Minimum: {amount}", amount=self._money(tariff.minimum)))
        if tariff.cap is not None:
            said.append(self._say("Maximum: {amount}", amount=self._money(tariff.cap)))
        return said


PROOF = (
    "The duration follows from facts that were recorded during the call, each holding the hash of the one before it. "
    "With the record, “visavis verify” followed by the call computes them anew; the last one must be this:"
)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")
