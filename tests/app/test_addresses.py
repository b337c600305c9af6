import socket

import pytest

from app.addresses import is_loopback, is_own, media_addresses
from app.language import Refused


def test_an_address_of_this_machine_is_bound_and_told() -> None:
    assert media_addresses("127.0.0.1") == ("127.0.0.1", ("127.0.0.1",))


def test_a_name_is_resolved() -> None:
    assert media_addresses("localhost") == ("127.0.0.1", ("127.0.0.1",))


def test_a_public_address_in_front_of_this_machine_is_told_and_not_bound() -> None:
    assert media_addresses("203.0.113.7") == ("0.0.0.0", ("203.0.113.7",))


def test_several_addresses_are_all_told() -> None:
    assert media_addresses("127.0.0.1, 203.0.113.7") == ("0.0.0.0", ("127.0.0.1", "203.0.113.7"))


def test_all_interfaces_tell_the_address_of_the_default_route() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            with pytest.raises(Refused, match="default route"):
                media_addresses("0.0.0.0")
            return
        outward = probe.getsockname()[0]
    assert media_addresses("0.0.0.0") == ("0.0.0.0", (outward,))


@pytest.mark.parametrize("nonsense", ["", " , ", "no-such-host.invalid"])
def test_nonsense_is_refused(nonsense: str) -> None:
    with pytest.raises(Refused):
        media_addresses(nonsense)


def test_loopback_is_known_by_name_and_address() -> None:
    assert all(is_loopback(host) for host in ("127.0.0.1", "127.3.2.1", "::1", "[::1]", "localhost", "a.localhost"))
    assert not any(is_loopback(host) for host in ("0.0.0.0", "192.0.2.1", "example.org", "localhost.example.org"))


def test_own_addresses_are_told_from_foreign_ones() -> None:
    assert is_own("127.0.0.1")
    assert not is_own("203.0.113.7")
