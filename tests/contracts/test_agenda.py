"""The agenda's service on both databases."""

import asyncio
from datetime import datetime, timedelta

import pytest
from sqlalchemy import update

from agenda.consultation import BadPlan, UnknownConsultation
from agenda.io.service import Agenda
from agenda.io.tables import practitioners
from agenda.people import BadEmail, EmailTaken, Practitioner, UnknownPractitioner, WeakPassword
from agenda.receipt_lines import BadReceiptLines
from app.people import PEOPLE
from billing.receipt import Issuer
from store.facts import ConsultationCancelled, ConsultationPlanned
from store.ids import ConsultationId, PractitionerId, Prefix, is_id
from store.io.database import Database
from store.io.entropy import new_id
from store.io.outbox import Outbox
from store.names import BadName
from tests.contracts.conftest import RecordingBus

HOUR = timedelta(hours=1)


@pytest.fixture
async def practitioner(agenda: Agenda, at: datetime) -> Practitioner:
    return await agenda.create_practitioner("claire@example.org", "Dr Claire Martin", None, at)


class TestPeople:
    async def test_a_practitioner_is_found_by_id_and_by_address_in_any_case(
        self, agenda: Agenda, practitioner: Practitioner
    ):
        assert is_id(practitioner.id, Prefix.PRACTITIONER)
        assert practitioner.time_zone == "Europe/Paris"
        assert practitioner.validated
        assert await agenda.practitioner(practitioner.id) == practitioner
        assert await agenda.practitioner_by_email(" Claire@EXAMPLE.org") == practitioner

    @pytest.mark.parametrize("unknown", ["", "pra_x", "pra_" + "A" * 22, "pra_\x00" + "A" * 21, "é" * 26])
    async def test_an_unknown_id_finds_nobody(self, agenda: Agenda, unknown: str):
        assert await agenda.practitioner(PractitionerId(unknown)) is None
        assert await agenda.practitioner_by_email(unknown) is None

    async def test_an_address_is_taken_once_even_in_a_race(self, agenda: Agenda, at: datetime):
        made = await asyncio.gather(
            *(agenda.create_practitioner(email, "A", None, at) for email in ("a@b.fr", "A@B.fr", "a@B.FR")),
            return_exceptions=True,
        )
        assert sum(isinstance(one, Practitioner) for one in made) == 1
        assert sum(isinstance(one, EmailTaken) for one in made) == 2

    @pytest.mark.parametrize(
        ("person", "refusal"),
        [
            (("no address", "A", None), BadEmail),
            (("a@b.fr", " ", None), BadName),
            (("a@b.fr", "A", "eleven char"), WeakPassword),
        ],
    )
    async def test_what_cannot_be_is_refused(self, agenda: Agenda, at: datetime, person, refusal):
        with pytest.raises(refusal):
            await agenda.create_practitioner(*person, at)
        assert await agenda.practitioner_by_email("a@b.fr") is None


class TestReceiptLines:
    async def test_a_new_practitioner_has_none(self, agenda: Agenda, practitioner: Practitioner):
        assert await agenda.receipt_lines(practitioner.id) == ()

    async def test_what_was_set_last_is_kept_for_the_one_who_set_it(
        self, agenda: Agenda, practitioner: Practitioner, at: datetime
    ):
        other = await agenda.create_practitioner("other@example.org", "Other", None, at)
        await agenda.set_receipt_lines(practitioner.id, "3 rue Neuve")
        await agenda.set_receipt_lines(practitioner.id, " 5  rue de l\u2019Église\r\n\r\nRPPS 10001234567\r\n")
        assert await agenda.receipt_lines(practitioner.id) == ("5 rue de l\u2019Église", "RPPS 10001234567")
        assert await agenda.receipt_lines(other.id) == ()
        await agenda.set_receipt_lines(practitioner.id, "")
        assert await agenda.receipt_lines(practitioner.id) == ()

    async def test_what_cannot_be_printed_changes_nothing(self, agenda: Agenda, practitioner: Practitioner):
        await agenda.set_receipt_lines(practitioner.id, "3 rue Neuve")
        with pytest.raises(BadReceiptLines):
            await agenda.set_receipt_lines(practitioner.id, "A" * 81)
        assert await agenda.receipt_lines(practitioner.id) == ("3 rue Neuve",)

    @pytest.mark.parametrize("unknown", ["pra_x", "pra_" + "A" * 22, "pra_\x00" + "A" * 21])
    async def test_nobody_has_none_and_can_be_given_none(self, agenda: Agenda, unknown: str):
        assert await agenda.receipt_lines(PractitionerId(unknown)) == ()
        with pytest.raises(UnknownPractitioner):
            await agenda.set_receipt_lines(PractitionerId(unknown), "3 rue Neuve")

    async def test_they_are_on_the_receipts_of_the_transaction_that_reads_them(
        self, agenda: Agenda, database: Database, practitioner: Practitioner
    ):
        await agenda.set_receipt_lines(practitioner.id, "3 rue Neuve\nRPPS 10001234567")
        async with database.transaction() as tx:
            await tx.execute(update(practitioners).values(name="Dr C. Martin"))
            issuer = await PEOPLE.issuer_of(tx, practitioner.id)
        assert issuer == Issuer("Dr C. Martin", ("3 rue Neuve", "RPPS 10001234567"), "Europe/Paris")


