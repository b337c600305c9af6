"""A price as the desk's form or a program sends it, and what is wrong with it: one problem at a time."""

from dataclasses import dataclass
from decimal import Decimal

from billing.agreement import When
from billing.money import BadAmount, Money, UnknownCurrency, exponent, parse
from billing.tariff import BadTariff, Basis, Tariff, check
from web.problems import Refused

# What the form has besides the amount, each in minutes, with the tariff's field in seconds.
_MINUTES = {"free_minutes": "free_seconds", "minimum_minutes": "minimum_seconds"}
# What may be typed as an amount, with the tariff's field.
_AMOUNTS = {"fixed_part": "fixed", "minimum": "minimum", "cap": "cap"}
_STEPS = {"second": 1, "minute": 60}

EMPTY = {
    "basis": "free",
    "amount": "",
    "currency": "",
    "pay": "hold",
    "step": "second",
    **dict.fromkeys(_MINUTES, ""),
    **dict.fromkeys(_AMOUNTS, ""),
}


@dataclass(frozen=True, slots=True)
class PlannedPrice:
    """What is to be charged, and when the card is asked for."""

    tariff: Tariff
    when: When


def read_price(form: dict[str, str], currency: str) -> PlannedPrice:
    """Return the price in the desk's form; `currency` when it names none. Raises `Refused` with the field to blame."""
    basis = _basis(form.get("basis", "free"))
    currency = (form.get("currency", "").strip() or currency).upper()
    try:
        exponent(currency)
    except UnknownCurrency:
        raise Refused("unknown_currency", field="currency") from None
    if basis is Basis.FREE:
        return PlannedPrice(Tariff(currency=currency), When.HOLD)
    values: dict[str, int] = {}
    amount = _amount(form, "amount", currency)
    if amount is None and basis is not Basis.AT_END:
        raise Refused("bad_amount", field="amount")
    values["per_minute" if basis is Basis.PER_MINUTE else "fixed"] = amount or 0
    if basis is Basis.PER_MINUTE:
        for name, field in _AMOUNTS.items():
            if (typed := _amount(form, name, currency)) is not None:
                values[field] = typed
        for name, field in _MINUTES.items():
            values[field] = _minutes(form, name)
        values["granularity"] = _STEPS.get(form.get("step", "second"), 1)
    elif basis is Basis.AT_END and (cap := _amount(form, "cap", currency)) is not None:
        values["cap"] = cap
    return checked(Tariff(currency=currency, basis=basis, **values), form.get("pay", "hold"))


def checked(tariff: Tariff, when: str) -> PlannedPrice:
    """Return the price. Raises `Refused` with the tariff's field that is to blame."""
    try:
        check(tariff)
    except BadTariff as error:
        raise Refused("bad_tariff", field=str(error)) from None
    except UnknownCurrency:
        raise Refused("unknown_currency", field="currency") from None
    return PlannedPrice(tariff, When.AFTER if when == When.AFTER else When.HOLD)


def typed(amount: Money) -> str:
    """Return an amount as one would type it, `80.00`."""
    return f"{Decimal(amount.decimal):f}"


def _basis(text: str) -> Basis:
    try:
        return Basis(text)
    except ValueError:
        raise Refused("bad_tariff", field="basis") from None


def _amount(form: dict[str, str], name: str, currency: str) -> int | None:
    text = form.get(name, "").strip()
    if not text:
        return None
    try:
        return parse(text, currency).minor
    except BadAmount:
        raise Refused("bad_amount", field=name) from None


def _minutes(form: dict[str, str], name: str) -> int:
    text = form.get(name, "").strip()
    if not text:
        return 0
    if not (text.isascii() and text.isdecimal() and len(text) <= 3):
        raise Refused("bad_tariff", field=name)
    return int(text) * 60
