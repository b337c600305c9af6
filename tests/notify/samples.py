"""One letter of each kind."""

from datetime import UTC, datetime
from typing import Any, get_args

from notify.letters import (
    AccountIncomplete,
    AuthoriseAgain,
    Language,
    Letter,
    PayLink,
    PayLinkAgain,
    Receipt,
    Refund,
)

TO = "jeanne.dupont@example.org"
URL = "https://visio.example.org/pay#token-of-the-payment"
NAME = "Dr Camille Martin"
AMOUNT = "86,25\u202f€"
STARTS = datetime(2026, 3, 28, 9, 30, tzinfo=UTC)

KINDS: tuple[type[Letter], ...] = get_args(Letter)


def letter(kind: type[Letter], language: Language = "fr", to: str = TO, **other: Any) -> Letter:
    """Return a letter of that kind."""
    values: dict[str, Any] = {"to": to, "language": language, "url": URL}
    if kind is AccountIncomplete:
        values |= {"missing": ("Une pièce à joindre", "Un justificatif de domicile")}
    elif kind is AuthoriseAgain:
        values |= {"practitioner": NAME, "starts_at": STARTS, "time_zone": "Europe/Paris"}
    else:
        assert kind in {PayLink, PayLinkAgain, Receipt, Refund}
        values |= {"practitioner": NAME, "amount": AMOUNT}
    return kind(**values | other)
