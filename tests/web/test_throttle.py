from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from web.throttle import MAX_KEYS, Buckets, LoginThrottle

START = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def test_a_bucket_empties_and_fills_again():
    buckets = Buckets(capacity=2, refill=10)
    assert [buckets.take("a", START) for _ in range(3)] == [0, 0, 10]
    assert buckets.take("b", START) == 0
    assert buckets.take("a", after(4)) == 6
    assert buckets.take("a", after(10)) == 0
    assert buckets.take("a", after(10)) == 10


def test_a_clock_set_back_neither_fills_nor_freezes_a_bucket():
    buckets = Buckets(capacity=1, refill=10)
    buckets.take("a", START)
    assert buckets.take("a", after(-3600)) == 10
    assert buckets.take("a", after(-3590)) == 0


def test_a_token_given_back_never_makes_more_than_there_were():
    buckets = Buckets(capacity=1, refill=10)
    buckets.give_back("a", START)
    assert [buckets.take("a", START) for _ in range(2)] == [0, 10]


def test_the_least_recently_used_are_forgotten_first():
    buckets = Buckets(capacity=1, refill=10)
    buckets.take("first", START)
    for number in range(MAX_KEYS - 1):
        buckets.take(str(number), START)
    assert buckets.take("first", START) == 10
    buckets.take("one more", START)
    assert buckets.take("first", START) == 10
    assert buckets.take("0", START) == 0


@given(st.lists(st.floats(min_value=0, max_value=300), min_size=1, max_size=60))
def test_no_more_is_granted_than_the_bucket_and_its_refills_hold(pauses):
    buckets = Buckets(capacity=5, refill=60)
    now, granted = 0.0, 0
    for pause in pauses:
        now += pause
        granted += buckets.take("a", after(now)) == 0
    assert granted <= 5 + now / 60 + 0.001


def test_the_sixth_guess_at_an_account_waits_while_others_do_not():
    throttle = LoginThrottle()
    assert [throttle.take("anne", "1", START) for _ in range(6)] == [0, 0, 0, 0, 0, 60]
    assert throttle.take("anne", "2", START) == 0
    assert throttle.take("paul", "1", START) == 0


def test_a_right_password_costs_nothing():
    throttle = LoginThrottle()
    for _ in range(100):
        assert throttle.take("anne", "1", START) == 0
        throttle.give_back("anne", "1", START)


def test_one_address_cannot_try_one_password_on_every_account():
    throttle = LoginThrottle()
    waits = [throttle.take(f"account {number}", "1", START) for number in range(31)]
    assert waits == [0] * 30 + [10]


def test_guesses_from_many_addresses_slow_an_account_to_seconds_and_never_lock_it():
    throttle = LoginThrottle()
    for number in range(50):
        assert throttle.take("anne", f"address {number}", START) == 0
    assert throttle.take("anne", "her own", START) == 5
    assert throttle.take("anne", "her own", after(5)) == 0


def test_a_refused_try_spends_nothing_in_the_other_buckets():
    throttle = LoginThrottle()
    for _ in range(40):
        throttle.take("anne", "1", START)
    assert throttle.take("paul", "1", START) == 0


def test_strangers_cannot_keep_an_account_from_the_browser_that_it_knows():
    throttle = LoginThrottle()
    for number in range(200):
        throttle.take("anne", f"address {number}", START)
    assert throttle.take("anne", "her own", START) > 0
    assert throttle.take("anne", "her own", START, "browser") == 0


def test_a_known_browser_has_its_own_five_guesses_and_spends_nobody_elses():
    throttle = LoginThrottle()
    assert [throttle.take("anne", "1", START, "browser") for _ in range(6)] == [0, 0, 0, 0, 0, 60]
    assert throttle.take("anne", "1", START, "another") == 0
    assert throttle.take("anne", "1", START) == 0
    throttle.give_back("anne", "1", START, "browser")
    assert throttle.take("anne", "1", START, "browser") == 0
