"""Sockets that are read and written in batches: both kinds, and what leaves together with others."""

import contextlib
import errno
import socket
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.io.multi_message import MultiMessageSocket
from sfu.io.socket import BATCH, HEADROOM, SLOT, BatchSocket, SingleMessageSocket, open_socket

KINDS = [MultiMessageSocket, SingleMessageSocket]
# Linux: no UDP checksums on what is sent. The kernel then cuts no messages.
SO_NO_CHECK = 11


def unchecked() -> socket.socket:
    sock = open_socket("127.0.0.1", 0)
    sock.setsockopt(socket.SOL_SOCKET, SO_NO_CHECK, 1)
    return sock


def address_of(receiver: socket.socket) -> bytes:
    port = receiver.getsockname()[1]
    return socket.AF_INET.to_bytes(2, "little") + port.to_bytes(2, "big") + bytes([127, 0, 0, 1])


@contextlib.contextmanager
def receivers(number: int) -> Iterator[list[socket.socket]]:
    opened = [open_socket("127.0.0.1", 0) for _ in range(number)]
    yield opened
    for receiver in opened:
        receiver.close()


def write(batch: BatchSocket, lengths: list[int]) -> list[bytes]:
    """Put packets into the slots, no two alike."""
    packets = [(bytes((index,)) * length)[:length] for index, length in enumerate(lengths)]
    for index, packet in enumerate(packets):
        start = index * SLOT + HEADROOM
        batch.view[start : start + len(packet)] = packet
    return packets


def outgoing(batch: BatchSocket, lengths: list[int], addresses: list[bytes]) -> list[tuple[int, int, object]]:
    ready = {address: batch.destination(address) for address in addresses}
    return [
        (index * SLOT + HEADROOM, length, ready[address])
        for index, (length, address) in enumerate(zip(lengths, addresses, strict=True))
    ]


def all_from(receiver: socket.socket) -> list[bytes]:
    found = []
    with contextlib.suppress(BlockingIOError):
        while True:
            found.append(receiver.recv(65536))
    return found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("opened", [lambda: open_socket("127.0.0.1", 0), unchecked])
def test_whatever_leaves_together_arrives_packet_by_packet_in_its_order(kind, opened):
    batch = kind(opened())

    @settings(max_examples=150, deadline=None)
    @given(
        st.lists(
            st.tuples(st.sampled_from((0, 1)), st.sampled_from((1, 30, 1200, 1200, 1232, 1233, 1472))),
            min_size=1,
            max_size=BATCH,
        )
        | st.lists(st.tuples(st.just(0), st.just(1232)), min_size=50, max_size=BATCH)
    )
    def holds(packets):
        with receivers(2) as two:
            whose, lengths = [number for number, _ in packets], [length for _, length in packets]
            written = write(batch, lengths)
            assert batch.send_batch(outgoing(batch, lengths, [address_of(two[number]) for number in whose])) == 0
            for number, receiver in enumerate(two):
                mine = [packet for packet, owner in zip(written, whose, strict=True) if owner == number]
                assert all_from(receiver) == mine

    holds()
    batch.close()


def messages(batch: MultiMessageSocket, monkeypatch) -> list[int]:
    """Return a list into which the number of messages of each system call goes."""
    counts: list[int] = []
    really = batch._sendmmsg

    def counting(descriptor, headers, count, flags):
        counts.append(count)
        return really(descriptor, headers, count, flags)

    monkeypatch.setattr(batch, "_sendmmsg", counting)
    return counts


@pytest.mark.parametrize(
    ("lengths", "expected"),
    [
        ([1100, 1100, 1100, 160], 1),
        ([1100, 160, 1100], 2),
        ([160, 1100], 2),
        ([1300, 1300], 2),
        ([1232] * 64, 2),
    ],
)
def test_packets_of_one_length_to_one_receiver_leave_as_one_message(lengths, expected, monkeypatch):
    batch = MultiMessageSocket(open_socket("127.0.0.1", 0))
    counts = messages(batch, monkeypatch)
    with receivers(1) as (receiver,):
        write(batch, lengths)
        batch.send_batch(outgoing(batch, lengths, [address_of(receiver)] * len(lengths)))
    assert counts == [expected]
    batch.close()


def test_a_system_that_cuts_no_messages_is_asked_once(monkeypatch):
    batch = MultiMessageSocket(unchecked())
    counts = messages(batch, monkeypatch)
    with receivers(1) as (receiver,):
        for _ in range(2):
            write(batch, [1100] * 3)
            assert batch.send_batch(outgoing(batch, [1100] * 3, [address_of(receiver)] * 3)) == 0
        assert len(all_from(receiver)) == 6
    assert counts == [1, 3]
    batch.close()


def test_a_full_buffer_costs_the_packets_that_it_did_not_take(monkeypatch):
    batch = MultiMessageSocket(open_socket("127.0.0.1", 0))
    really, calls = batch._sendmmsg, []

    def one_then_full(descriptor, headers, count, flags):
        calls.append(count)
        if len(calls) > 1:
            batch._ffi.errno = errno.ENOBUFS
            return -1
        return really(descriptor, headers, 1, flags)

    monkeypatch.setattr(batch, "_sendmmsg", one_then_full)
    with receivers(2) as two:
        lengths, whose = [1100, 1100, 900, 900, 900, 50], [0, 0, 1, 1, 1, 0]
        write(batch, lengths)
        assert batch.send_batch(outgoing(batch, lengths, [address_of(two[number]) for number in whose])) == 4
        assert len(all_from(two[0])) == 2
    assert calls == [3, 2]
    batch.close()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_both_kinds_of_socket_agree_on_addresses_and_bytes(kind, host):
    try:
        batch = kind(open_socket(host, 0))
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    other = open_socket(host, 0)
    port = batch._sock.getsockname()[1]
    other.sendto(b"\x01hello", (host, port))
    assert batch.receive() == 1
    assert list(batch.lengths(1)) == [6]
    (address,) = batch.addresses(1)
    assert batch.readable(address) == (host, other.getsockname()[1])
    assert batch.send_batch([(64, 6, batch.destination(address))]) == 0
    other.setblocking(True)
    other.settimeout(5)
    assert other.recv(100) == b"\x01hello"
    batch.send(b"again", batch.readable(address))
    assert other.recv(100) == b"again"
    other.close()
    batch.close()


@pytest.mark.parametrize("kind", KINDS)
def test_a_destination_that_refuses_does_not_stop_the_rest_of_the_batch(kind):
    batch = kind(open_socket("127.0.0.1", 0))
    receiver = open_socket("127.0.0.1", 0)
    receiver.setblocking(True)
    receiver.settimeout(5)
    good = address_of(receiver)
    bad = socket.AF_INET.to_bytes(2, "little") + (0).to_bytes(2, "big") + bytes([127, 0, 0, 1])
    batch.view[64:66] = b"ok"
    assert batch.send_batch([(64, 2, batch.destination(address)) for address in (bad, good)]) == 1
    assert receiver.recv(10) == b"ok"
    receiver.close()
    batch.close()
