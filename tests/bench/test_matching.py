import struct

import numpy as np

from bench.matching import Arrivals, Sending, SentStream, measure

MS = 1_000_000
NONE = np.empty(0, np.int64)


def rtp(ssrc: int, number: int, *, kind: int = 96) -> bytes:
    return struct.pack("!BBHII", 0x90, kind, number & 0xFFFF, 0, ssrc)


def arrivals(*packets: tuple[bytes, int]) -> Arrivals:
    heads = np.frombuffer(b"".join(data[:12] for data, _ in packets), np.uint8).reshape(-1, 12)
    return Arrivals(heads, np.full(len(packets), 100, np.uint32), np.array([at for _, at in packets], np.int64))


def sending(*streams: SentStream) -> Sending:
    return Sending(streams, NONE, NONE, NONE, 0)


def test_each_packet_is_matched_with_its_own_sending_across_the_wrap():
    stream = SentStream(7, 65535, np.array([10, 20, 30], np.int64) * MS)
    came = arrivals((rtp(7, 65535), 11 * MS), (rtp(7, 1), 33 * MS), (rtp(7, 0), 35 * MS))
    found = measure(sending(stream), came, 0, 100 * MS)
    assert (found.sent, found.received, found.lost, found.duplicates) == (3, 3, 0, 0)
    assert sorted(found.latency) == [1, 3, 15]


def test_loss_duplicates_and_strangers_are_told_apart():
    stream = SentStream(7, 1, np.array([10, 20, 30], np.int64) * MS)
    came = arrivals((rtp(7, 1), 12 * MS), (rtp(7, 1), 14 * MS), (rtp(9, 1), 15 * MS))
    found = measure(sending(stream), came, 0, 100 * MS)
    assert (found.sent, found.received, found.lost, found.duplicates, found.unknown) == (3, 1, 2, 1, 1)
    assert found.latency.tolist() == [2]


def test_only_what_was_sent_in_the_steady_part_counts_and_late_arrivals_count_too():
    stream = SentStream(7, 1, np.array([10, 20, 30, 0], np.int64) * MS)
    came = arrivals((rtp(7, 1), 12 * MS), (rtp(7, 2), 90 * MS))
    found = measure(sending(stream), came, 15 * MS, 40 * MS)
    assert (found.sent, found.received) == (2, 1)
    assert found.forwarded == 0


def test_reports_are_forwarded_packets_but_no_media():
    report = struct.pack("!BBHII", 0x82, 201, 13, 7, 0)
    stun = bytes((1, 1)) + bytes(10)
    found = measure(sending(), arrivals((report, 5 * MS), (stun, 6 * MS)), 0, 10 * MS)
    assert (found.forwarded, found.forwarded_rtcp, found.forwarded_bytes, found.unknown) == (1, 1, 100, 0)
