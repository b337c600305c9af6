"""Lost sockets, sleep, restarts: nothing lost or repeated. Over 300 lines: each way to lose a socket is a walk."""

import asyncio
import random

import aiohttp
import pytest

from tests.signalling.flaky_network import FlakyNetwork
from tests.signalling.page import Page
from tests.signalling.practice import SENDING, Practice


async def test_a_lost_socket_resumes_with_what_was_missed(practice: Practice) -> None:
    claire = await practice.practitioner()
    consultation, invitation = await practice.consultation(claire)
    host, patient = await practice.call(claire, consultation, invitation)
    await practice.vanish(patient)
    sharing = {**SENDING, "screen": True}
    await host.send("sending", sending=sharing)
    await host.settled()
    seen = len(patient.heard)
    await patient.resume()
    assert patient.last("welcome")["resumed"] is True
    await patient.until("peer", sending=sharing)
    await practice.calm(host, patient)
    assert [body["type"] for body in patient.heard[seen:]] == ["welcome", "peer"]
    assert len(practice.engine.opened) == 2
    assert host.last("call")["state"] == "live"


async def test_what_is_asked_for_while_the_socket_is_gone_is_carried_out_once_on_the_next(practice: Practice) -> None:
    await practice.limit(repeats=3)
    claire = await practice.practitioner()
    consultation, invitation = await practice.consultation(claire)
    host, patient = await practice.call(claire, consultation, invitation)
    await practice.vanish(patient)
    for _ in range(3):
        await patient.send("restart_ice")
    await patient.resume()
    await practice.calm(host, patient)
    assert [leg.restarts for leg in practice.engine.legs.values() if leg.seat == "patient"] == [3]


async def resume_for_ever(page: Page, stop: asyncio.Event) -> None:
    """Do what a page does whose network breaks again and again."""
    while not stop.is_set():
        if page.close_code is None and page._reader is not None and not page._reader.done():
            await asyncio.sleep(0.005)
            continue
        try:
            await page._connect({"n": 0, "ack": page.received, "body": {"type": "resume", "session": page.session}})
        except (aiohttp.ClientError, ConnectionError, TimeoutError):
            await asyncio.sleep(0.005)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_nothing_is_lost_or_repeated_when_connections_break_at_random_bytes(
    practice: Practice, seed: int
) -> None:
    await practice.limit(repeats=100_000)
    claire = await practice.practitioner()
    consultation, invitation = await practice.consultation(claire)
    host, patient = await practice.call(claire, consultation, invitation)
    network = FlakyNetwork(practice.url, seed)
    flaky_url = await network.start()
    stop, dice = asyncio.Event(), random.Random(seed)  # noqa: S311  # to be repeated, not secret
    for page in (host, patient):
        page._url = flaky_url
        await page.cut()
    resuming = [asyncio.create_task(resume_for_ever(page, stop)) for page in (host, patient)]
    heard_before = [len(host.heard), len(patient.heard)]
    turns = 0
    while network.broken < 20 or turns % 2:
        turns += 1
        await patient.send("restart_ice")
        await host.send("sending", sending={**SENDING, "screen": turns % 2 == 1})
        await asyncio.sleep(dice.random() * 0.03)
    network.breaking = False
    await practice.eventually(lambda: host.online and patient.online and not host._unacked and not patient._unacked)
    await practice.eventually(lambda: practice.engine.opened and patient.last("peer")["sending"]["screen"] is False)
    stop.set()
    await asyncio.gather(*resuming)
    await practice.calm(host, patient)
    assert all(page.last("welcome")["resumed"] for page in (host, patient))
    assert [leg.restarts for leg in practice.engine.legs.values() if leg.seat == "patient"] == [turns]
    offers = [body["negotiation"] for body in patient.heard[heard_before[1] :] if body["type"] == "offer"]
    assert offers == sorted(set(offers))
    assert len(offers) == turns
    shares = [body["sending"]["screen"] for body in patient.heard[heard_before[1] :] if body["type"] == "peer"]
    assert shares == [turn % 2 == 0 for turn in range(turns)]
    for page in (host, patient):
        assert page.numbers == list(range(1, len(page.numbers) + 1))
    await network.close()


