"""The pay link: the secret in the link that asks a patient for a payment. The same link each time it is sent.

It carries the payment's id and an HMAC of it, so that it is stored nowhere and nobody without the key can make one.
"""

import base64
import binascii
import hashlib
import hmac

from store.ids import PaymentId, Prefix

_ID_BYTES = 16
_MAC_BYTES = 20
# 36 bytes are 48 characters without any padding.
_LENGTH = 48


class BadPayLink(ValueError):
    """Theirs: not a pay link of this installation."""

    code = "bad_pay_link"


def derive(key: bytes, payment: PaymentId) -> str:
    """Return the token: 48 URL-safe characters."""
    raw = base64.urlsafe_b64decode(payment.removeprefix(Prefix.PAYMENT) + "==")
    return base64.urlsafe_b64encode(raw + _mac(key, payment)).decode()


def read(key: bytes, token: str) -> PaymentId:
    """Return which payment the token is for. Raises `BadPayLink`."""
    if len(token) != _LENGTH or not token.isascii():
        raise BadPayLink
    try:
        raw = base64.b64decode(token, altchars=b"-_", validate=True)
    except binascii.Error:
        raise BadPayLink from None
    name = base64.urlsafe_b64encode(raw[:_ID_BYTES]).decode().rstrip("=")
    payment = PaymentId(Prefix.PAYMENT + name)
    if not hmac.compare_digest(raw[_ID_BYTES:], _mac(key, payment)):
        raise BadPayLink
    return payment


def _mac(key: bytes, payment: PaymentId) -> bytes:
    return hmac.digest(key, f"pay:{payment}".encode(), hashlib.sha256)[:_MAC_BYTES]
