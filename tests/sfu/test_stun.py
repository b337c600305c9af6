import contextlib

import pytest
from aioice import stun as aioice_stun
from hypothesis import given
from hypothesis import strategies as st

from sfu import stun

PASSWORD = "p" * 22


def request(*, username="ours:theirs", nominate=False, password=PASSWORD) -> bytes:
    attributes = {"USERNAME": username, "PRIORITY": 1, "ICE-CONTROLLING": 5}
    if nominate:
        attributes["USE-CANDIDATE"] = None
    message = aioice_stun.Message(aioice_stun.Method.BINDING, aioice_stun.Class.REQUEST, attributes=attributes)
    message.add_message_integrity(password.encode())
    return bytes(message)


def test_a_check_is_read_and_authenticated():
    read = stun.read_request(request(nominate=True))
    assert (read.local, read.remote, read.nominates) == ("ours", "theirs", True)
    assert stun.is_authentic(read, PASSWORD)
    assert not stun.is_authentic(read, "q" * 22)


def test_the_answer_tells_the_asker_where_it_was_seen_and_proves_who_we_are():
    read = stun.read_request(request())
    answer = aioice_stun.parse_message(stun.success(read, ("192.0.2.7", 4000), PASSWORD))
    assert answer.attributes["XOR-MAPPED-ADDRESS"] == ("192.0.2.7", 4000)
    assert answer.transaction_id == read.message.transaction_id
    assert answer.check_message_integrity(PASSWORD.encode())


def test_a_changed_byte_is_malformed_or_not_authentic():
    good = request()
    for position in range(len(good) - 8):  # the FINGERPRINT behind the MAC is no part of it
        bad = bytearray(good)
        bad[position] ^= 0x41
        with contextlib.suppress(stun.BadStun):
            assert not stun.is_authentic(stun.read_request(bytes(bad)), PASSWORD)


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        bytes(20),
        request()[:30],
        request(username="nocolon"),
        bytes(aioice_stun.Message(aioice_stun.Method.BINDING, aioice_stun.Class.RESPONSE)),
        bytes(aioice_stun.Message(aioice_stun.Method.BINDING, aioice_stun.Class.REQUEST)),
        bytes(aioice_stun.Message(aioice_stun.Method.ALLOCATE, aioice_stun.Class.REQUEST)),
    ],
    # Transaction ids are random: named, so that two processes of a parallel run find the same tests.
    ids=["empty", "zeros", "cut", "no colon", "response", "no credentials", "another method"],
)
def test_what_is_no_ice_check_is_refused(datagram):
    with pytest.raises(stun.BadStun):
        stun.read_request(datagram)


@given(st.binary(max_size=120), st.integers(0, 10**6))
def test_any_bytes_are_refused_as_bad_stun_and_nothing_else(tail, seed):
    del seed
    with contextlib.suppress(stun.BadStun):
        stun.read_request(b"\x00\x01" + len(tail).to_bytes(2, "big") + b"\x21\x12\xa4\x42" + bytes(12) + tail)


def test_the_user_is_found_at_a_glance_and_only_where_there_is_one():
    assert stun.named_user(request()) == "ours"
    for junk in (b"", bytes(20), request()[:22], request(username="nocolon"), request()[:20] + bytes(1400)):
        with pytest.raises(stun.BadStun):
            stun.named_user(junk)