async def test_a_page_that_was_away_for_long_is_given_a_snapshot_and_keeps_its_leg(practice: Practice) -> None:
    claire = await practice.practitioner()
    consultation, invitation = await practice.consultation(claire)
    host, patient = await practice.call(claire, consultation, invitation)
    await practice.vanish(patient)
    practice.clock.advance(minutes=3)
    await practice.reception.look_around()
    practice.clock.advance(minutes=20)
    await practice.reception.look_around()
    seen = len(patient.heard)
    await patient.resume()
    assert patient.last("welcome")["resumed"] is False
    await practice.calm(host, patient)
    assert [body["type"] for body in patient.heard[seen:]] == ["welcome", "call", "peer"]
    assert patient.last("call")["state"] == "live"
    assert len(practice.engine.opened) == 2


async def test_an_offer_that_was_missed_during_a_long_absence_is_said_again(practice: Practice) -> None:
    claire = await practice.practitioner()
    consultation, invitation = await practice.consultation(claire, minutes=120)
    host, patient = await practice.call(claire, consultation, invitation)
    await practice.vanish(patient)
    practice.clock.advance(minutes=3)
    await practice.reception.look_around()
    host = await practice.host(claire, consultation)
    await host.expect("offer")
    await practice.calm(host)
    mine = next(leg for leg in practice.engine.legs.values() if leg.seat == "patient")
    assert mine.answered < mine.negotiation
    await patient.resume()
    assert patient.last("welcome")["resumed"] is False
    await practice.eventually(lambda: mine.answered == mine.negotiation)
    assert practice.engine.reoffered == [mine.leg]
    assert patient.last("offer")["fresh"] is False
    assert "rejoin" not in patient.kinds()


async def test_a_page_that_never_answered_and_was_away_for_long_gets_a_new_leg(practice: Practice) -> None:
    claire = await practice.practitioner()
    consultation, _ = await practice.consultation(claire)
    host = await practice.host(claire, consultation)
    host.answers = False
    await host.expect("offer")
    await practice.vanish(host)
    practice.clock.advance(minutes=3)
    await practice.reception.look_around()
    await host.resume()
    await host.expect("rejoin")
    await host.expect("offer", fresh=True)
    assert len(practice.engine.legs) == 1


async def test_a_sleeping_patient_stays_listed_for_two_minutes_and_the_ticket_leads_back(practice: Practice) -> None:
    """The place is a signed ticket: it survives sleep, and the list says honestly who is away."""
    claire = await practice.practitioner()
    _, invitation = await practice.consultation(claire)
    desk = await practice.desk(claire)
    patient, ticket = await practice.waiting_patient(invitation)
    await practice.entry(desk, "Jean Dupont", connected=True)
    await practice.vanish(patient)
    await practice.entry(desk, "Jean Dupont", connected=False)
    practice.clock.advance(seconds=119)
    await practice.reception.look_around()
    await desk.settled()
    assert [entry["connected"] for entry in desk.last("lobby")["entries"]] == [False]
    practice.clock.advance(seconds=1)
    await practice.reception.look_around()
    await desk.until("lobby", entries=[])
    gone = await practice.page().open(type="resume", session=patient.session)
    await gone.expect("problem", code="session_unknown")
    again = await practice.patient(invitation, ticket=ticket)
    since = (await again.expect("waiting"))["since"]
    place = await practice.lobby.admission_of_ticket(ticket, practice.clock())
    assert since == place.waiting_since.isoformat()
    await practice.entry(desk, "Jean Dupont", connected=True, since=place.waiting_since.isoformat())


