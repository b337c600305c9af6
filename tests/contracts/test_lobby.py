"""The lobby's service on both databases."""

import asyncio
from datetime import datetime, timedelta

import pytest

from lobby.admission import (
    MOST_WAITING,
    Admission,
    PlaceGone,
    StaleAdmission,
    State,
    UnknownAdmission,
    WaitingRoomFull,
)
from lobby.io.service import Lobby
from lobby.ticket import BadTicket, LapsedTicket
from store.facts import (
    PatientAdmitted,
    PatientDeclined,
    PatientEntered,
    PatientLeft,
    PatientSentBack,
    PatientWaiting,
)
from store.ids import AdmissionId, ConsultationId, PractitionerId, Prefix
from store.io.entropy import new_id
from store.io.outbox import Outbox
from store.names import BadName
from tests.contracts.conftest import RecordingBus

CONSULTATION = ConsultationId(new_id(Prefix.CONSULTATION))
BY = PractitionerId(new_id(Prefix.PRACTITIONER))
MINUTE = timedelta(minutes=1)


@pytest.fixture
async def waiting(lobby: Lobby, at: datetime) -> Admission:
    return await lobby.arrive(CONSULTATION, "M. Dupont", "ok", "denied", at)


class TestInvitations:
    async def test_the_link_can_be_shown_again_and_leads_to_its_consultation(self, lobby: Lobby, at: datetime):
        tokens = await asyncio.gather(*(lobby.invite(CONSULTATION, at) for _ in range(8)))
        assert len(set(tokens)) == 1
        assert await lobby.consultation_of(tokens[0]) == CONSULTATION
        assert await lobby.consultation_of("anything") is None
        assert await lobby.consultation_of("\ud800\x00") is None

    async def test_another_consultation_has_another_link(self, lobby: Lobby, at: datetime):
        other = ConsultationId(new_id(Prefix.CONSULTATION))
        assert await lobby.invite(CONSULTATION, at) != await lobby.invite(other, at)

    async def test_a_revoked_link_is_void_and_the_next_one_is_new(self, lobby: Lobby, at: datetime):
        old = await lobby.invite(CONSULTATION, at)
        await lobby.revoke(CONSULTATION, at)
        assert await lobby.consultation_of(old) is None
        new = await lobby.invite(CONSULTATION, at)
        assert new != old
        assert await lobby.consultation_of(old) is None
        assert await lobby.consultation_of(new) == CONSULTATION
        assert await lobby.invite(CONSULTATION, at) == new


