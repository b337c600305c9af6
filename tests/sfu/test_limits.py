"""Buckets, the storm cap and the first look at a datagram."""

from sfu.bucket import AddressBuckets, Bucket
from sfu.demux import KIND_OF_FIRST_BYTE, Kind, is_rtcp
from sfu.storm import StormGuard


def test_a_bucket_allows_its_burst_and_then_its_rate():
    bucket = Bucket(rate=10, burst=5, now=0.0)
    assert [bucket.take(1, 0.0) for _ in range(6)] == [True] * 5 + [False]
    assert bucket.take(1, 0.1)
    assert not bucket.take(1, 0.1)


def test_a_bucket_never_holds_more_than_its_burst():
    bucket = Bucket(rate=10, burst=5, now=0.0)
    bucket.take(5, 0.0)
    assert [bucket.take(1, 1000.0) for _ in range(6)].count(True) == 5


def test_forged_addresses_compete_with_each_other_in_bounded_memory():
    buckets = AddressBuckets(rate=1, burst=2, capacity=10)
    passed = sum(buckets.take(number.to_bytes(4, "big"), 0.0) for number in range(10_000))
    assert passed == 10 + 40
    assert len(buckets._buckets) == 10


def test_first_bytes_are_told_apart_as_rfc_7983_says():
    kinds = {first: KIND_OF_FIRST_BYTE[first] for first in (0, 3, 4, 19, 20, 63, 64, 127, 128, 191, 192, 255)}
    assert kinds == {
        0: Kind.STUN, 3: Kind.STUN, 4: Kind.REFUSED, 19: Kind.REFUSED, 20: Kind.DTLS, 63: Kind.DTLS,
        64: Kind.REFUSED, 127: Kind.REFUSED, 128: Kind.MEDIA, 191: Kind.MEDIA, 192: Kind.REFUSED, 255: Kind.REFUSED,
    }  # fmt: skip
    assert [is_rtcp(second) for second in (111, 96 | 0x80, 200, 206, 224)] == [False, False, True, True, False]


def storm(guard: StormGuard, rates: list[int], loss: float, start: float = 0.0) -> None:
    for second, rate in enumerate(rates):
        guard.report(loss, rate, start + second)


def test_a_sender_that_keeps_its_rate_under_loss_is_capped():
    guard = StormGuard.for_rate(2_500_000)
    storm(guard, [5_000_000] * 4, 0.4)
    assert guard.cap == 1_250_000
    storm(guard, [5_000_000] * 20, 0.4, 4.0)
    assert guard.cap == 250_000


def test_a_sender_that_slows_down_by_itself_is_left_alone():
    guard = StormGuard.for_rate(2_500_000)
    storm(guard, [2_500_000, 1_200_000, 600_000, 250_000], 0.4)
    assert guard.cap == 2_500_000


def test_the_cap_is_lifted_in_steps_once_the_link_is_calm():
    guard = StormGuard.for_rate(1_000_000)
    storm(guard, [5_000_000] * 8, 0.4)
    caps = {guard.cap}
    storm(guard, [250_000] * 60, 0.0, 10.0)
    caps.add(guard.cap)
    assert caps == {250_000, 1_000_000}
