"""From the knock to the call, over real sockets and a real database."""

from datetime import timedelta

from tests.signalling.practice import DEVICES, SENDING, START, Practice

MEDIA = {"offer", "peer", "call", "rejoin", "admitted"}


async def test_patient_knocks_waits_is_admitted_and_talks(practice: Practice) -> None:
    """MMP-60, CLI-14, CLI-15."""
    claire = await practice.practitioner()
    consultation, invitation = await practice.consultation(claire)
    host, patient = await practice.call(claire, consultation, invitation)
    assert patient.kinds()[:3] == ["welcome", "waiting", "admitted"]
    assert patient.last("peer") == {
        "type": "peer",
        "present": True,
        "connected": True,
        "name": "Dr Claire Martin",
        "sending": SENDING,
    }
    assert host.last("peer")["name"] == "Jean Dupont"
    assert host.last("peer")["connected"] is True
    assert host.last("call")["state"] == patient.last("call")["state"] == "live"
    assert host.last("call")["live_since"] == START.isoformat()


async def test_patient_before_the_host_is_seen_as_soon_as_the_host_comes(practice: Practice) -> None:
    claire = await practice.practitioner()
    consultation, invitation = await practice.consultation(claire)
    patient, _ = await practice.waiting_patient(invitation)
    assert patient.last("waiting")["host"] == "absent"
    host = await practice.host(claire, consultation)
    assert [entry["name"] for entry in (await host.expect("lobby"))["entries"]] == ["Jean Dupont"]
    await patient.expect("waiting", host="present")
    await practice.admit(host)
    await patient.expect("offer", fresh=True)
    await patient.until("peer", connected=True)


async def test_host_before_the_patient_sits_alone_and_hears_of_the_knock(practice: Practice) -> None:
    claire = await practice.practitioner()
    consultation, invitation = await practice.consultation(claire)
    host = await practice.host(claire, consultation)
    await host.expect("lobby", entries=[])
    assert (await host.until("call"))["state"] == "open"
    assert (await host.expect("offer"))["fresh"] is True
    assert (await practice.waiting_patient(invitation))[0].last("waiting")["host"] == "present"
    await practice.entry(host, "Jean Dupont")
    assert host.last("peer")["present"] is False


async def test_nothing_of_media_before_admission(practice: Practice) -> None:
    """CLI-15: no offer, no leg, no word about the other's media, however long one waits and whatever one asks for."""
    claire = await practice.practitioner()
    consultation, invitation = await practice.consultation(claire)
    host = await practice.host(claire, consultation)
    await host.expect("offer")
    patient, _ = await practice.waiting_patient(invitation)
    await patient.send("answer", negotiation=1, sdp="answer")
    await patient.send("restart_ice")
    await patient.send("sending", sending=SENDING)
    await patient.send("send_back")
    await host.send("sending", sending={**SENDING, "screen": True})
    await practice.calm(host, patient)
    assert not MEDIA & set(patient.kinds())
    assert [body["code"] for body in patient.heard if body["type"] == "problem"] == ["stale", "stale", "not_found"]
    assert [leg.seat for leg in practice.engine.legs.values()] == ["practitioner"]
    assert len(practice.engine.opened) == 1


async def test_the_list_shows_who_waits_to_the_desk_and_to_the_room(practice: Practice) -> None:
    claire = await practice.practitioner()
    consultation, invitation = await practice.consultation(claire)
    desk, host = await practice.desk(claire), await practice.host(claire, consultation)
    await practice.waiting_patient(invitation)
    for page in (desk, host):
        entry = await practice.entry(page, "Jean Dupont")
        del entry["admission"]
        assert entry == {
            "version": 1,
            "consultation": consultation.id,
            "name": "Jean Dupont",
            "since": START.isoformat(),
            "devices": DEVICES,
            "connected": True,
            "same_link": False,
        }


async def test_the_list_holds_all_consultations_of_the_practitioner_oldest_first(practice: Practice) -> None:
    claire = await practice.practitioner()
    _, morning = await practice.consultation(claire)
    _, later = await practice.consultation(claire, starts_at=START + timedelta(minutes=20))
    desk = await practice.desk(claire)
    await practice.waiting_patient(later, "Zoé")
    practice.clock.advance(seconds=5)
    await practice.waiting_patient(morning, "Ana")
    await practice.entry(desk, "Ana")
    assert [entry["name"] for entry in desk.last("lobby")["entries"]] == ["Zoé", "Ana"]


async def test_the_list_is_nobody_elses(practice: Practice) -> None:
    claire = await practice.practitioner()
    paul = await practice.practitioner("Dr Paul Petit", "paul@example.org")
    _, invitation = await practice.consultation(claire)
    other = await practice.desk(paul)
    await practice.waiting_patient(invitation)
    await practice.entry(await practice.desk(claire), "Jean Dupont")
    await practice.calm(other)
    assert other.last("lobby")["entries"] == []
    assert practice.reception.host_state(claire.id) == practice.reception.host_state(paul.id) == "present"


async def test_devices_that_change_while_waiting_are_shown(practice: Practice) -> None:
    claire = await practice.practitioner()
    _, invitation = await practice.consultation(claire)
    desk = await practice.desk(claire)
    patient, _ = await practice.waiting_patient(invitation)
    await patient.send("devices", devices={"camera": "missing", "microphone": "ok"})
    await practice.entry(desk, "Jean Dupont", devices={"camera": "missing", "microphone": "ok"})


