"""Amounts as people read them, in their language."""

import re
from copy import copy

from babel import Locale
from babel.numbers import NumberPattern

from billing.money import Money, exponent

# English as it is written beside French, with day before month; its numbers are everybody's.
LOCALES = {"fr": "fr", "en": "en_GB"}

_TOUCHING = re.compile(r"(?<=[A-Z])(?=\d)")


def amount_text(money: Money, language: str) -> str:
    """Return « 1 234,50 € » or “€1,234.50”, with as many decimals as the currency has by ISO 4217.

    Babel alone would take the decimals in use, which are fewer for some currencies and would round an amount.
    """
    locale = Locale.parse(LOCALES[language])
    # A copy, for it is shared by all who format in that language.
    pattern: NumberPattern = copy(locale.currency_formats["standard"])
    places = exponent(money.currency)
    pattern.frac_prec = (places, places)
    text = pattern.apply(money.decimal, locale, currency=money.currency, currency_digits=False)
    # CLDR's rule for a code that would touch the digits, which Babel leaves out: KWD 12.340.
    return _TOUCHING.sub("\u00a0", text)
