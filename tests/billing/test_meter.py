"""The meter against the truth of simulated workers, which knows every millisecond and none of the meter's rules."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from billing.meter import Meter, replay
from store.facts import BothAlive, LegConnected, LegLost, MediaFact
from store.ids import LegId, Seat
from tests.billing.worker_story import CALL, EPOCH, PERIOD, Story

HOST, GUEST = Seat.PRACTITIONER, Seat.PATIENT

_seats = st.sampled_from(list(Seat))
_happenings = st.one_of(
    st.tuples(st.just("pass_time"), st.integers(1, 20)),
    st.tuples(st.sampled_from(["sit", "sit_beside", "stand", "fall_silent", "speak"]), _seats),
    st.tuples(st.sampled_from(["pause", "resume"])),
)
_happenings_with_crashes = st.one_of(_happenings, _happenings, _happenings, st.just(("crash",)))


def both_talking() -> Story:
    story = Story()
    story.sit(HOST)
    story.sit(GUEST)
    return story


def told(happenings: list[tuple]) -> Story:
    story = both_talking()
    for name, *arguments in happenings:
        getattr(story, name)(*arguments)
    return story


stories = st.lists(_happenings, max_size=30).map(told)
stories_with_crashes = st.lists(_happenings_with_crashes, max_size=30).map(told)


def billable(facts: list[MediaFact]) -> int:
    return replay(facts).billable_ms


class TestAgainstTheTruth:
    @given(stories)
    def test_a_call_that_ended_is_billed_to_the_millisecond(self, story: Story):
        story.end()
        assert billable(story.facts) == len(story.truth())

    @given(st.lists(_happenings_with_crashes, max_size=30))
    def test_at_no_moment_more_is_billed_than_was_talked(self, happenings: list[tuple]):
        story = both_talking()
        for name, *arguments in [*happenings, ("crash",)]:
            getattr(story, name)(*arguments)
            assert billable(story.facts) <= len(story.truth())

    @given(stories_with_crashes)
    def test_a_crash_costs_the_practitioner_one_sign_of_life_at_most(self, story: Story):
        story.crash()
        assert len(story.truth()) - billable(story.facts) <= story.crashes * PERIOD

    @given(stories_with_crashes)
    def test_the_intervals_are_the_moments_of_the_truth(self, story: Story):
        story.end()
        intervals = replay(story.facts).intervals
        assert sum(interval.end_ms - interval.start_ms for interval in intervals) == billable(story.facts)
        truth = story.truth()
        for interval in intervals:
            assert interval.ended_at - interval.began_at == timedelta(milliseconds=interval.end_ms - interval.start_ms)
            start = (interval.began_at - EPOCH) // timedelta(milliseconds=1)
            length = interval.end_ms - interval.start_ms
            assert {(interval.boot, moment) for moment in range(start, start + length)} <= truth


class TestHowFactsArrive:
    @given(stories_with_crashes, st.randoms(use_true_random=False))
    def test_order_and_repetition_change_nothing(self, story: Story, random):
        shuffled = story.facts + random.choices(story.facts, k=len(story.facts))
        random.shuffle(shuffled)
        meter = Meter()
        new = sum(meter.hear(fact) for fact in shuffled)
        assert new == len(story.facts)
        assert meter.reading() == replay(story.facts)

    @given(stories_with_crashes)
    def test_hearing_more_never_takes_anything_back(self, story: Story):
        meter, before = Meter(), 0
        for fact in story.facts:
            meter.hear(fact)
            reading = meter.reading()
            assert reading.billable_ms >= before
            before = reading.billable_ms

    @given(stories_with_crashes, st.data())
    def test_a_reading_on_the_way_is_the_reading_of_what_was_heard(self, story: Story, data):
        heard = data.draw(
            st.lists(st.sampled_from(story.facts), unique_by=lambda fact: (fact.stamp.boot, fact.stamp.seq))
        )
        meter = Meter()
        for fact in heard:
            meter.hear(fact)
            meter.reading()
        in_order = sorted(heard, key=lambda fact: (fact.stamp.boot, fact.stamp.seq))
        assert meter.reading() == replay(in_order)

    @given(stories_with_crashes, st.data())
    def test_an_end_or_a_sign_of_life_that_is_missing_adds_no_time(self, story: Story, data):
        known = [fact for fact in story.facts if not isinstance(fact, LegLost | BothAlive) or data.draw(st.booleans())]
        assert billable(known) <= len(story.truth())

    @given(stories_with_crashes, st.data())
    def test_any_facts_give_a_reading_between_nothing_and_the_span_of_their_boots(self, story: Story, data):
        some = data.draw(st.lists(st.sampled_from(story.facts)))
        boots: dict[str, list[int]] = {}
        for fact in some:
            boots.setdefault(fact.stamp.boot, []).append(fact.stamp.monotonic_ms)
        assert 0 <= billable(some) <= sum(max(times) - min(times) for times in boots.values())


class TestRules:
    def test_without_facts_nothing_counts(self):
        reading = replay([])
        assert (reading.seconds, reading.intervals, reading.open, reading.paused) == (0, (), False, False)
        assert (reading.first_at, reading.last_at, reading.gaps) == (None, None, 0)

    def test_ringing_and_waiting_for_the_other_one_never_count(self):
        story = Story()
        story.sit(HOST)
        story.pass_time(10_000)
        story.sit(GUEST)
        story.pass_time(2_500)
        story.end()
        reading = replay(story.facts)
        assert (reading.billable_ms, reading.seconds) == (2_500, 2)

    def test_a_gap_ends_when_they_were_last_heard_and_not_when_it_was_noticed(self):
        story = both_talking()
        story.pass_time(100)
        story.fall_silent(GUEST)
        story.pass_time(50)
        story.speak(GUEST)
        story.pass_time(200)
        story.end()
        # The first millisecond after the silence brings the packet that ends it.
        assert billable(story.facts) == 100 + 199

    def test_an_open_call_counts_to_the_last_sign_of_life_and_not_to_that_facts_own_time(self):
        story = both_talking()
        story.pass_time(PERIOD * 3 + 1)
        story.fall_silent(GUEST)
        story.pass_time(PERIOD - 2)
        signs = [fact for fact in story.facts if isinstance(fact, BothAlive)]
        assert billable(story.facts) == signs[-1].heard_ms - story.facts[0].stamp.monotonic_ms
        assert replay(story.facts).open

    def test_a_pause_is_free_and_shows(self):
        story = both_talking()
        story.pass_time(40)
        story.pause()
        story.pass_time(60)
        reading = replay(story.facts)
        assert (reading.open, reading.paused, reading.running) == (True, True, False)
        story.resume()
        story.pass_time(7)
        assert replay(story.facts).running
        story.end()
        assert billable(story.facts) == 47

    def test_a_pause_outlives_the_worker_that_stamped_it(self):
        story = both_talking()
        story.pass_time(PERIOD * 4 + 1)
        story.pause()
        story.crash()
        story.sit(HOST)
        story.sit(GUEST)
        story.pass_time(30)
        before = billable(story.facts)
        assert (before, replay(story.facts).paused) == (PERIOD * 4 + 1, True)
        story.resume()
        story.pass_time(10)
        story.end()
        assert billable(story.facts) == before + 10

    def test_a_call_left_open_by_a_crash_is_not_open_once_it_went_on_elsewhere(self):
        story = both_talking()
        story.pass_time(20)
        story.crash()
        assert replay(story.facts).open
        story.sit(HOST)
        assert not replay(story.facts).open

    def test_facts_that_make_no_sense_alone_are_counted_as_gaps(self):
        story = both_talking()
        story.pass_time(PERIOD + 1)
        host, guest, *signs = story.facts
        assert isinstance(guest, LegConnected)
        assert replay([host, guest, *signs]).gaps == 0
        assert replay([host, *signs]).gaps == len(signs)
        again = LegConnected(CALL, guest.leg, GUEST, story._stamp())
        assert replay([host, guest, *signs, again]).gaps == 1

    def test_a_leg_that_claims_to_have_been_heard_later_than_it_was_told_is_not_believed(self):
        story = both_talking()
        story.pass_time(10)
        stamp = story._stamp()
        facts = [fact for fact in story.facts if isinstance(fact, LegConnected)]
        lost = [
            LegLost(CALL, LegId(f"leg_{n}"), seat, stamp.monotonic_ms + 5_000, stamp)
            for n, seat in ((1, HOST), (2, GUEST))
        ]
        second = LegLost(CALL, lost[1].leg, GUEST, lost[1].last_heard_ms, story._stamp())
        assert billable([*facts, lost[0], second]) == 10

    def test_when_the_end_of_a_leg_is_missing_what_is_proved_counts_and_the_gap_does_not(self):
        story = both_talking()
        story.pass_time(PERIOD + 1)
        story.fall_silent(GUEST)
        story.pass_time(50)
        story.speak(GUEST)
        story.pass_time(PERIOD * 4)
        story.end()
        known = [fact for fact in story.facts if not (isinstance(fact, LegLost) and fact.seat is GUEST)]
        signs = [fact for fact in story.facts if isinstance(fact, BothAlive)]
        back = story.facts.index(next(fact for fact in known[2:] if isinstance(fact, LegConnected)))
        before = max(fact.heard_ms for fact in story.facts[:back] if isinstance(fact, BothAlive))
        proved = before - known[0].stamp.monotonic_ms + signs[-1].heard_ms - story.facts[back].stamp.monotonic_ms
        assert (billable(known), replay(known).gaps) == (proved, 1)

    def test_a_sign_of_life_is_the_newest_legs_while_the_end_of_the_one_before_is_unknown(self):
        story = both_talking()
        story.pass_time(PERIOD + 1)
        story.fall_silent(GUEST)
        story.pass_time(50)
        story.sit(GUEST)
        story.pass_time(PERIOD * 4)
        known = [fact for fact in story.facts if not isinstance(fact, LegLost)]
        assert 0 < billable(known) <= len(story.truth())

    def test_only_the_first_resumption_ends_a_pause_of_the_worker_before(self):
        story = both_talking()
        story.pause()
        story.crash()
        story.sit(HOST)
        story.sit(GUEST)
        story.resume()
        story.pass_time(10)
        story.pause()
        story.pass_time(10)
        story.resume()
        story.pass_time(10)
        story.end()
        assert billable(story.facts) == 20
