import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.chain import START, canonical, link, verify
from billing.fact_row import FactRow, NotAFact, fact_of, row_of
from store.facts import LegLost, MediaFact, Stamp
from store.ids import CallId, LegId, Seat
from tests.billing.worker_story import CALL, Story


def facts() -> list[MediaFact]:
    story = Story()
    story.sit(Seat.PRACTITIONER)
    story.sit(Seat.PATIENT)
    story.pass_time(20)
    story.pause()
    story.resume()
    story.end()
    return story.facts


def chained() -> list[FactRow]:
    rows: list[FactRow] = []
    for number, fact in enumerate(facts(), 1):
        row = row_of(fact, number)
        rows.append(replace(row, hash=link(rows[-1].hash if rows else START, row)))
    return rows


def test_a_row_holds_the_whole_fact():
    assert [fact_of(row) for row in chained()] == facts()


def test_an_untouched_chain_is_intact_and_its_head_is_the_last_hash():
    verdict = verify(CALL, chained())
    assert (verdict.intact, verdict.rows, verdict.head) == (True, len(facts()), chained()[-1].hash)
    assert verify(CALL, []).intact


def test_the_hash_can_be_computed_from_the_description_alone():
    at = datetime(2026, 11, 22, 11, tzinfo=timezone(timedelta(hours=1)))
    lost = LegLost(CallId("cal_x"), LegId("leg_x"), Seat.PATIENT, 1400, Stamp("b0", 7, 1500, at))
    words = b'["LegLost","cal_x","b0",7,1500,"2026-11-22T10:00:00.000000+00:00","leg_x","patient",1400]'
    assert canonical(row_of(lost, 1)) == words
    assert link(b"before", row_of(lost, 1)) == hashlib.sha256(b"before" + words).digest()


CHANGES = {
    "call": "cal_2",
    "number": 99,
    "boot": "another",
    "seq": 99,
    "kind": "Anything",
    "leg": "leg_9",
    "seat": "nobody",
    "heard_ms": 1,
    "monotonic_ms": 1,
    "at": datetime(2020, 1, 1, tzinfo=UTC),
    "hash": bytes(32),
}


@pytest.mark.parametrize("field", FactRow.__slots__)
@given(data=st.data())
def test_any_changed_word_is_found_in_its_row(field: str, data):
    rows = chained()
    index = data.draw(st.integers(0, len(rows) - 1))
    rows[index] = replace(rows[index], **{field: CHANGES[field]})
    assert verify(CALL, rows).broken_at == index + 1


@given(st.data())
def test_a_row_that_is_missing_swapped_or_put_in_is_found(data):
    rows = chained()
    index = data.draw(st.integers(0, len(rows) - 2))
    assert verify(CALL, rows[:index] + rows[index + 1 :]).broken_at == index + 1
    assert verify(CALL, [*rows[:index], rows[index + 1], rows[index], *rows[index + 2 :]]).broken_at == index + 1
    assert verify(CALL, [*rows[:index], rows[index], *rows[index:]]).broken_at == index + 2


def test_a_chain_that_lost_its_end_has_another_head():
    shorter = verify(CALL, chained()[:-1])
    assert shorter.intact
    assert shorter.head != verify(CALL, chained()).head


@pytest.mark.parametrize(
    "change", [{"kind": "Anything"}, {"leg": None}, {"seat": "nobody"}, {"heard_ms": None}], ids=str
)
def test_a_row_that_no_worker_could_have_said_is_no_fact(change: dict[str, object]):
    row = next(row for row in chained() if row.kind == "LegLost")
    with pytest.raises(NotAFact):
        fact_of(replace(row, **change))
