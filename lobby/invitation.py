"""The invitation: the secret in a patient's link.

It is derived, not stored: the practitioner can be shown the link again while the database keeps only its hash.
A new generation makes another secret, which voids the one before.
"""

import base64
import hashlib
import hmac

from store.ids import ConsultationId


def derive(key: bytes, consultation: ConsultationId, generation: int) -> str:
    """Return the token: 43 URL-safe characters, an HMAC-SHA256 that nobody without the key can compute."""
    mac = hmac.digest(key, f"{consultation}:{generation}".encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(mac).rstrip(b"=").decode()
