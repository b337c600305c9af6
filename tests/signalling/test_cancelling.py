"""A consultation that is cancelled is over for everybody, at once."""

import asyncio

from signalling.call import EndReason
from store.ids import Seat
from tests.signalling.practice import Practice


async def test_cancelling_ends_the_call_and_sends_away_who_waits(practice: Practice) -> None:
    claire = await practice.practitioner()
    consultation, invitation = await practice.consultation(claire)
    host, patient = await practice.call(claire, consultation, invitation)
    waiting, _ = await practice.waiting_patient(invitation, "Ana")
    await practice.agenda.cancel(consultation.id, practice.clock())
    await practice.reception.cancelled(consultation.id)
    for page in (host, patient):
        await page.expect("ended", reason=EndReason.HUNG_UP, by=Seat.PRACTITIONER)
        assert await page.closed() == 4002
    await waiting.expect("not_yet", obstacles=["cancelled"])
    assert await waiting.closed() == 4002
    await practice.eventually(lambda: practice.engine.legs == {})
    await practice.reception.cancelled(consultation.id)


async def test_a_call_of_a_consultation_that_was_cancelled_elsewhere_ends_with_the_next_look(
    practice: Practice,
) -> None:
    claire = await practice.practitioner()
    consultation, invitation = await practice.consultation(claire)
    other, other_invitation = await practice.consultation(claire)
    host, patient = await practice.call(claire, consultation, invitation)
    goes_on, _ = await practice.waiting_patient(other_invitation, "Ana")
    await practice.agenda.cancel(consultation.id, practice.clock())
    await practice.reception.look_around()
    await host.expect("ended", reason="hung_up", by="practitioner")
    await patient.expect("ended", reason="hung_up", by="practitioner")
    await practice.reception.cancelled(other.id)
    await practice.calm(goes_on)
    assert goes_on.close_code is None


async def test_nobody_is_admitted_to_a_cancelled_consultation(practice: Practice) -> None:
    claire = await practice.practitioner()
    consultation, invitation = await practice.consultation(claire)
    desk = await practice.desk(claire)
    await practice.waiting_patient(invitation)
    entry = await practice.entry(desk, "Jean Dupont")
    room = practice.reception._services.presence.known_room(consultation.id)
    assert room is not None
    async with room.visit():
        await desk.send("admit", admission=entry["admission"], version=entry["version"])
        await practice.eventually(lambda: room._visitors == 2)
        await practice.agenda.cancel(consultation.id, practice.clock())
    await desk.expect("problem", code="stale")
    assert practice.engine.opened == []


async def test_nobody_enters_a_consultation_that_was_cancelled_while_the_room_was_waited_for(
    practice: Practice,
) -> None:
    claire = await practice.practitioner()
    consultation, invitation = await practice.consultation(claire)
    await practice.call(claire, consultation, invitation)
    room = practice.reception._services.presence.known_room(consultation.id)
    assert room is not None
    async with room.visit():
        again = await practice.host(claire, consultation)
        await practice.eventually(lambda: room._visitors == 2)
        await practice.agenda.cancel(consultation.id, practice.clock())
        ending = asyncio.create_task(practice.reception.cancelled(consultation.id))
    await again.expect("not_yet", obstacles=["cancelled"])
    assert await again.closed() == 4004
    await ending
    await practice.eventually(lambda: practice.engine.legs == {})
