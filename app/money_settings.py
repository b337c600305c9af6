"""What billing is told from outside. Secrets come from the environment only: a command line is there for all to see."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from app.language import Refused, Sentence, say
from billing.money import UnknownCurrency, exponent

_COUNTRY = re.compile(r"[A-Z]{2}")
_PERCENT = re.compile(r"\d{1,2}(?:[.,]\d{1,2})?")
_LONGEST_NOTE = 300

# A restricted key is written rk_; those of the live mode say so in their names.
_KEY = re.compile(r"(?:sk|rk)_(?:test|live)_\w{8,}")
_PUBLISHABLE = re.compile(r"pk_(?:test|live)_\w{8,}")
_SECRET = re.compile(r"whsec_\w{8,}")

# TrueType, OpenType, and several of either in one file.
_FONTS = (b"\x00\x01\x00\x00", b"OTTO", b"ttcf")


@dataclass(frozen=True, slots=True)
class StripeKeys:
    """The keys of an account at Stripe; not shown in any representation.

    `incremental`: Stripe has granted the practitioners' accounts holds that can be raised.
    """

    secret: str = field(repr=False)
    publishable: str
    webhook: str = field(repr=False)
    connect_webhook: str = field(repr=False)
    incremental: bool = False

    @property
    def live(self) -> bool:
        """Whether real money moves."""
        return "_live_" in self.secret


@dataclass(frozen=True, slots=True)
class MoneySettings:
    """`stripe` None: the sandbox. `currency` ISO 4217, `country` ISO 3166-1, `commission` in percent.

    `font`: for what the receipts' own font lacks; None stands for one of the system's.
    """

    stripe: StripeKeys | None
    currency: str
    country: str
    commission: Fraction
    vat_note: str
    logo: Path | None
    font: Path | None


def read_money(given: Mapping[str, str], environ: Mapping[str, str]) -> MoneySettings:
    """Return the settings. Raises `Refused` with a sentence for the first one that makes no sense."""
    currency = given["currency"].upper()
    try:
        exponent(currency)
    except UnknownCurrency as error:
        raise Refused(
            say("--currency takes an ISO 4217 code like EUR or CHF, not “{text}”.", text=given["currency"])
        ) from error
    country = given["country"].upper()
    if _COUNTRY.fullmatch(country) is None:
        raise Refused(say("--country takes two letters like FR or BE, not “{text}”.", text=given["country"]))
    commission = given["commission"].strip()
    if _PERCENT.fullmatch(commission) is None:
        raise Refused(say("--commission takes a percentage below 100, like 12 or 7.5, not “{text}”.", text=commission))
    return MoneySettings(
        stripe=_keys(environ),
        currency=currency,
        country=country,
        commission=Fraction(commission.replace(",", ".")),
        vat_note=given["vat-note"][:_LONGEST_NOTE],
        logo=_logo(given["receipt-logo"]),
        font=_font(given["receipt-font"]),
    )


def _keys(environ: Mapping[str, str]) -> StripeKeys | None:
    secret = environ.get("VISAVIS_STRIPE_KEY", environ.get("STRIPE_API_KEY", "")).strip()
    if not secret:
        return None
    rest = {
        name: environ.get(name, "").strip()
        for name in (
            "VISAVIS_STRIPE_PUBLISHABLE_KEY",
            "VISAVIS_STRIPE_WEBHOOK_SECRET",
            "VISAVIS_STRIPE_CONNECT_WEBHOOK_SECRET",
        )
    }
    if _KEY.fullmatch(secret) is None:
        raise Refused(
            say("VISAVIS_STRIPE_KEY is no secret key of Stripe: it begins sk_test_, sk_live_, rk_test_ or rk_live_.")
        )
    for (name, value), form in zip(rest.items(), (_PUBLISHABLE, _SECRET, _SECRET), strict=True):
        if form.fullmatch(value) is None:
            raise Refused(say("With VISAVIS_STRIPE_KEY, {name} is needed too: see docs/deploy.md.", name=name))
    publishable, webhook, connect = rest.values()
    if ("_live_" in secret) != ("_live_" in publishable):
        raise Refused(say("One of the two Stripe keys is for tests and the other is live: take both of the same kind."))
    incremental = environ.get("VISAVIS_STRIPE_INCREMENTAL", "").strip().lower()
    if incremental not in {"", "yes", "no"}:
        raise Refused(say("VISAVIS_STRIPE_INCREMENTAL takes yes or no, not “{text}”.", text=incremental))
    return StripeKeys(secret, publishable, webhook, connect, incremental == "yes")


def _logo(text: str) -> Path | None:
    path, begins = _opened(text, lambda file: say("--receipt-logo: the file {file} cannot be read.", file=file))
    if path is not None and begins != b"\x89PNG\r\n\x1a\n":
        raise Refused(say("--receipt-logo takes a PNG picture: {file} is none.", file=path))
    return path


def _font(text: str) -> Path | None:
    path, begins = _opened(text, lambda file: say("--receipt-font: the file {file} cannot be read.", file=file))
    if path is not None and not begins.startswith(_FONTS):
        raise Refused(say("--receipt-font takes a TrueType or OpenType font: {file} is none.", file=path))
    return path


def _opened(text: str, unreadable: Callable[[Path], Sentence]) -> tuple[Path | None, bytes]:
    if not text:
        return None, b""
    path = Path(text).expanduser().absolute()
    try:
        return path, _beginning(path)
    except OSError as error:
        raise Refused(unreadable(path)) from error


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(8)
