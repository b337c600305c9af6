"""What the media engine reports, and what becomes of the call and its two seats."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from signalling.io.tables import calls
from store.ids import CallId, LegId, Seat
from tests.signalling.page import Page
from tests.signalling.practice import Practice


async def live_call(practice: Practice) -> tuple[Page, Page]:
    claire = await practice.practitioner()
    consultation, invitation = await practice.consultation(claire)
    return await practice.call(claire, consultation, invitation)


def leg_of(practice: Practice, seat: str) -> LegId:
    return next(leg.leg for leg in practice.engine.legs.values() if leg.seat == seat)


async def test_a_lost_worker_gives_both_new_legs(practice: Practice) -> None:
    host, patient = await live_call(practice)
    before = set(practice.engine.legs)
    practice.engine.lose_worker()
    for page in (host, patient):
        await page.expect("rejoin")
        await page.expect("offer", fresh=True)
    await practice.calm(host, patient)
    assert len(practice.engine.legs) == 2
    assert not before & set(practice.engine.legs)
    assert host.last("call")["state"] == patient.last("call")["state"] == "live"
    # Media stopped at once, and is let through again only when the other is heard.
    states = [body["connected"] for body in patient.heard if body["type"] == "peer"]
    assert states[-3:] == [True, False, True]


async def test_a_lost_worker_gives_one_who_is_away_a_new_leg_on_return(practice: Practice) -> None:
    host, patient = await live_call(practice)
    await practice.vanish(patient)
    practice.engine.lose_worker()
    await host.expect("rejoin")
    await practice.calm(host)
    assert [leg.seat for leg in practice.engine.legs.values()] == ["practitioner"]
    await patient.resume()
    assert patient.last("welcome")["resumed"] is True
    await patient.expect("rejoin")
    await patient.expect("offer", fresh=True)
    await practice.calm(host, patient)
    assert host.last("call")["state"] == "live"


@pytest.mark.parametrize("reason", ["hangup", "consent", "handshake"])
async def test_a_page_that_is_here_and_lost_its_leg_gets_a_new_one_and_keeps_its_seat(
    practice: Practice, reason: str
) -> None:
    host, patient = await live_call(practice)
    practice.clock.advance(seconds=5)
    practice.engine.hang_up(leg_of(practice, "patient"), reason)
    await patient.expect("rejoin")
    await patient.expect("offer", fresh=True)
    await practice.calm(host, patient)
    assert host.last("peer")["connected"] is True
    assert "rejoin" not in host.kinds()
    assert len(practice.engine.legs) == 2


async def test_a_leg_that_breaks_again_and_again_is_made_anew_at_a_bounded_pace(practice: Practice) -> None:
    host, patient = await live_call(practice)
    practice.engine.hang_up(leg_of(practice, "patient"))
    await practice.calm(host, patient)
    assert "rejoin" not in patient.kinds()
    practice.clock.advance(seconds=1)
    await practice.reception.look_around()
    assert len(practice.engine.legs) == 1
    practice.clock.advance(seconds=1)
    await practice.reception.look_around()
    await patient.expect("rejoin")
    await patient.until("peer", connected=True)
    assert len(practice.engine.legs) == 2


async def test_a_leg_that_closes_under_a_page_that_went_away_is_not_made_anew_for_nobody(practice: Practice) -> None:
    host, patient = await live_call(practice)
    await practice.vanish(patient)
    practice.clock.advance(seconds=5)
    practice.engine.hang_up(leg_of(practice, "patient"))
    await host.until("peer", present=True, connected=False)
    await practice.reception.look_around()
    assert len(practice.engine.legs) == 1
    await patient.resume()
    await patient.expect("rejoin")
    await host.until("peer", connected=True)


async def test_a_leg_that_falls_silent_interrupts_the_call_until_it_is_heard_again(practice: Practice) -> None:
    host, patient = await live_call(practice)
    leg = leg_of(practice, "patient")
    practice.engine.fall_silent(leg)
    await host.until("peer", present=True, connected=False)
    await host.until("call", state="interrupted")
    await patient.until("call", state="interrupted")
    assert patient.last("peer")["connected"] is True
    practice.engine.connect(leg)
    await host.until("peer", connected=True)
    await patient.until("call", state="live")


async def test_restart_ice_brings_an_offer_that_is_not_fresh(practice: Practice) -> None:
    _, patient = await live_call(practice)
    await patient.send("restart_ice")
    offer = await patient.expect("offer", fresh=False)
    while "ice 1" not in offer["sdp"]:
        offer = await patient.expect("offer", fresh=False)
    assert "rejoin" not in patient.kinds()


async def test_restart_ice_on_a_leg_that_is_gone_brings_a_new_one(practice: Practice) -> None:
    _, patient = await live_call(practice)
    del practice.engine.legs[leg_of(practice, "patient")]
    await patient.send("restart_ice")
    await patient.expect("rejoin")
    await patient.expect("offer", fresh=True)


async def test_the_one_who_stays_is_offered_again_not_afresh_when_the_other_reloads(practice: Practice) -> None:
    claire = await practice.practitioner()
    consultation, invitation = await practice.consultation(claire)
    host, patient = await practice.call(claire, consultation, invitation)
    before = [body["negotiation"] for body in host.heard if body["type"] == "offer"]
    back = await practice.patient(invitation, ticket=patient.last("admitted")["ticket"])
    await back.until("peer", connected=True)
    await practice.calm(host, back)
    offers = [body for body in host.heard if body["type"] == "offer"]
    assert [offer["fresh"] for offer in offers] == [True] + [False] * (len(offers) - 1)
    assert len(offers) == len(before) + 1


async def only_call(practice: Practice):
    async with practice.database.reading() as tx:
        return (await tx.execute(select(calls).order_by(calls.c.opened_at.desc()))).first()


async def test_a_bad_answer_is_told_and_a_stale_one_ignored(practice: Practice) -> None:
    host, patient = await live_call(practice)
    await patient.send("answer", negotiation=patient.last("offer")["negotiation"], sdp="nonsense")
    await patient.expect("problem", code="bad_answer")
    await patient.send("answer", negotiation=99, sdp="answer")
    await practice.calm(host, patient)
    assert patient.kinds().count("problem") == 1


async def test_a_late_answer_to_an_earlier_leg_is_not_taken_for_the_new_one(practice: Practice) -> None:
    host, patient = await live_call(practice)
    patient.answers = False
    earlier = patient.last("offer")["negotiation"]
    practice.engine.lose_worker()
    await patient.send("answer", negotiation=earlier, sdp="answer to a leg that is gone")
    await patient.expect("rejoin")
    fresh = await patient.expect("offer", fresh=True)
    await patient.send("answer", negotiation=earlier, sdp="answer to a leg that is gone")
    await practice.calm(host, patient)
    assert fresh["negotiation"] > earlier
    assert host.last("peer")["connected"] is False
    await patient.send("answer", negotiation=patient.last("offer")["negotiation"], sdp="answer")
    await host.until("peer", connected=True)


async def test_without_a_worker_the_page_is_told_once_and_it_is_tried_again(practice: Practice) -> None:
    claire = await practice.practitioner()
    consultation, _ = await practice.consultation(claire)
    practice.engine.available = False
    host = await practice.host(claire, consultation)
    await host.expect("problem", code="busy")
    practice.clock.advance(seconds=5)
    await practice.reception.look_around()
    practice.engine.available = True
    practice.clock.advance(seconds=5)
    await practice.reception.look_around()
    await host.expect("offer", fresh=True)
    assert host.kinds().count("problem") == 1
    assert "rejoin" not in host.kinds()


async def test_a_minute_without_a_worker_ends_the_call(practice: Practice) -> None:
    host, patient = await live_call(practice)
    practice.engine.available = False
    practice.engine.lose_worker()
    await host.expect("rejoin")
    practice.clock.advance(seconds=59)
    await practice.reception.look_around()
    await host.settled()
    assert "ended" not in host.kinds()
    practice.clock.advance(seconds=1)
    await practice.reception.look_around()
    for page in (host, patient):
        await page.expect("ended", reason="worker_lost", by="")
        assert await page.closed() == 4002


async def test_peer_lost_after_ten_minutes_without_socket_and_media(practice: Practice) -> None:
    claire = await practice.practitioner()
    consultation, invitation = await practice.consultation(claire, minutes=120)
    host, patient = await practice.call(claire, consultation, invitation)
    await practice.vanish(patient)
    practice.clock.advance(minutes=30)
    await practice.reception.look_around()
    await host.settled()
    assert host.last("call")["state"] == "live"
    practice.engine.fall_silent(leg_of(practice, "patient"))
    await practice.engine.heard()
    practice.clock.advance(minutes=9, seconds=59)
    await practice.reception.look_around()
    await host.settled()
    assert "ended" not in host.kinds()
    practice.clock.advance(seconds=1)
    await practice.reception.look_around()
    await host.expect("ended", reason="peer_lost", by="patient")
    await practice.eventually(lambda: practice.engine.legs == {})
    back = await practice.patient(invitation, ticket=patient.last("admitted")["ticket"])
    await back.expect("waiting")


async def test_never_joined_when_the_window_closes_on_a_host_alone(practice: Practice) -> None:
    claire = await practice.practitioner()
    consultation, _ = await practice.consultation(claire)
    host = await practice.host(claire, consultation)
    await host.expect("offer")
    practice.clock.advance(minutes=60)
    await practice.reception.look_around()
    await host.expect("ended", reason="never_joined", by="")
    assert await host.closed() == 4002
    assert (await only_call(practice)).reason == "never_joined"


async def test_a_live_call_outlives_the_window(practice: Practice) -> None:
    host, patient = await live_call(practice)
    practice.clock.advance(hours=3)
    await practice.reception.look_around()
    await practice.calm(host, patient)
    assert host.last("call")["state"] == "live"


async def test_stray_legs_do_not_keep_the_second_one_out(practice: Practice) -> None:
    claire = await practice.practitioner()
    consultation, invitation = await practice.consultation(claire)
    host = await practice.host(claire, consultation)
    await host.expect("offer")
    call = next(iter(practice.engine.legs.values())).call
    await practice.engine.open_leg(call, LegId("leg_left_over"), Seat.PATIENT)
    patient, _ = await practice.waiting_patient(invitation)
    await practice.admit(host)
    await patient.until("peer", connected=True)
    assert "leg_left_over" not in practice.engine.legs


async def test_stray_legs_are_closed_in_passing(practice: Practice) -> None:
    host, _ = await live_call(practice)
    legs = set(practice.engine.legs)
    await practice.engine.open_leg(CallId("cal_gone"), LegId("leg_gone"), Seat.PATIENT)
    practice.clock.advance(seconds=15)
    await practice.reception.look_around()
    await host.settled()
    assert set(practice.engine.legs) == legs


async def test_the_database_knows_the_calls_state_worker_and_first_meeting(practice: Practice) -> None:
    host, _ = await live_call(practice)
    await practice.reception.look_around()
    row = await only_call(practice)
    assert (row.state, row.live_since, row.ended_at) == ("live", practice.clock(), None)
    assert row.worker.startswith("wrk_")
    practice.clock.advance(seconds=9)
    practice.engine.fall_silent(leg_of(practice, "patient"))
    await host.until("call", state="interrupted")
    await practice.reception.look_around()
    row = await only_call(practice)
    assert (row.state, row.live_since) == ("interrupted", practice.clock() - timedelta(seconds=9))
