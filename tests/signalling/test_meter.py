"""The meter on both screens, and the price at the waiting room's door."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from agenda.consultation import Consultation
from lobby.gate import Obstacle
from signalling.metering import MeterReading
from store.ids import CallId, ConsultationId
from tests.signalling.practice import Practice

READING = MeterReading(
    seconds=65, running=True, paused=False, currency="EUR", exponent=2, cost=217, next_costs=(220, 223), ends_in=None
)
SHOWN = {
    "seconds": 65, "running": True, "paused": False, "currency": "EUR", "exponent": 2, "cost": 217,
    "next_costs": [220, 223], "ends_in": None,
}  # fmt: skip


@dataclass
class Prices:
    """Billing, as far as these tests need it."""

    in_the_way: tuple[Obstacle, ...] = ()
    shown: MeterReading | None = None

    async def obstacles(self, _: Consultation, at: datetime) -> tuple[Obstacle, ...]:  # noqa: ARG002
        return self.in_the_way

    async def reading(self, consultation: ConsultationId, call: CallId, at: datetime) -> MeterReading | None:  # noqa: ARG002
        return self.shown


async def priced(practice: Practice, **said: Any) -> Prices:
    prices = Prices(**said)
    practice.meters = prices
    await practice.restart()
    return prices


def the_call(practice: Practice) -> CallId:
    return next(iter(practice.engine.legs.values())).call


async def test_c2_13_both_see_what_it_costs_when_they_sit_down_and_after_every_fact(practice: Practice):
    prices = await priced(practice, shown=READING)
    practitioner = await practice.practitioner()
    consultation, invitation = await practice.consultation(practitioner)
    host, patient = await practice.call(practitioner, consultation, invitation)
    for page in (host, patient):
        assert {**page.last("meter"), "type": None} == {**SHOWN, "type": None}
    prices.shown = replace(READING, seconds=70, cost=233)
    practice.reception.meters.heard([the_call(practice)])
    assert (await host.expect("meter", seconds=70))["cost"] == 233
    assert (await patient.expect("meter", seconds=70))["cost"] == 233


async def test_a_call_that_is_free_shows_no_meter(practice: Practice):
    await priced(practice)
    practitioner = await practice.practitioner()
    consultation, invitation = await practice.consultation(practitioner)
    host, patient = await practice.call(practitioner, consultation, invitation)
    practice.reception.meters.heard([the_call(practice), CallId("cal_unknown")])
    await practice.calm(host, patient)
    assert "meter" not in host.kinds() + patient.kinds()


async def test_a_meter_that_stands_still_is_not_said_again(practice: Practice):
    await priced(practice, shown=READING)
    practitioner = await practice.practitioner()
    consultation, invitation = await practice.consultation(practitioner)
    host, patient = await practice.call(practitioner, consultation, invitation)
    said = host.kinds().count("meter")
    practice.reception.meters.heard([the_call(practice)])
    await practice.calm(host, patient)
    assert host.kinds().count("meter") == said


async def test_nobody_waits_before_the_price_is_agreed_and_the_hold_is_there(practice: Practice):
    """DAT-32: no admission is made, so the practitioner sees nobody."""
    prices = await priced(practice, in_the_way=(Obstacle.AGREEMENT, Obstacle.HOLD))
    practitioner = await practice.practitioner()
    _, invitation = await practice.consultation(practitioner)
    desk = await practice.desk(practitioner)
    refused = await practice.patient(invitation)
    assert (await refused.expect("not_yet"))["obstacles"] == ["agreement", "hold"]
    prices.in_the_way = ()
    await practice.waiting_patient(invitation, "Anne Petit")
    assert [entry["name"] for entry in (await desk.expect("lobby"))["entries"]] == ["Anne Petit"]


async def test_dat_34_one_whose_hold_lapses_while_waiting_is_asked_again_and_keeps_the_turn(practice: Practice):
    prices = await priced(practice)
    practitioner = await practice.practitioner()
    consultation, invitation = await practice.consultation(practitioner)
    patient, ticket = await practice.waiting_patient(invitation)
    prices.in_the_way = (Obstacle.HOLD,)
    await practice.reception.price_changed(consultation.id)
    assert (await patient.expect("not_yet"))["obstacles"] == ["hold"]
    prices.in_the_way = ()
    back = await practice.patient(invitation, ticket=ticket)
    assert (await back.expect("waiting"))["ticket"]


async def test_one_whose_hold_lapsed_unnoticed_is_not_let_in(practice: Practice):
    prices = await priced(practice)
    practitioner = await practice.practitioner()
    consultation, invitation = await practice.consultation(practitioner)
    host = await practice.host(practitioner, consultation)
    patient, _ = await practice.waiting_patient(invitation)
    entry = await practice.entry(host, "Jean Dupont")
    prices.in_the_way = (Obstacle.HOLD,)
    await host.send("admit", admission=entry["admission"], version=entry["version"])
    await host.expect("problem", code="unpaid")
    assert (await patient.expect("not_yet"))["obstacles"] == ["hold"]
    assert "admitted" not in patient.kinds()


async def test_only_the_practitioner_in_the_call_stops_the_meter(practice: Practice):
    await priced(practice, shown=READING)
    practitioner = await practice.practitioner()
    consultation, invitation = await practice.consultation(practitioner)
    host, patient = await practice.call(practitioner, consultation, invitation)
    await patient.send("pause_meter")
    await patient.expect("problem", code="not_found")
    desk = await practice.desk(practitioner)
    await desk.send("pause_meter")
    await desk.expect("problem", code="stale")
    assert practice.engine.meter_commands == []
    await host.send("pause_meter")
    await host.send("resume_meter")
    await practice.calm(host)
    call = the_call(practice)
    assert practice.engine.meter_commands == [("pause", call), ("resume", call)]