class TestPassage:
    async def test_the_whole_way_is_kept_and_reported(
        self, lobby: Lobby, waiting: Admission, outbox: Outbox, bus: RecordingBus, at: datetime
    ):
        """CLI-14, CLI-15."""
        assert (waiting.state, waiting.version) == (State.WAITING, 1)
        admitted = await lobby.admit(waiting.id, 1, BY, at + MINUTE)
        assert (admitted.state, admitted.version, admitted.decided_by) == (State.ADMITTED, 2, BY)
        entered = await lobby.enter(waiting.id, at + MINUTE)
        back = await lobby.send_back(waiting.id, BY, at + 2 * MINUTE)
        assert (back.state, back.waiting_since) == (State.WAITING, at + 2 * MINUTE)
        assert entered.state is State.ENTERED
        declined = await lobby.decline(waiting.id, back.version, BY, at + 3 * MINUTE)
        assert declined.version == 5
        assert await lobby.admission(waiting.id) == declined
        await outbox.deliver()
        assert bus.heard == [
            PatientWaiting(CONSULTATION, waiting.id, at),
            PatientAdmitted(CONSULTATION, waiting.id, BY, at + MINUTE),
            PatientEntered(CONSULTATION, waiting.id, at + MINUTE),
            PatientSentBack(CONSULTATION, waiting.id, BY, at + 2 * MINUTE),
            PatientDeclined(CONSULTATION, waiting.id, BY, at + 3 * MINUTE),
        ]

    async def test_of_two_who_admit_at_once_one_wins(
        self, lobby: Lobby, outbox: Outbox, bus: RecordingBus, at: datetime
    ):
        for _ in range(10):
            waiting = await lobby.arrive(CONSULTATION, "A", "ok", "ok", at)
            bus.heard.clear()
            results = await asyncio.gather(
                *(lobby.admit(waiting.id, waiting.version, BY, at) for _ in range(2)), return_exceptions=True
            )
            assert sum(isinstance(one, Admission) for one in results) == 1
            assert sum(isinstance(one, StaleAdmission) for one in results) == 1
            await outbox.deliver()
            assert len([fact for fact in bus.heard if isinstance(fact, PatientAdmitted)]) == 1

    async def test_of_admit_decline_and_leave_at_once_the_outcome_is_one_of_the_tables(
        self, lobby: Lobby, at: datetime
    ):
        for _ in range(10):
            waiting = await lobby.arrive(CONSULTATION, "A", "ok", "ok", at)
            await asyncio.gather(
                lobby.admit(waiting.id, 1, BY, at),
                lobby.decline(waiting.id, 1, BY, at),
                lobby.leave(waiting.id, at),
                return_exceptions=True,
            )
            after = await lobby.admission(waiting.id)
            assert after is not None
            assert (after.state, after.version) in {
                (State.DECLINED, 2),
                (State.ABANDONED, 2),
                (State.LEFT, 3),
            }

    async def test_a_decision_on_an_older_version_is_refused(self, lobby: Lobby, waiting: Admission, at: datetime):
        await lobby.leave(waiting.id, at)
        await lobby.come_back(waiting.id, at)
        for decide in (lobby.admit, lobby.decline):
            with pytest.raises(StaleAdmission):
                await decide(waiting.id, 1, BY, at)
        kept = await lobby.admission(waiting.id)
        assert kept is not None
        assert (kept.state, kept.version) == (State.WAITING, 3)

    async def test_who_waits_or_was_declined_cannot_enter(self, lobby: Lobby, waiting: Admission, at: datetime):
        with pytest.raises(StaleAdmission):
            await lobby.enter(waiting.id, at)
        await lobby.decline(waiting.id, 1, BY, at)
        with pytest.raises(StaleAdmission):
            await lobby.enter(waiting.id, at)
        with pytest.raises(PlaceGone):
            await lobby.come_back(waiting.id, at)

    async def test_a_reload_keeps_place_and_seat(
        self, lobby: Lobby, waiting: Admission, outbox: Outbox, bus: RecordingBus, at: datetime
    ):
        assert await lobby.come_back(waiting.id, at + MINUTE) == waiting
        admitted = await lobby.admit(waiting.id, 1, BY, at)
        assert await lobby.come_back(waiting.id, at + MINUTE) == admitted
        entered = await lobby.enter(waiting.id, at)
        assert await lobby.come_back(waiting.id, at + MINUTE) == entered
        assert await lobby.enter(waiting.id, at + MINUTE) == entered
        await outbox.deliver()
        assert len(bus.heard) == 3

    async def test_leaving_the_place_and_leaving_the_seat(
        self, lobby: Lobby, waiting: Admission, outbox: Outbox, bus: RecordingBus, at: datetime
    ):
        assert (await lobby.leave(waiting.id, at)).state is State.ABANDONED
        assert (await lobby.leave(waiting.id, at)).version == 2
        back = await lobby.come_back(waiting.id, at + MINUTE)
        await lobby.admit(waiting.id, back.version, BY, at)
        await lobby.enter(waiting.id, at)
        assert (await lobby.leave(waiting.id, at)).state is State.LEFT
        assert (await lobby.come_back(waiting.id, at)).state is State.WAITING
        await outbox.deliver()
        assert [type(fact) for fact in bus.heard] == [
            PatientWaiting,
            PatientLeft,
            PatientWaiting,
            PatientAdmitted,
            PatientEntered,
            PatientLeft,
            PatientWaiting,
        ]

    async def test_who_does_not_enter_in_two_minutes_loses_the_place(
        self, lobby: Lobby, waiting: Admission, outbox: Outbox, bus: RecordingBus, at: datetime
    ):
        await lobby.admit(waiting.id, 1, BY, at)
        seated = await lobby.arrive(CONSULTATION, "B", "ok", "ok", at)
        await lobby.admit(seated.id, 1, BY, at)
        await lobby.enter(seated.id, at)
        assert await lobby.expire(at + 2 * MINUTE - timedelta(microseconds=1)) == []
        assert [(gone.id, gone.state) for gone in await lobby.expire(at + 2 * MINUTE)] == [(waiting.id, State.EXPIRED)]
        assert await lobby.expire(at + 2 * MINUTE) == []
        with pytest.raises(PlaceGone):
            await lobby.come_back(waiting.id, at + 3 * MINUTE)
        await outbox.deliver()
        assert bus.heard[-1] == PatientLeft(CONSULTATION, waiting.id, at + 2 * MINUTE)

    async def test_entering_and_expiring_at_once_end_in_one_of_both(self, lobby: Lobby, at: datetime):
        for _ in range(10):
            waiting = await lobby.arrive(CONSULTATION, "A", "ok", "ok", at)
            await lobby.admit(waiting.id, 1, BY, at)
            late = at + 2 * MINUTE
            entered, gone = await asyncio.gather(
                lobby.enter(waiting.id, late), lobby.expire(late), return_exceptions=True
            )
            assert isinstance(entered, Admission) != (len(gone) == 1)

    @pytest.mark.parametrize("unknown", ["adm_" + "A" * 22, "adm_\x00", "", "con_" + "A" * 22])
    async def test_an_unknown_admission_is_said_to_be_unknown(self, lobby: Lobby, unknown: str, at: datetime):
        admission = AdmissionId(unknown)
        assert await lobby.admission(admission) is None
        for asked in (
            lobby.admit(admission, 1, BY, at),
            lobby.decline(admission, 1, BY, at),
            lobby.enter(admission, at),
            lobby.leave(admission, at),
            lobby.send_back(admission, BY, at),
            lobby.come_back(admission, at),
        ):
            with pytest.raises(UnknownAdmission):
                await asked

    async def test_a_name_that_is_none_is_refused(self, lobby: Lobby, outbox: Outbox, bus: RecordingBus, at: datetime):
        with pytest.raises(BadName):
            await lobby.arrive(CONSULTATION, "\u202e", "ok", "ok", at)
        await outbox.deliver()
        assert bus.heard == []


