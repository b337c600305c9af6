"""The practitioner's view of those who wait."""

from dataclasses import replace
from datetime import datetime, timedelta

from lobby.admission import Admission, Move, expected
from lobby.waiting_list import WaitingEntry, waiting_list
from store.ids import AdmissionId, ConsultationId, PractitionerId


def waits(name: str, consultation: str, at: datetime) -> Admission:
    admission = expected(AdmissionId(f"adm_{name}"), ConsultationId(consultation), name, at)
    return replace(admission.moved(Move.ARRIVE, at), camera="ok", microphone="denied")


def test_those_who_wait_stand_in_order_with_what_the_practitioner_needs(at: datetime):
    late = waits("late", "con_1", at + timedelta(minutes=1))
    early = waits("early", "con_2", at)
    assert waiting_list([late, early], connected={late.id}, seated={ConsultationId("con_2")}) == (
        WaitingEntry(early.id, 1, early.consultation, "early", at, "ok", "denied", connected=False, same_link=True),
        WaitingEntry(
            late.id,
            1,
            late.consultation,
            "late",
            at + timedelta(minutes=1),
            "ok",
            "denied",
            connected=True,
            same_link=False,
        ),
    )


def test_who_does_not_wait_is_not_listed(at: datetime):
    waiting = waits("a", "con", at)
    admitted = waits("b", "con", at).moved(Move.ADMIT, at, PractitionerId("pra"))
    entered = admitted.moved(Move.ENTER, at)
    gone = waits("c", "con", at).moved(Move.LEAVE, at)
    listed = waiting_list([waiting, admitted, entered, gone], connected=(), seated=())
    assert [entry.name for entry in listed] == ["a"]