async def test_a_short_sleep_while_waiting_changes_nothing(practice: Practice) -> None:
    claire = await practice.practitioner()
    _, invitation = await practice.consultation(claire)
    desk = await practice.desk(claire)
    patient, _ = await practice.waiting_patient(invitation)
    await practice.vanish(patient)
    await practice.entry(desk, "Jean Dupont", connected=False)
    practice.clock.advance(seconds=100)
    await patient.resume()
    assert patient.last("welcome")["resumed"] is True
    await practice.entry(desk, "Jean Dupont", connected=True)
    await practice.admit(desk)
    await patient.expect("admitted")


async def test_lapsed_forged_and_foreign_tickets_are_told(practice: Practice) -> None:
    claire = await practice.practitioner()
    _, invitation = await practice.consultation(claire)
    _, other_invitation = await practice.consultation(claire)
    _, ticket = await practice.waiting_patient(invitation)
    _, foreign = await practice.waiting_patient(other_invitation)
    for wrong in (foreign, ticket[:-2] + "xx", "not-a-ticket-at-all"):
        page = await practice.patient(invitation, ticket=wrong)
        await page.expect("lapsed")
        assert await page.closed() == 4004
    # The window closes an hour after the start, the ticket one more hour later.
    practice.clock.advance(hours=2, seconds=-1)
    await (await practice.patient(invitation, ticket=ticket)).expect("not_yet", obstacles=["too_late"])
    practice.clock.advance(seconds=1)
    await (await practice.patient(invitation, ticket=ticket)).expect("lapsed")


async def test_admitted_while_away_enters_on_return(practice: Practice) -> None:
    claire = await practice.practitioner()
    consultation, invitation = await practice.consultation(claire)
    host = await practice.host(claire, consultation)
    patient, _ = await practice.waiting_patient(invitation)
    await practice.entry(host, "Jean Dupont", connected=True)
    await practice.vanish(patient)
    await practice.entry(host, "Jean Dupont", connected=False)
    await practice.admit(host)
    await host.settled()
    assert len(practice.engine.legs) == 1
    practice.clock.advance(seconds=60)
    await patient.resume()
    await patient.expect("admitted")
    await patient.until("peer", connected=True)


@pytest.mark.parametrize("by_ticket", [False, True])
async def test_admitted_while_away_expires_after_two_minutes(practice: Practice, by_ticket: bool) -> None:
    claire = await practice.practitioner()
    consultation, invitation = await practice.consultation(claire)
    host = await practice.host(claire, consultation)
    patient, ticket = await practice.waiting_patient(invitation)
    await practice.entry(host, "Jean Dupont", connected=True)
    await practice.vanish(patient)
    await practice.entry(host, "Jean Dupont", connected=False)
    practice.clock.advance(seconds=10)
    await practice.admit(host)
    await host.settled()
    practice.clock.advance(seconds=120)
    await practice.reception.look_around()
    if by_ticket:
        await (await practice.patient(invitation, ticket=ticket)).expect("lapsed")
    else:
        late = await practice.page().open(type="resume", session=patient.session)
        await late.expect("lapsed")
        assert await late.closed() == 4002
    assert len(practice.engine.legs) == 1


@pytest.mark.parametrize("by_ticket", [False, True])
async def test_one_who_was_admitted_while_away_does_not_push_out_a_later_one(
    practice: Practice, by_ticket: bool
) -> None:
    claire = await practice.practitioner()
    consultation, invitation = await practice.consultation(claire)
    host = await practice.host(claire, consultation)
    away, ticket = await practice.waiting_patient(invitation, "Away")
    await practice.entry(host, "Away", connected=True)
    await practice.vanish(away)
    await practice.entry(host, "Away", connected=False)
    await practice.admit(host, "Away")
    here, _ = await practice.waiting_patient(invitation, "Here")
    await practice.admit(host, "Here")
    await here.until("peer", connected=True)
    if by_ticket:
        await (await practice.patient(invitation, ticket=ticket)).expect("waiting")
    else:
        await away.resume()
        await away.expect("waiting", host="in_call")
    await practice.entry(host, "Away", same_link=True)
    assert here.close_code is None