class TestConsultations:
    async def test_a_plan_is_kept_and_reported(
        self, agenda: Agenda, practitioner: Practitioner, outbox: Outbox, bus: RecordingBus, at: datetime
    ):
        planned = await agenda.plan(practitioner.id, " M.  Dupont ", at + HOUR, 45, at)
        assert planned.patient_name == "M. Dupont"
        assert await agenda.consultation(planned.id) == planned
        await outbox.deliver()
        assert bus.heard == [ConsultationPlanned(planned.id, practitioner.id, at)]

    async def test_a_plan_for_nobody_is_refused(self, agenda: Agenda, outbox: Outbox, bus: RecordingBus, at: datetime):
        with pytest.raises(UnknownPractitioner):
            await agenda.plan(PractitionerId(new_id(Prefix.PRACTITIONER)), "A", at, 30, at)
        await outbox.deliver()
        assert bus.heard == []

    async def test_a_malformed_practitioner_has_no_consultations(self, agenda: Agenda, at: datetime):
        nobody = PractitionerId("pra_\x00")
        assert await agenda.consultations_of(nobody, at, at + HOUR) == []
        with pytest.raises(UnknownPractitioner):
            await agenda.plan(nobody, "A", at, 30, at)

    async def test_a_bad_plan_is_refused(self, agenda: Agenda, practitioner: Practitioner, at: datetime):
        with pytest.raises(BadPlan):
            await agenda.plan(practitioner.id, "A", at, 4, at)

    async def test_the_agenda_lists_ones_own_in_order_within_the_bounds(
        self, agenda: Agenda, practitioner: Practitioner, at: datetime
    ):
        other = await agenda.create_practitioner("other@example.org", "Other", None, at)
        await agenda.plan(other.id, "Z", at + HOUR, 30, at)
        for hours in (3, 1, 2, 4):
            await agenda.plan(practitioner.id, str(hours), at + hours * HOUR, 30, at)
        listed = await agenda.consultations_of(practitioner.id, at + HOUR, at + 4 * HOUR)
        assert [consultation.patient_name for consultation in listed] == ["1", "2", "3"]

    async def test_cancelling_is_reported_once_and_keeps_its_first_time(
        self, agenda: Agenda, practitioner: Practitioner, outbox: Outbox, bus: RecordingBus, at: datetime
    ):
        planned = await agenda.plan(practitioner.id, "A", at, 30, at)
        assert (await agenda.cancel(planned.id, at + HOUR)).cancelled_at == at + HOUR
        assert (await agenda.cancel(planned.id, at + 2 * HOUR)).cancelled_at == at + HOUR
        assert (await agenda.end(planned.id, at + 2 * HOUR)).ended_at is None
        await outbox.deliver()
        assert [fact for fact in bus.heard if isinstance(fact, ConsultationCancelled)] == [
            ConsultationCancelled(planned.id, at + HOUR)
        ]

    async def test_those_that_were_cancelled_or_ended_are_told_apart_in_any_number(
        self, agenda: Agenda, practitioner: Practitioner, at: datetime
    ):
        held, cancelled, ended = [await agenda.plan(practitioner.id, "M. Dupont", at, 30, at) for _ in range(3)]
        await agenda.cancel(cancelled.id, at)
        await agenda.end(ended.id, at)
        strangers = [ConsultationId(new_id(Prefix.CONSULTATION)) for _ in range(1200)]
        asked = [*strangers, held.id, cancelled.id, ended.id]
        assert await agenda.called_off(asked) == {cancelled.id, ended.id}
        assert await agenda.called_off([]) == set()

    async def test_an_ended_consultation_is_not_cancelled(
        self, agenda: Agenda, practitioner: Practitioner, at: datetime
    ):
        planned = await agenda.plan(practitioner.id, "A", at, 30, at)
        assert (await agenda.end(planned.id, at + HOUR)).ended_at == at + HOUR
        cancelled = await agenda.cancel(planned.id, at + 2 * HOUR)
        assert (cancelled.ended_at, cancelled.cancelled_at) == (at + HOUR, None)
        assert await agenda.consultation(planned.id) == cancelled

    @pytest.mark.parametrize("unknown", ["con_" + "A" * 22, "con_\x00", "", "adm_" + "A" * 22])
    async def test_an_unknown_consultation_is_said_to_be_unknown(self, agenda: Agenda, unknown: str, at: datetime):
        consultation = ConsultationId(unknown)
        assert await agenda.consultation(consultation) is None
        with pytest.raises(UnknownConsultation):
            await agenda.cancel(consultation, at)
        with pytest.raises(UnknownConsultation):
            await agenda.end(consultation, at)
