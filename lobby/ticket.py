"""The ticket: a signed place in the waiting room, kept by the browser; it survives reload, sleep and a new network.

Text form `v1.ADMISSION.EXPIRY.MAC`, of [A-Za-z0-9_.-] only: EXPIRY in whole seconds since 1970, MAC the HMAC-SHA256
of everything before it in unpadded base64url. The MAC is compared as text: the last character of its base64 has
spare bits, so two texts would decode to the same bytes.
"""

import base64
import hashlib
import hmac
import re
from datetime import datetime

from store.ids import AdmissionId

_FORM = re.compile(r"(v1\.(adm_[A-Za-z0-9_-]{22})\.(0|[1-9][0-9]{0,11}))\.([A-Za-z0-9_-]{43})")


class BadTicket(ValueError):
    """Theirs: not a ticket that this place has signed."""


class LapsedTicket(Exception):
    """The ticket was good once; its time is over."""


def issue(key: bytes, admission: AdmissionId, expires_at: datetime) -> str:
    """Return the ticket of that admission, good until `expires_at` (rounded down to the second)."""
    signed = f"v1.{admission}.{int(expires_at.timestamp())}"
    return f"{signed}.{_mac(key, signed)}"


def read(key: bytes, ticket: str, at: datetime) -> AdmissionId:
    """Return whose place that is. Raises `BadTicket` or `LapsedTicket`, and nothing else for any text."""
    form = _FORM.fullmatch(ticket)
    if form is None:
        raise BadTicket
    signed, admission, expiry, mac = form.groups()
    if not hmac.compare_digest(mac, _mac(key, signed)):
        raise BadTicket
    if at.timestamp() >= int(expiry):
        raise LapsedTicket
    return AdmissionId(admission)


def _mac(key: bytes, signed: str) -> str:
    mac = hmac.digest(key, signed.encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(mac).rstrip(b"=").decode()