async def test_a_page_that_was_away_hears_the_last_word(practice: Practice) -> None:
    claire = await practice.practitioner()
    consultation, invitation = await practice.consultation(claire)
    host, patient = await practice.call(claire, consultation, invitation)
    await practice.vanish(patient)
    await host.send("leave")
    await host.closed()
    await patient.resume()
    await patient.expect("ended", reason="hung_up")
    assert await patient.closed() == 4002


@pytest.mark.parametrize("minutes", [1, 30])
async def test_a_page_whose_seat_was_taken_meanwhile_does_not_take_it_back(practice: Practice, minutes: int) -> None:
    claire = await practice.practitioner()
    consultation, _ = await practice.consultation(claire, minutes=240)
    laptop = await practice.host(claire, consultation)
    await laptop.expect("offer")
    await practice.vanish(laptop)
    phone = await practice.host(claire, consultation)
    await phone.expect("offer")
    practice.clock.advance(minutes=minutes)
    for _ in range(2):
        await practice.reception.look_around()
    asleep = await practice.page(claire).open(type="resume", session=laptop.session)
    await asleep.expect("displaced", how="same_person")
    assert await asleep.closed() == 4001
    await phone.settled()
    assert phone.close_code is None


async def test_a_new_socket_of_the_same_session_replaces_the_old_one(practice: Practice) -> None:
    claire = await practice.practitioner()
    desk = await practice.desk(claire)
    new = practice.page(claire)
    await new.open(type="resume", session=desk.session)
    await new.expect("welcome", resumed=True)
    assert await desk.closed() == 4005
    await new.settled()


# -- restarts of the web process -----------------------------------------------------------------------------


async def test_a_restart_in_mid_call_reopens_no_leg_and_sends_no_offer(practice: Practice) -> None:
    claire = await practice.practitioner()
    consultation, invitation = await practice.consultation(claire)
    host, patient = await practice.call(claire, consultation, invitation)
    legs, live_since = set(practice.engine.legs), host.last("call")["live_since"]
    await practice.reception.look_around()
    await practice.restart()
    assert await host.closed() == await patient.closed() == 1012
    practice.clock.advance(seconds=20)
    seen = [len(host.heard), len(patient.heard)]
    await host.resume()
    await patient.resume()
    await practice.calm(host, patient)
    assert [body["type"] for body in host.heard[seen[0] :] if body["type"] != "lobby"] == ["welcome", "call", "peer"]
    assert "lobby" in [body["type"] for body in host.heard[seen[0] :]]
    assert [body["type"] for body in patient.heard[seen[1] :]] == ["welcome", "call", "peer"]
    for page, name in ((host, "Jean Dupont"), (patient, "Dr Claire Martin")):
        assert page.last("welcome")["resumed"] is False
        assert page.last("call") == {"type": "call", "state": "live", "live_since": live_since}
        assert (page.last("peer")["connected"], page.last("peer")["name"]) == (True, name)
    assert set(practice.engine.legs) == legs
    assert len(practice.engine.opened) == 2
    assert practice.engine.reoffered == []
    # The call goes on as if nothing had been.
    await host.send("leave")
    await patient.expect("ended", reason="hung_up")
    await practice.eventually(lambda: practice.engine.legs == {})


