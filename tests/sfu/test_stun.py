"""Our STUN against aioice's, which knows all of RFC 8489: what the two say of the same bytes."""

import contextlib
import struct

import pytest
from aioice import stun as aioice_stun
from hypothesis import given
from hypothesis import strategies as st

from sfu import stun

PASSWORD = "p" * 22
BINDING = aioice_stun.Method.BINDING
REQUEST = aioice_stun.Class.REQUEST


def request(*, username="ours:theirs", nominate=False, password=PASSWORD, fingerprint=True) -> bytes:
    attributes = {"USERNAME": username, "PRIORITY": 1, "ICE-CONTROLLING": 5}
    if nominate:
        attributes["USE-CANDIDATE"] = None
    message = aioice_stun.Message(BINDING, REQUEST, attributes=attributes)
    message.add_message_integrity(password.encode())
    if not fingerprint:
        del message.attributes["FINGERPRINT"]
    return bytes(message)


def raw(*attributes: tuple[int, bytes]) -> bytes:
    """Return a binding request of any attributes."""
    body = b"".join(struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4) for kind, value in attributes)
    return b"\x00\x01" + struct.pack("!H", len(body)) + b"\x21\x12\xa4\x42" + bytes(range(12)) + body


@pytest.mark.parametrize("fingerprint", [True, False])
def test_a_check_is_read_and_authenticated(fingerprint):
    read = stun.read_request(request(nominate=True, fingerprint=fingerprint))
    assert (read.local, read.remote, read.nominates) == ("ours", "theirs", True)
    assert stun.is_authentic(read, stun.Password(PASSWORD))
    assert not stun.is_authentic(read, stun.Password("q" * 22))


@given(
    st.text(max_size=40).map(lambda text: text.replace(":", "")),
    st.text(max_size=40),
    st.booleans(),
    st.booleans(),
    st.text(min_size=1, max_size=40),
)
def test_every_check_that_aioice_writes_is_read_as_it_was_meant(local, remote, nominate, fingerprint, password):
    datagram = request(username=f"{local}:{remote}", nominate=nominate, password=password, fingerprint=fingerprint)
    read = stun.read_request(datagram)
    assert (read.local, read.remote, read.nominates) == (local, remote, nominate)
    assert read.transaction == aioice_stun.parse_message(datagram).transaction_id
    assert stun.is_authentic(read, stun.Password(password))


@given(
    st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(str),
    st.integers(0, 65535),
    st.text(min_size=1, max_size=40),
)
def test_the_answer_tells_the_asker_where_it_was_seen_and_proves_who_we_are(host, port, password):
    datagram = request(password=password)
    answer = stun.success(stun.read_request(datagram), (host, port), stun.Password(password))
    read = aioice_stun.parse_message(answer)
    assert (read.message_method, read.message_class) == (BINDING, aioice_stun.Class.RESPONSE)
    assert read.transaction_id == aioice_stun.parse_message(datagram).transaction_id
    assert read.attributes["XOR-MAPPED-ADDRESS"] == (host, port)
    assert read.check_message_integrity(password.encode())
    assert "FINGERPRINT" in read.attributes
    # Nobody gets more bytes back than it sent: no amplifier.
    assert len(answer) <= len(datagram)


@pytest.mark.parametrize("fingerprint", [True, False])
def test_a_changed_byte_is_malformed_or_not_authentic(fingerprint):
    good = request(fingerprint=fingerprint)
    for position in range(len(good) - (8 if fingerprint else 0)):  # the FINGERPRINT behind the MAC is no part of it
        bad = bytearray(good)
        bad[position] ^= 0x41
        with contextlib.suppress(stun.BadStun):
            assert not stun.is_authentic(stun.read_request(bytes(bad)), stun.Password(PASSWORD))


def test_what_stands_behind_the_mac_is_not_believed():
    good = request(fingerprint=False)
    nominating = struct.pack("!HH", 0x25, 0)
    longer = good[:2] + struct.pack("!H", len(good) - 20 + 4) + good[4:] + nominating
    assert not stun.read_request(longer).nominates
    assert stun.is_authentic(stun.read_request(longer), stun.Password(PASSWORD))


def test_of_two_users_the_first_counts():
    assert stun.read_request(raw((6, b"first:x"), (6, b"second:x"), (8, bytes(20)))).local == "first"


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        bytes(20),
        request()[:30],
        request()[:20] + bytes(1400),
        request(username="nocolon"),
        bytes(aioice_stun.Message(BINDING, aioice_stun.Class.RESPONSE)),
        bytes(aioice_stun.Message(BINDING, REQUEST)),
        bytes(aioice_stun.Message(aioice_stun.Method.ALLOCATE, REQUEST)),
        raw((6, b"\xff:x"), (8, bytes(20))),
        raw((6, b"a:b"), (8, bytes(19))),
        raw((6, b"a:b"), (8, bytes(20)), (0x8028, bytes(4))),
        raw((6, b"a:b"), *[(0x7777, b"")] * 20, (8, bytes(20))),
        raw((6, b"a:b"), (8, bytes(20)), (0x7777, b""))[:-2] + b"\x00\x20",
    ],
    # Transaction ids are random: named, so that two processes of a parallel run find the same tests.
    ids=[
        "empty", "zeros", "cut", "another length", "no colon", "response", "no credentials", "another method",
        "no text", "short MAC", "wrong fingerprint", "too many attributes", "no end",
    ],
)  # fmt: skip
def test_what_is_no_ice_check_is_refused(datagram):
    with pytest.raises(stun.BadStun):
        stun.read_request(datagram)


@given(st.binary(max_size=120))
def test_any_bytes_are_refused_as_bad_stun_and_nothing_else(tail):
    with contextlib.suppress(stun.BadStun):
        stun.read_request(b"\x00\x01" + len(tail).to_bytes(2, "big") + b"\x21\x12\xa4\x42" + bytes(12) + tail)


ATTRIBUTES = st.tuples(st.sampled_from([6, 8, 0x24, 0x25, 0x8028, 0x802A, 0xC057]), st.binary(max_size=24))


@given(st.lists(ATTRIBUTES, max_size=8), st.text(min_size=1, max_size=8))
def test_whatever_we_take_for_authentic_aioice_does_too(attributes, password):
    datagram = raw((6, b"ours:theirs"), *attributes, (8, bytes(20)))
    with contextlib.suppress(stun.BadStun):
        read = stun.read_request(datagram)
        head = datagram[:2] + struct.pack("!H", read.covered + 24 - 20) + datagram[4 : read.covered]
        mac = stun.Password(password).sign(head)
        signed = head + datagram[read.covered : read.covered + 4] + mac
        assert stun.is_authentic(stun.read_request(signed), stun.Password(password))
        with contextlib.suppress(ValueError, struct.error):  # an attribute that we pass over is malformed
            assert aioice_stun.parse_message(signed).check_message_integrity(password.encode())