class TestFullWaitingRoom:
    async def test_of_those_who_come_at_once_as_many_wait_as_may(self, lobby: Lobby, at: datetime):
        async def arrive(number: int) -> bool:
            try:
                await lobby.arrive(CONSULTATION, f"P {number}", "ok", "ok", at)
            except WaitingRoomFull:
                return False
            return True

        assert sum(await asyncio.gather(*(arrive(number) for number in range(20)))) == MOST_WAITING
        assert len(await lobby.waiting([CONSULTATION])) == MOST_WAITING
        await lobby.arrive(ConsultationId(new_id(Prefix.CONSULTATION)), "A", "ok", "ok", at)

    async def test_who_left_comes_back_only_where_there_is_room_and_who_is_sent_back_always(
        self, lobby: Lobby, waiting: Admission, at: datetime
    ):
        seated = await lobby.arrive(CONSULTATION, "B", "ok", "ok", at)
        await lobby.admit(seated.id, 1, BY, at)
        await lobby.enter(seated.id, at)
        await lobby.leave(waiting.id, at)
        others = [await lobby.arrive(CONSULTATION, f"P {number}", "ok", "ok", at) for number in range(MOST_WAITING)]
        with pytest.raises(WaitingRoomFull):
            await lobby.come_back(waiting.id, at)
        assert (await lobby.come_back(others[0].id, at)).version == 1
        assert (await lobby.send_back(seated.id, BY, at)).state is State.WAITING
        for other in others[:2]:
            await lobby.leave(other.id, at)
        assert (await lobby.come_back(waiting.id, at)).state is State.WAITING


class TestWaiting:
    async def test_those_who_wait_are_listed_the_longest_first(self, lobby: Lobby, at: datetime):
        other = ConsultationId(new_id(Prefix.CONSULTATION))
        second = await lobby.arrive(CONSULTATION, "2", "ok", "ok", at + MINUTE)
        first = await lobby.arrive(other, "1", "off", "ok", at)
        await lobby.arrive(ConsultationId(new_id(Prefix.CONSULTATION)), "foreign", "ok", "ok", at)
        gone = await lobby.arrive(CONSULTATION, "gone", "ok", "ok", at)
        await lobby.leave(gone.id, at)
        assert await lobby.waiting([CONSULTATION, other]) == [first, second]
        assert await lobby.waiting(one for one in ()) == []

    async def test_devices_are_noted_without_a_new_version(self, lobby: Lobby, waiting: Admission):
        await lobby.set_devices(waiting.id, "missing", "ok")
        kept = await lobby.admission(waiting.id)
        assert kept is not None
        assert (kept.camera, kept.microphone, kept.version) == ("missing", "ok", 1)


class TestTickets:
    async def test_a_ticket_leads_to_its_admission(self, lobby: Lobby, waiting: Admission, at: datetime):
        ticket = lobby.ticket(waiting.id, at + MINUTE)
        assert await lobby.admission_of_ticket(ticket, at) == waiting
        with pytest.raises(LapsedTicket):
            await lobby.admission_of_ticket(ticket, at + MINUTE)

    async def test_a_ticket_of_another_key_or_for_nobody_is_refused(
        self, database, outbox, lobby: Lobby, waiting: Admission, at: datetime
    ):
        foreign = Lobby(database, outbox, b"another key for tests of 32 byte").ticket(waiting.id, at + MINUTE)
        nobody = lobby.ticket(AdmissionId(new_id(Prefix.ADMISSION)), at + MINUTE)
        for ticket in (foreign, nobody, "", "v1", "\ud800"):
            with pytest.raises(BadTicket):
                await lobby.admission_of_ticket(ticket, at)
