from datetime import timedelta

from notify.delivery import TRANSITIONS, LetterEvent, LetterState, before, pause


def test_what_was_sent_is_never_sent_again() -> None:
    assert not any(state is LetterState.SENT for state, _ in TRANSITIONS)


def test_what_failed_for_good_is_not_begun_again() -> None:
    assert set(before(LetterEvent.BEGIN)) == {LetterState.WAITING, LetterState.SENDING}


def test_an_answer_that_comes_late_counts_all_the_same() -> None:
    assert set(before(LetterEvent.ACCEPTED)) == {LetterState.WAITING, LetterState.SENDING, LetterState.FAILED}


def test_pauses_grow_to_an_hour() -> None:
    pauses = [pause(attempts) for attempts in range(1, 10)]
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (timedelta(minutes=1), timedelta(hours=1))