async def test_a_decision_on_an_old_list_is_stale(practice: Practice) -> None:
    claire = await practice.practitioner()
    _, invitation = await practice.consultation(claire)
    first, second = await practice.desk(claire), await practice.desk(claire)
    patient, _ = await practice.waiting_patient(invitation)
    entry = await practice.entry(first, "Jean Dupont")
    await practice.admit(first)
    await patient.expect("admitted")
    for decision in ("admit", "decline"):
        await second.send(decision, admission=entry["admission"], version=entry["version"])
        await second.expect("problem", code="stale")
    assert len(practice.engine.legs) == 1


async def test_declined_is_told_and_stays_declined(practice: Practice) -> None:
    """MMP-60: refused; the ticket does not lead back."""
    claire = await practice.practitioner()
    _, invitation = await practice.consultation(claire)
    desk = await practice.desk(claire)
    patient, ticket = await practice.waiting_patient(invitation)
    entry = await practice.entry(desk, "Jean Dupont")
    await desk.send("decline", admission=entry["admission"], version=entry["version"])
    await patient.expect("declined")
    assert await patient.closed() == 4002
    again = await practice.patient(invitation, ticket=ticket)
    await again.expect("declined")
    assert await again.closed() == 4004
    await practice.calm(desk)
    assert desk.last("lobby")["entries"] == []


async def test_sent_back_waits_again_without_media_and_may_be_admitted_again(practice: Practice) -> None:
    claire = await practice.practitioner()
    consultation, invitation = await practice.consultation(claire)
    host, patient = await practice.call(claire, consultation, invitation)
    await host.send("send_back")
    await patient.expect("sent_back")
    await patient.expect("waiting")
    await host.until("peer", present=False)
    await practice.calm(host, patient)
    assert [leg.seat for leg in practice.engine.legs.values()] == ["practitioner"]
    seen = len(patient.heard)
    await practice.admit(host)
    await patient.expect("admitted")
    await patient.until("peer", connected=True)
    await practice.calm(host, patient)
    assert {body["type"] for body in patient.heard[seen:]} == {"admitted", "call", "peer", "offer"}
    assert host.last("call")["state"] == "live"


async def test_sending_back_nobody_is_stale(practice: Practice) -> None:
    claire = await practice.practitioner()
    consultation, _ = await practice.consultation(claire)
    host = await practice.host(claire, consultation)
    await host.send("send_back")
    await host.expect("problem", code="stale")


async def test_doors_that_are_closed_are_told_with_their_times(practice: Practice) -> None:
    """CLI-8, CLI-9: 30 minutes before the start and after the end."""
    claire = await practice.practitioner()
    consultation, invitation = await practice.consultation(claire, starts_at=START + timedelta(hours=1))
    told = {
        "opens_at": (START + timedelta(minutes=30)).isoformat(),
        "closes_at": (START + timedelta(hours=2)).isoformat(),
    }
    for at, obstacles in ((0, ["too_early"]), (29, ["too_early"]), (120, ["too_late"])):
        practice.clock.at = START + timedelta(minutes=at)
        for page in (await practice.patient(invitation), await practice.host(claire, consultation)):
            await page.expect("not_yet", obstacles=obstacles, **told)
            assert await page.closed() == 4004
            assert page.kinds() == ["not_yet"]
    practice.clock.at = START + timedelta(minutes=30)
    await (await practice.patient(invitation)).expect("waiting")


async def test_a_cancelled_consultation_lets_nobody_in_and_sends_away_who_waits(practice: Practice) -> None:
    claire = await practice.practitioner()
    consultation, invitation = await practice.consultation(claire)
    waiting, _ = await practice.waiting_patient(invitation)
    await practice.agenda.cancel(consultation.id, practice.clock())
    await practice.reception.look_around()
    await waiting.expect("not_yet", obstacles=["cancelled"])
    assert await waiting.closed() == 4002
    await (await practice.patient(invitation)).expect("not_yet", obstacles=["cancelled"])
    await (await practice.host(claire, consultation)).expect("not_yet", obstacles=["cancelled"])


async def test_who_waits_is_told_when_the_window_closes(practice: Practice) -> None:
    claire = await practice.practitioner()
    _, invitation = await practice.consultation(claire)
    waiting, _ = await practice.waiting_patient(invitation)
    practice.clock.advance(minutes=60)
    await practice.reception.look_around()
    await waiting.expect("not_yet", obstacles=["too_late"])
    assert await waiting.closed() == 4002


async def test_the_hosts_state_follows_the_practitioner(practice: Practice) -> None:
    claire = await practice.practitioner()
    consultation, invitation = await practice.consultation(claire)
    _, other_invitation = await practice.consultation(claire)
    waiting, _ = await practice.waiting_patient(other_invitation, "Ana")
    assert waiting.last("waiting")["host"] == "absent"
    desk = await practice.desk(claire)
    await waiting.expect("waiting", host="present")
    host, _ = await practice.call(claire, consultation, invitation)
    await waiting.expect("waiting", host="in_call")
    await host.send("leave")
    await waiting.expect("waiting", host="present")
    await desk.close()
    practice.clock.advance(seconds=9)
    await practice.reception.look_around()
    await practice.calm(waiting)
    assert waiting.last("waiting")["host"] == "present"
    practice.clock.advance(seconds=1)
    await practice.reception.look_around()
    await waiting.expect("waiting", host="absent")


async def test_a_name_that_cannot_be_shown_is_refused(practice: Practice) -> None:
    claire = await practice.practitioner()
    _, invitation = await practice.consultation(claire)
    for name in ("   ", "\u200b", "a\u0000b", "\u202eabc"):
        page = await practice.patient(invitation, name)
        await page.expect("problem", code="bad_message")
        assert await page.closed() == 4004
