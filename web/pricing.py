"""A price as the desk's form or a program sends it, and what is wrong with it: one problem at a time."""

from dataclasses import dataclass

from billing.agreement import When, most
from billing.money import BadAmount, UnknownCurrency, exponent, parse, smallest_charge
from billing.tariff import LONGEST_FREE, BadTariff, Basis, Tariff, check
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

    @property
    def free(self) -> bool:
        return self.tariff.basis is Basis.FREE


def read_price(form: dict[str, str], currency: str, minutes: int) -> PlannedPrice:
    """Return the price in the desk's form for a consultation of so many minutes; `currency` when it names none.

    Raises `Refused` with the form's field that is to blame.
    """
    basis = _basis(form.get("basis", "free"))
    currency = (form.get("currency", "").strip() or currency).upper()
    try:
        exponent(currency)
    except UnknownCurrency:
        raise Refused("unknown_currency", field="currency") from None
    if basis is Basis.FREE:
        return PlannedPrice(Tariff(currency=currency), When.HOLD)
    values: dict[str, int] = {}
    values["per_minute" if basis is Basis.PER_MINUTE else "fixed"] = _main_amount(form, basis, currency)
    if basis is Basis.PER_MINUTE:
        for name, field in _AMOUNTS.items():
            if (given := _amount(form, name, currency)) is not None:
                values[field] = given
        for name, field in _MINUTES.items():
            values[field] = _minutes(form, name)
        values["granularity"] = _STEPS.get(form.get("step", "second"), 1)
    elif basis is Basis.AT_END and (cap := _amount(form, "cap", currency)) is not None:
        values["cap"] = cap
    _chargeable(values.get("cap"), "cap", currency)
    return _held(checked(Tariff(currency=currency, basis=basis, **values), form.get("pay", "hold")), minutes, "amount")


def priced(tariff: Tariff, when: str, minutes: int) -> PlannedPrice:
    """Return a program's price for a consultation of so many minutes. Raises `Refused` with the tariff's field."""
    field = "fixed" if tariff.basis is Basis.AT_END and tariff.cap is None else "cap"
    return _held(checked(tariff, when), minutes, field)


def checked(tariff: Tariff, when: str) -> PlannedPrice:
    """Return the price. Raises `Refused` with the tariff's field that is to blame."""
    try:
        check(tariff)
    except BadTariff as error:
        raise Refused("bad_tariff", field=str(error)) from None
    except UnknownCurrency:
        raise Refused("unknown_currency", field="currency") from None
    return PlannedPrice(tariff, When.AFTER if when == When.AFTER else When.HOLD)


def _held(price: PlannedPrice, minutes: int, field: str) -> PlannedPrice:
    """Return the price, unless a hold is to be made and nobody can say of how much."""
    if price.when is When.HOLD and not most(price.tariff, minutes * 60):
        raise Refused("nothing_to_hold", field=field)
    return price


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


def _main_amount(form: dict[str, str], basis: Basis, currency: str) -> int:
    """Return the rate or the fixed price; one that is said at the end may be missing, and is 0 then."""
    amount = _amount(form, "amount", currency)
    if basis is Basis.AT_END:
        return amount or 0
    if amount is None:
        raise Refused("bad_amount", field="amount")
    if amount == 0:
        raise Refused("price_zero", field="amount")
    if basis is Basis.FIXED:
        _chargeable(amount, "amount", currency)
    return amount


def _chargeable(amount: int | None, field: str, currency: str) -> None:
    if amount is not None and amount < smallest_charge(currency):
        raise Refused("price_too_small", field=field)


def _minutes(form: dict[str, str], name: str) -> int:
    text = form.get(name, "").strip()
    if not text:
        return 0
    if not (text.isascii() and text.isdecimal() and len(text) <= 3 and int(text) * 60 <= LONGEST_FREE):
        raise Refused("bad_duration", field=name)
    return int(text) * 60