async def test_a_restart_keeps_those_who_wait(practice: Practice) -> None:
    claire = await practice.practitioner()
    consultation, invitation = await practice.consultation(claire)
    desk = await practice.desk(claire)
    stays, _ = await practice.waiting_patient(invitation, "Stays")
    await practice.waiting_patient(invitation, "Sleeps")
    await practice.restart()
    await desk.resume()
    assert desk.last("welcome")["resumed"] is False
    await practice.entry(desk, "Stays", connected=False)
    await stays.resume()
    await stays.expect("waiting")
    await practice.entry(desk, "Stays", connected=True)
    practice.clock.advance(minutes=2)
    await practice.reception.look_around()
    await desk.until("lobby")
    await practice.calm(desk)
    assert [entry["name"] for entry in desk.last("lobby")["entries"]] == ["Stays"]
    await practice.admit(desk, "Stays")
    await stays.expect("admitted")
    host = await practice.host(claire, consultation)
    await host.until("peer", connected=True)


async def test_a_leg_that_died_while_the_server_was_away_is_made_anew(practice: Practice) -> None:
    claire = await practice.practitioner()
    consultation, invitation = await practice.consultation(claire)
    host, patient = await practice.call(claire, consultation, invitation)
    await practice.stop()
    practice.engine.legs = {leg: held for leg, held in practice.engine.legs.items() if held.seat == "practitioner"}
    await practice.start()
    for page in (host, patient):
        page._url = practice.url
    await host.resume()
    seen = len(patient.heard)
    await patient.resume()
    await patient.expect("rejoin")
    await patient.expect("offer", fresh=True)
    await practice.calm(host, patient)
    assert "rejoin" not in host.kinds()
    assert [body["type"] for body in patient.heard[seen:]].count("offer") == 1
    assert len(practice.engine.legs) == 2
    assert host.last("call")["state"] == "live"


async def test_an_offer_that_was_lost_in_a_restart_is_said_again(practice: Practice) -> None:
    claire = await practice.practitioner()
    consultation, _ = await practice.consultation(claire)
    host = await practice.host(claire, consultation)
    host.answers = False
    await host.expect("offer")
    await practice.restart()
    await host.resume()
    await host.expect("offer", negotiation=1)
    assert practice.engine.reoffered == list(practice.engine.legs)
    assert len(practice.engine.opened) == 1


async def test_what_was_asked_for_during_a_restart_is_carried_out_after_it(practice: Practice) -> None:
    claire = await practice.practitioner()
    consultation, invitation = await practice.consultation(claire)
    host, patient = await practice.call(claire, consultation, invitation)
    await practice.stop()
    await host.send("leave")
    await practice.start()
    for page in (host, patient):
        page._url = practice.url
    await patient.resume()
    await host.resume()
    await patient.expect("ended", reason="hung_up")


async def test_legs_that_belong_to_nothing_are_closed_after_a_restart(practice: Practice) -> None:
    claire = await practice.practitioner()
    consultation, invitation = await practice.consultation(claire)
    await practice.call(claire, consultation, invitation)
    await practice.stop()
    legs = set(practice.engine.legs)
    await practice.engine.open_leg("cal_unknown", "leg_unknown", "patient")
    await practice.start()
    assert set(practice.engine.legs) == legs


async def test_a_logout_during_a_restart_holds(practice: Practice) -> None:
    claire = await practice.practitioner()
    desk = await practice.desk(claire)
    await practice.reception.revoke_practitioner(claire.id)
    assert await desk.closed() == 4003
    await practice.restart()
    again = await practice.page(claire).open(type="resume", session=desk.session)
    await again.expect("problem", code="session_unknown")


async def test_media_that_is_heard_again_after_a_restart_makes_the_call_live(practice: Practice) -> None:
    claire = await practice.practitioner()
    consultation, invitation = await practice.consultation(claire)
    host, patient = await practice.call(claire, consultation, invitation)
    await practice.stop()
    for leg in practice.engine.legs.values():
        leg.connected = False
    await practice.start()
    for page in (host, patient):
        page._url = practice.url
        await page.resume()
    await practice.calm(host, patient)
    assert host.last("call")["state"] == "interrupted"
    practice.engine.both_alive(next(iter(practice.engine.legs.values())).call)
    await host.until("call", state="live")
    await patient.until("peer", connected=True)
