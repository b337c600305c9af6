"""Operations: what leads where, what a look says, when a key has served."""

from datetime import timedelta

import pytest

from billing.gateway import (
    Account,
    AuthoriseCard,
    CaptureHold,
    CreateAccount,
    Found,
    IncreaseHold,
    Intent,
    IntentState,
    Operation,
    Refund,
    RefundCharge,
    ReleaseHold,
    SaveCard,
)
from billing.operation import (
    KEY_LIVES,
    OPEN,
    SAME_KEY_TRIES,
    TRANSITIONS,
    InvalidOperation,
    OperationEvent,
    OperationState,
    StoredOperation,
    Verdict,
    decoded,
    encoded,
    key_of,
    kind_of,
    moved,
    needs_new_key,
    pause_after,
    verdict,
)
from store.ids import OperationId
from tests.billing.rows_of_money import AT

AUTHORISE = AuthoriseCard("acct_1", "hol_1", 5000, "EUR", capture=False)
CAPTURE = CaptureHold("acct_1", "pi_1", 2000, "EUR", 240)
INCREASE = IncreaseHold("acct_1", "pi_1", 8000, "EUR")
RELEASE = ReleaseHold("acct_1", "pi_1")
REFUND = RefundCharge("acct_1", "rfd_1", "pi_1", 100, "EUR")
ACCOUNT = CreateAccount("pra_1", "a@example.org", "FR", "EUR")
EVERY: list[Operation] = [AUTHORISE, SaveCard("acct_1", "hol_1"), CAPTURE, INCREASE, RELEASE, REFUND, ACCOUNT]


def intent(state: IntentState, amount: int = 5000) -> Intent:
    return Intent("pi_1", "acct_1", "hol_1", state, amount, "EUR")


def stored(operation: Operation, tries: int = 1, **changes) -> StoredOperation:
    kind = kind_of(operation)
    values = {
        "id": OperationId("opn_1"),
        "kind": kind,
        "subject": "hol_1",
        "attempt": 1,
        "key": key_of("here", kind, "hol_1", 1),
        "operation": operation,
        "state": OperationState.UNCLEAR,
        "refusal": "",
        "created_at": AT,
        "sent_at": AT,
        "due_at": AT,
        "tries": tries,
    }
    return StoredOperation(**values | changes)


@pytest.mark.parametrize("operation", EVERY)
def test_an_operation_comes_back_from_the_table_word_for_word(operation: Operation):
    assert decoded(kind_of(operation), encoded(operation)) == operation


def test_unclear_is_left_by_a_look_only():
    """Refused is not unknown: nothing leads from an unclear operation to an answer without looking."""
    events = {event for state, event in TRANSITIONS if state is OperationState.UNCLEAR}
    looked = {OperationEvent.FOUND, OperationEvent.IMPOSSIBLE, OperationEvent.SEND, OperationEvent.LOST}
    assert events - {OperationEvent.UNCLEAR} == looked
    for final in set(OperationState) - OPEN:
        assert not any(state is final for state, _ in TRANSITIONS)
        with pytest.raises(InvalidOperation):
            moved(final, OperationEvent.SEND)


@pytest.mark.parametrize(
    ("operation", "found", "shown"),
    [
        (AUTHORISE, None, Verdict.NOT_DONE),
        (AUTHORISE, intent(IntentState.NEEDS_CARD), Verdict.DONE),
        (AUTHORISE, intent(IntentState.CANCELLED), Verdict.DONE),
        (CAPTURE, intent(IntentState.HELD), Verdict.NOT_DONE),
        (CAPTURE, intent(IntentState.SUCCEEDED), Verdict.DONE),
        (CAPTURE, intent(IntentState.CANCELLED), Verdict.IMPOSSIBLE),
        (CAPTURE, None, Verdict.IMPOSSIBLE),
        (RELEASE, intent(IntentState.HELD), Verdict.NOT_DONE),
        (RELEASE, intent(IntentState.NEEDS_CARD), Verdict.NOT_DONE),
        (RELEASE, intent(IntentState.CANCELLED), Verdict.DONE),
        (RELEASE, intent(IntentState.SUCCEEDED), Verdict.IMPOSSIBLE),
        (INCREASE, intent(IntentState.HELD, 5000), Verdict.NOT_DONE),
        (INCREASE, intent(IntentState.HELD, 8000), Verdict.DONE),
        (INCREASE, intent(IntentState.CANCELLED), Verdict.IMPOSSIBLE),
        (REFUND, None, Verdict.NOT_DONE),
        (REFUND, Refund("re_1", "acct_1", "rfd_1", "pi_1", 100, "EUR", "pending"), Verdict.DONE),
        (ACCOUNT, None, Verdict.NOT_DONE),
        (ACCOUNT, Account("acct_9", "pra_1", True, True), Verdict.DONE),
    ],
)
def test_what_a_look_says(operation: Operation, found: Found | None, shown: Verdict):
    assert verdict(operation, found) is shown


@pytest.mark.parametrize("operation", EVERY)
def test_a_key_that_the_provider_may_have_forgotten_is_not_used_again(operation: Operation):
    assert not needs_new_key(stored(operation), AT + KEY_LIVES - timedelta(seconds=1))
    assert needs_new_key(stored(operation), AT + KEY_LIVES)


def test_a_key_that_repeats_an_error_is_given_up_where_twice_is_once():
    for operation in EVERY:
        once_anyhow = operation in (CAPTURE, INCREASE, RELEASE)
        assert needs_new_key(stored(operation, SAME_KEY_TRIES + 1), AT) is once_anyhow
        assert not needs_new_key(stored(operation, SAME_KEY_TRIES), AT)


def test_the_pauses_grow_to_ten_minutes():
    pauses = [pause_after(tries).total_seconds() for tries in range(1, 100)]
    assert pauses[:4] == [1, 2, 4, 8]
    assert pauses == sorted(pauses)
    assert pauses[-1] == 600


def test_the_key_names_installation_kind_row_and_attempt():
    assert key_of("abc", "CaptureHold", "hol_1", 2) == "visavis:abc:CaptureHold:hol_1:2"
