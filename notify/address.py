"""Addresses of e-mail: what goes into an envelope and a header is checked character by character."""

import re
from dataclasses import dataclass

# RFC 5321 §4.5.3.1: 64 octets before the @, 254 in all (§4.5.3.1.3 less the brackets).
_LONGEST = 254
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}")
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_NAMED = re.compile(r'\s*"?([^"<>]*?)"?\s*<([^<>]*)>\s*')
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class BadAddress(ValueError):
    """Theirs: no letter can be sent there. The text does not repeat the address."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Whose name and address stand in `From`."""

    name: str
    address: str

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]


def mail_address(text: str) -> str:
    """Return the address as SMTP takes it: ASCII, the domain in its IDNA form. Raises `BadAddress`.

    Quoted local parts and ones beyond ASCII (RFC 6531) are refused: few servers would take them further.
    """
    local, _, domain = text.strip().rpartition("@")
    if _LOCAL.fullmatch(local) is None:
        raise BadAddress("nothing that can stand before the @")
    try:
        ascii_domain = domain.encode("idna").decode()
    except UnicodeError:
        raise BadAddress("no domain after the @") from None
    if not all(_LABEL.fullmatch(label) for label in ascii_domain.split(".")):
        raise BadAddress("no domain after the @")
    address = f"{local}@{ascii_domain.lower()}"
    if len(address) > _LONGEST:
        raise BadAddress("longer than an address can be")
    return address


def sender(text: str) -> Sender:
    """Return who is meant by `Name <address>` or by an address alone. Raises `BadAddress`."""
    if _CONTROL.search(text):
        raise BadAddress("characters that are not shown")
    named = _NAMED.fullmatch(text)
    name, address = (named[1], named[2]) if named else ("", text)
    return Sender(" ".join(name.split()), mail_address(address))
