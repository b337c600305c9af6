"""The people of a practice."""

import re
from dataclasses import dataclass
from datetime import datetime

from store.ids import AdministratorId, PractitionerId

SHORTEST_PASSWORD = 12
DEFAULT_TIME_ZONE = "Europe/Paris"

# Whether a mailbox exists only a letter can tell; this refuses what cannot be one.
_NOT_IN_ONE = r"\s@<>()\[\],;:\\\"\x00-\x1f\x7f\ud800-\udfff"
_EMAIL = re.compile(rf"[^{_NOT_IN_ONE}]{{1,64}}@(?:[^.{_NOT_IN_ONE}]{{1,63}}\.)*[^.{_NOT_IN_ONE}]{{1,63}}")


class BadEmail(ValueError):
    """Theirs: this is no e-mail address."""


class WeakPassword(ValueError):
    """Theirs: fewer than 12 characters."""


class EmailTaken(Exception):
    """Somebody with this e-mail address exists."""


class UnknownPractitioner(LookupError):
    """There is nobody with this id."""


@dataclass(frozen=True, slots=True)
class Practitioner:
    """One who holds consultations. `time_zone` is an IANA name; `validated` says that the operator vouches."""

    id: PractitionerId
    email: str
    name: str
    validated: bool
    time_zone: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Administrator:
    """One who runs the platform: gives money back and looks after what does not add up. Holds no consultations."""

    id: AdministratorId
    email: str
    name: str
    created_at: datetime


def mailbox(text: str) -> str:
    """Return the address as it is compared and kept: trimmed, in lower case. Raises `BadEmail`."""
    email = text.strip().lower()
    if len(email) > 254 or _EMAIL.fullmatch(email) is None:
        raise BadEmail("not an e-mail address")
    return email


def check_password(password: str) -> None:
    """Raise `WeakPassword` for one that is too short. Length is what counts (NIST SP 800-63B 3.1.1)."""
    if len(password) < SHORTEST_PASSWORD:
        raise WeakPassword("a password has at least 12 characters")
