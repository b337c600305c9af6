"""The admission's state machine, against a model written from the words of the plan."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from lobby.admission import (
    TRANSITIONS,
    Admission,
    InvalidTransition,
    Move,
    PlaceGone,
    StaleAdmission,
    State,
    expected,
    fact_of,
)
from store.facts import PatientAdmitted, PatientDeclined, PatientLeft, PatientSentBack
from store.ids import AdmissionId, ConsultationId, PractitionerId

BY = PractitionerId("pra")
DECISIONS = (Move.ADMIT, Move.DECLINE, Move.SEND_BACK)
START = datetime(2026, 3, 28, 9, tzinfo=UTC)

# What may follow what, said once more and in another form than the code's table.
WORDS = """
expected: arrive>waiting
waiting: admit>admitted decline>declined leave>abandoned
abandoned: come_back>waiting
admitted: enter>entered expire>expired leave>left
entered: send_back>waiting leave>left
left: come_back>waiting
declined:
expired:
"""
MODEL = {
    state: dict(step.split(">") for step in steps.split())
    for state, steps in (line.split(":") for line in WORDS.strip().splitlines())
}


def before(at: datetime) -> Admission:
    return expected(AdmissionId("adm"), ConsultationId("con"), "M. Dupont", at)


def test_the_table_says_what_the_plan_says_and_nothing_else():
    table: dict[str, dict[str, str]] = {state: {} for state in State}
    for (state, move), after in TRANSITIONS.items():
        table[state][move] = after
    assert table == MODEL


def test_media_can_exist_only_behind_a_decision():
    """No state in which media exists is reached from the outside but through ADMIT."""
    reached, frontier = {State.EXPECTED}, [State.EXPECTED]
    while frontier:
        state = frontier.pop()
        for (start, move), after in TRANSITIONS.items():
            if start is state and move is not Move.ADMIT and after not in reached:
                reached.add(after)
                frontier.append(after)
    assert not reached & {State.ADMITTED, State.ENTERED}


class Passage(RuleBasedStateMachine):
    """Any sequence of moves, of the kind that the service makes and of the kind that is our bug."""

    @initialize()
    def begin(self) -> None:
        self.admission = before(START)
        self.state = "expected"
        self.version = 0
        self.at = START

    @precondition(lambda self: hasattr(self, "admission"))
    @rule(move=st.sampled_from(Move))
    def make_a_move(self, move: Move) -> None:
        self.at += timedelta(seconds=1)
        by = BY if move in DECISIONS else None
        after = MODEL[self.state].get(move.value)
        if after is None:
            with pytest.raises(InvalidTransition):
                self.admission.moved(move, self.at, by)
            return
        self.take(self.admission.moved(move, self.at, by), after)
        fact = fact_of(move, self.admission, self.at)
        assert (fact.admission, fact.consultation, fact.at) == ("adm", "con", self.at)
        if isinstance(fact, PatientAdmitted | PatientDeclined | PatientSentBack):
            assert fact.by == BY

    @rule(move=st.sampled_from([Move.ADMIT, Move.DECLINE]), offset=st.integers(-2, 2))
    def decide(self, move: Move, offset: int) -> None:
        self.at += timedelta(seconds=1)
        after = MODEL[self.state].get(move.value)
        if offset or after is None:
            with pytest.raises(StaleAdmission):
                self.admission.decided(move, self.version + offset, BY, self.at)
        else:
            self.take(self.admission.decided(move, self.version, BY, self.at), after)

    @rule()
    def enter(self) -> None:
        if self.state == "entered":
            assert self.admission.entered(self.at) is self.admission
        elif self.state == "admitted":
            self.take(self.admission.entered(self.at), "entered")
        else:
            with pytest.raises(StaleAdmission):
                self.admission.entered(self.at)

    @rule()
    def send_back(self) -> None:
        if self.state == "entered":
            self.take(self.admission.sent_back(BY, self.at), "waiting")
        else:
            with pytest.raises(StaleAdmission):
                self.admission.sent_back(BY, self.at)

    @rule()
    def leave(self) -> None:
        after = MODEL[self.state].get("leave")
        if after is None:
            assert self.admission.left(self.at) is self.admission
        else:
            self.take(self.admission.left(self.at), after)

    @rule()
    def come_back(self) -> None:
        if self.state in {"declined", "expired"}:
            with pytest.raises(PlaceGone):
                self.admission.come_back(self.at)
        elif self.state in {"abandoned", "left"}:
            self.take(self.admission.come_back(self.at), "waiting")
        else:
            assert self.admission.come_back(self.at) is self.admission

    def take(self, after: Admission, state: str) -> None:
        turn = self.admission.waiting_since if self.state == "abandoned" else self.at
        self.admission, self.state, self.version = after, state, self.version + 1
        if state == "waiting":
            assert after.waiting_since == turn
        if state == "admitted":
            assert after.admitted_at == self.at

    @invariant()
    def agrees_with_the_model(self) -> None:
        if hasattr(self, "admission"):
            assert (self.admission.state, self.admission.version) == (self.state, self.version)


TestPassage = Passage.TestCase


@pytest.mark.parametrize(("move", "by"), [(Move.ADMIT, None), (Move.LEAVE, BY)])
def test_a_decision_needs_one_who_decides_and_nothing_else_has_one(at: datetime, move: Move, by: PractitionerId | None):
    waiting = before(at).moved(Move.ARRIVE, at)
    with pytest.raises(InvalidTransition):
        waiting.moved(move, at, by)


def test_who_does_not_enter_is_reported_as_gone(at: datetime):
    gone = before(at).moved(Move.ARRIVE, at).moved(Move.ADMIT, at, BY).moved(Move.EXPIRE, at)
    assert fact_of(Move.EXPIRE, gone, at) == PatientLeft(ConsultationId("con"), AdmissionId("adm"), at)
