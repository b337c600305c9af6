"""Amounts and durations as pages and charts show them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from babel.dates import format_date
from babel.numbers import format_currency, get_currency_symbol

from billing.money import exponent
from web.languages import Language

_LOCALES: dict[str, str] = {"fr": "fr_FR", "en": "en_GB"}

# A chart's drawing area, in the units of its viewBox.
WIDTH, HEIGHT = 480, 200
_HEADROOM = 1.1


def amount_in_words(minor: int, currency: str, language: Language) -> str:
    """Return an amount of minor units as people of that language write it, `86,25 €`."""
    places = exponent(currency)
    value = Decimal(minor).scaleb(-places)
    pattern = "#,##0" + ("." + "0" * places if places else "")
    # A symbol stands close to the figures, letters do not.
    space = "\u00a0" if get_currency_symbol(currency, _LOCALES[language])[-1].isalpha() else ""
    form = f"¤{space}{pattern}" if language == "en" else f"{pattern}\u00a0¤"
    return format_currency(value, currency, form, locale=_LOCALES[language], currency_digits=False)


def month_in_words(month: str, language: Language, *, short: bool = False) -> str:
    """Return a month like `2026-03` in words, `mars 2026`; short without the year, `mars`."""
    return format_date(date.fromisoformat(f"{month}-01"), "LLL" if short else "LLLL y", locale=_LOCALES[language])


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a chart: its place and size in the chart's units, and what it stands for."""

    x: float
    y: float
    width: float
    height: float
    label: str
    value: int


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars over a base line; `base` is its height. Values below zero hang from it."""

    bars: tuple[Bar, ...]
    base: float
    width: int = WIDTH
    height: int = HEIGHT


def chart(values: Sequence[tuple[str, int]]) -> Chart:
    """Return bars for (label, value), as high as the largest needs."""
    top = max([value for _, value in values] + [0]) * _HEADROOM
    bottom = min([value for _, value in values] + [0]) * _HEADROOM
    span = (top - bottom) or 1
    base = HEIGHT * top / span
    slot = WIDTH / max(len(values), 1)
    width = min(slot * 0.7, 64)
    bars = []
    for place, (label, value) in enumerate(values):
        height = HEIGHT * abs(value) / span
        y = base - height if value >= 0 else base
        x = place * slot + (slot - width) / 2
        bars.append(Bar(round(x, 1), round(y, 1), round(width, 1), round(height, 1), label, value))
    return Chart(tuple(bars), round(base, 1))
