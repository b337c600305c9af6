"""The patient's page from check to end. CLI-10..23, DAT-14. Over 300 lines: every state of one page stands here."""

# ruff: noqa: RUF001 (French is printed with this apostrophe)

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import Page, expect

from tests.web.pages.stand_in import INVITATION, PRACTITIONER, StandIn, invited, peer, waiting
from tests.web.pages.walks import (
    FR,
    connect,
    expect_heading,
    focused_text,
    negotiate,
    receives,
    sees_frames,
    to_call,
    to_check,
    to_waiting,
)

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

REFUSES = """([kinds, reason]) => {
    const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    navigator.mediaDevices.getUserMedia = async (wanted) => {
        if (kinds.some((kind) => wanted[kind])) throw new DOMException("refused for the test", reason);
        return ask(wanted);
    };
}"""
ASKS_FIRST = "navigator.permissions.query = async () => ({ state: 'prompt' })"


async def refuse(page: Page, kinds: list[str], reason: str) -> None:
    await page.add_init_script(f"({REFUSES})([{kinds!r}, {reason!r}])")


async def test_the_check_explains_before_the_browser_asks(page: Page, site: StandIn) -> None:
    """CLI-10"""
    await page.add_init_script(ASKS_FIRST)
    await page.goto(f"/join#{INVITATION}")
    await expect(page.get_by_text("Votre navigateur vous le demandera")).to_be_visible()
    await expect(page.get_by_role("button", name=FR["stop_video"])).to_have_count(0)
    await page.get_by_role("button", name="Autoriser la caméra et le micro").click()
    await expect(page.get_by_role("button", name=FR["stop_video"])).to_be_visible()


async def test_the_check_shows_camera_level_and_name(page: Page, site: StandIn) -> None:
    """CLI-11, CLI-12, CLI-13"""
    await to_check(page, site)
    await expect(page.get_by_label(FR["name"])).to_have_value("Jean Dupont")
    await sees_frames(page, "self-video")
    meter = page.get_by_role("meter", name="Niveau du micro")
    await page.wait_for_function("() => Number(document.querySelector('.level').ariaValueNow) > 20")
    await expect(meter).to_be_visible()
    await expect(page.get_by_label("Caméra", exact=True)).to_be_visible()
    await expect(page.get_by_label("Micro", exact=True)).to_be_visible()


async def test_knocks_with_name_and_devices(page: Page, site: StandIn) -> None:
    await to_check(page, site)
    await page.get_by_label(FR["name"]).fill("  Jeanne Dupont ")
    await page.get_by_role("button", name=FR["stop_video"]).click()
    await page.get_by_role("button", name=FR["join"]).click()
    socket = await site.talk.arrival()
    assert socket.opening == {
        "type": "knock",
        "invitation": INVITATION,
        "name": "Jeanne Dupont",
        "devices": {"camera": "off", "microphone": "ok"},
        "ticket": None,
    }


async def test_joining_without_a_word_to_the_prompt_asks_first(page: Page, site: StandIn) -> None:
    await page.add_init_script(ASKS_FIRST)
    await page.goto(f"/join#{INVITATION}")
    await page.get_by_role("button", name=FR["join"]).click()
    socket = await site.talk.arrival()
    assert socket.opening["devices"] == {"camera": "ok", "microphone": "ok"}


async def test_ones_own_picture_does_not_flicker(page: Page, site: StandIn) -> None:
    """Drawing the page anew every second leaves it alone."""
    await to_waiting(page, site)
    await page.wait_for_function("() => document.getElementById('self-video').currentTime > 2.5")


async def test_an_empty_name_is_not_sent(page: Page, site: StandIn) -> None:
    await to_check(page, site)
    await page.get_by_label(FR["name"]).fill("   ")
    await page.get_by_role("button", name=FR["join"]).click()
    await expect(page.get_by_label(FR["name"])).to_be_focused()
    assert site.talk.arrivals.empty()


@pytest.mark.parametrize(
    ("kind", "reason", "sentence"),
    [
        ("video", "NotAllowedError", "interdit la caméra et le micro"),
        ("video", "NotFoundError", "Aucune caméra n’a été trouvée"),
        ("video", "NotReadableError", "Un autre programme utilise la caméra"),
        ("audio", "NotFoundError", "Aucun micro n’a été trouvé"),
        ("audio", "NotReadableError", "Un autre programme utilise le micro"),
    ],
)
async def test_goes_on_without_a_device_and_says_so(
    page: Page, site: StandIn, kind: str, reason: str, sentence: str
) -> None:
    denied = {"camera": "denied", "microphone": "denied"}
    other, device = ("microphone", "camera") if kind == "video" else ("camera", "microphone")
    devices = denied if reason == "NotAllowedError" else {other: "ok", device: "missing"}
    await refuse(page, [kind], reason)
    await page.goto(f"/join#{INVITATION}")
    await expect(page.get_by_text(sentence)).to_be_visible()
    await page.get_by_role("button", name=FR["join"]).click()
    socket = await site.talk.arrival()
    assert socket.opening["devices"] == devices


async def test_a_link_that_leads_nowhere_says_so(page: Page, site: StandIn) -> None:
    site.look = None
    await page.goto(f"/join#{INVITATION}")
    await expect_heading(page, "Ce lien ne fonctionne pas")
    await page.goto("/join")
    await expect_heading(page, "Ce lien ne fonctionne pas")


async def test_too_early_tells_the_time_and_goes_on_by_itself(page: Page, site: StandIn) -> None:
    site.look = invited("too_early", opens_in=timedelta(seconds=2))
    await page.goto(f"/join#{INVITATION}")
    await expect_heading(page, "Vous êtes en avance")
    await expect(page.get_by_text("La salle d’attente ouvre aujourd’hui à")).to_be_visible()
    site.look = invited()
    await expect(page.get_by_label(FR["name"])).to_be_visible()


@pytest.mark.parametrize(
    ("obstacle", "heading"),
    [("cancelled", "Cette téléconsultation est annulée"), ("too_late", "Cette téléconsultation est terminée")],
)
async def test_an_obstacle_met_at_the_door_is_told(page: Page, site: StandIn, obstacle: str, heading: str) -> None:
    await to_check(page, site)
    await page.get_by_role("button", name=FR["join"]).click()
    socket = await site.talk.arrival()
    at = datetime.now(UTC).isoformat()
    refusal = {"type": "not_yet", "obstacles": [obstacle], "opens_at": at, "closes_at": at}
    await socket.send({"n": 0, "ack": 0, "body": refusal})
    await expect_heading(page, heading)
    assert await focused_text(page) == heading


async def test_the_waiting_room_shows_who_and_since_when_and_no_connection_exists(page: Page, site: StandIn) -> None:
    """CLI-14, CLI-15, CLI-24"""
    await page.add_init_script(
        """window.made = 0;
        window.RTCPeerConnection = new Proxy(RTCPeerConnection, { construct: (kind, parts) => {
            window.made += 1;
            return new kind(...parts);
        } });"""
    )
    socket = await to_waiting(page, site)
    assert await focused_text(page) == FR["waiting"]
    await expect(page.get_by_text(PRACTITIONER.name)).to_be_visible()
    await expect(page.get_by_text("est là et vous fera entrer")).to_be_visible()
    await expect(page.get_by_text("Vous attendez depuis")).to_be_visible()
    await socket.say("waiting", **waiting("in_call"))
    await expect(page.get_by_text("est en téléconsultation et vous fera entrer ensuite")).to_be_visible()
    await expect(page.get_by_role("button", name=FR["admit"])).to_have_count(0)
    assert await page.evaluate("made") == 0


async def test_switching_a_device_while_waiting_is_reported(page: Page, site: StandIn) -> None:
    socket = await to_waiting(page, site)
    await page.get_by_role("button", name=FR["mute"]).click()
    assert (await socket.hear("devices"))["devices"] == {"camera": "ok", "microphone": "off"}


async def test_a_lost_connection_is_told_and_the_place_resumes(page: Page, site: StandIn) -> None:
    socket = await to_waiting(page, site)
    await socket.drop()
    again = await site.talk.arrival()
    await expect(page.get_by_text(FR["reconnecting"])).to_be_visible()
    await expect(page.get_by_text("Votre place est gardée.", exact=True)).to_be_visible()
    assert again.opening["type"] == "resume"
    await again.greet(resumed=True)
    await expect(page.get_by_text(FR["reconnecting"])).to_have_count(0)


async def test_a_reload_while_waiting_takes_the_place_again_without_a_click(page: Page, site: StandIn) -> None:
    await to_waiting(page, site)
    await page.reload()
    socket = await site.talk.arrival()
    assert socket.opening["ticket"] == waiting()["ticket"]


async def test_a_new_tab_finds_the_place_kept_and_asks_before_it_takes_it(page: Page, site: StandIn) -> None:
    await to_waiting(page, site)
    url = page.url
    again = await page.context.new_page()
    await again.goto(url)
    await expect(again.get_by_text("Votre place est gardée")).to_be_visible()
    await again.get_by_role("button", name=FR["join"]).click()
    socket = await site.talk.arrival()
    assert socket.opening["ticket"] == waiting()["ticket"]


async def test_a_ticket_that_lapsed_before_a_reload_is_replaced_at_once(page: Page, site: StandIn) -> None:
    await to_waiting(page, site)
    await page.reload()
    socket = await site.talk.arrival()
    await socket.send({"n": 0, "ack": 0, "body": {"type": "lapsed"}})
    anew = await site.talk.welcomed()
    assert anew.opening["ticket"] is None
    await anew.say("waiting", **waiting())
    await expect(page.get_by_text("Votre place précédente n’était plus valable")).to_be_visible()


async def test_a_ticket_that_lapsed_in_sleep_asks_for_a_click(page: Page, site: StandIn) -> None:
    socket = await to_waiting(page, site)
    await socket.drop()
    again = await site.talk.arrival()
    await again.greet(resumed=True)
    await again.say("lapsed")
    await expect_heading(page, "Votre place n’est plus valable")
    await page.get_by_role("button", name="Attendre à nouveau").click()
    assert (await site.talk.arrival()).opening["ticket"] is None


async def test_the_call_shows_the_other_one_and_sends_only_once_they_are_there(
    page: Page, site: StandIn, robot: Page
) -> None:
    """CLI-16"""
    socket = await to_waiting(page, site)
    await socket.say("admitted", ticket="v1.ticket-of-this-place")
    assert (await socket.hear("sending"))["sending"] == {"microphone": True, "camera": True, "screen": False}
    await socket.say("call", state="connecting", live_since=None)
    await socket.say("peer", **peer(PRACTITIONER.name, connected=False))
    await negotiate(socket, robot, fresh=True)
    await expect(page.get_by_text("Connexion avec Dr Anne Martin…")).to_be_visible()
    await asyncio.sleep(1)
    assert sum((await robot.evaluate("received()")).values()) == 0
    await socket.say("peer", **peer(PRACTITIONER.name))
    await sees_frames(page)
    await receives(robot, "0")
    await receives(robot, "1")
    marks = await page.evaluate("visavis.marks()")
    assert list(marks) == ["admitted", "offer", "answer", "connected", "first-remote-frame"]
    assert marks["admitted"]["first"] <= marks["first-remote-frame"]["first"]
    assert await page.evaluate("visavis.link()") == "connected"


async def test_switches_tell_the_other_side_and_change_their_names(page: Page, site: StandIn, robot: Page) -> None:
    """CLI-17..CLI-20"""
    socket = await to_call(page, site, robot)
    await page.get_by_role("button", name=FR["mute"]).click()
    assert (await socket.hear("sending"))["sending"]["microphone"] is False
    await page.get_by_role("button", name=FR["stop_video"]).click()
    assert (await socket.hear("sending"))["sending"]["camera"] is False
    await page.get_by_role("button", name=FR["unmute"]).click()
    await page.get_by_role("button", name=FR["start_video"]).click()
    assert (await socket.hear("sending"))["sending"]["microphone"] is True
    assert (await socket.hear("sending"))["sending"]["camera"] is True
    await receives(robot, "1")
    await page.get_by_role("button", name=FR["hide_self"]).click()
    await expect(page.locator("#self-video")).to_have_count(0)
    await page.get_by_role("button", name=FR["show_self"]).click()
    await expect(page.locator("#self-video")).to_be_visible()


async def test_sharing_the_screen_uses_its_own_line(page: Page, site: StandIn, robot: Page) -> None:
    """CLI-21"""
    await page.add_init_script(
        """navigator.mediaDevices.getDisplayMedia = async () => {
            const canvas = document.createElement("canvas");
            const brush = canvas.getContext("2d");
            setInterval(() => brush.fillRect(Math.random() * 300, 0, 20, 20), 50);
            return canvas.captureStream(10);
        }"""
    )
    socket = await to_call(page, site, robot)
    await page.get_by_role("button", name=FR["share"]).click()
    await expect(page.get_by_text("Vous partagez votre écran.")).to_be_visible()
    while not (await socket.hear("sending"))["sending"]["screen"]:
        pass
    await receives(robot, "2")
    await page.get_by_role("button", name=FR["stop_sharing"]).click()
    assert (await socket.hear("sending"))["sending"]["screen"] is False


async def test_a_shared_screen_becomes_the_large_picture(page: Page, site: StandIn, robot: Page) -> None:
    socket = await to_call(page, site, robot)
    sending = {"microphone": True, "camera": True, "screen": True}
    await socket.say("peer", **peer(PRACTITIONER.name, sending=sending))
    await sees_frames(page, "remote-screen")
    large, small = [await page.locator(f"#{name}").bounding_box() for name in ("remote-screen", "remote-video")]
    assert large is not None
    assert small is not None
    assert large["width"] > 3 * small["width"]


async def test_keys_switch_unless_somebody_types_or_forbids_it(page: Page, site: StandIn, robot: Page) -> None:
    await to_call(page, site, robot)
    await page.keyboard.press("m")
    await expect(page.get_by_role("button", name=FR["unmute"])).to_be_visible()
    await page.keyboard.press("v")
    await expect(page.get_by_role("button", name=FR["start_video"])).to_be_visible()
    await page.get_by_role("button", name=FR["settings"]).click()
    await page.keyboard.press("m")
    await page.get_by_label("Raccourcis clavier").uncheck()
    await page.keyboard.press("Escape")
    await page.keyboard.press("m")
    await expect(page.get_by_role("button", name=FR["unmute"])).to_be_visible()
    await expect(page.get_by_role("button", name=FR["settings"])).to_be_focused()


async def test_another_camera_is_taken_from_the_settings(page: Page, site: StandIn, robot: Page) -> None:
    """CLI-22"""
    await to_call(page, site, robot)
    await page.get_by_role("button", name=FR["settings"]).click()
    dialog = page.get_by_role("dialog", name=FR["settings"])
    await expect(dialog.get_by_label("Micro", exact=True)).to_be_visible()
    options = dialog.get_by_label("Micro", exact=True).locator("option")
    last = await options.last.get_attribute("value")
    await dialog.get_by_label("Micro", exact=True).select_option(last)
    await page.wait_for_function("(id) => JSON.parse(localStorage['visavis:preferences']).microphone === id", arg=last)
    await receives(robot, "0")


async def test_a_silent_microphone_is_told(page: Page, site: StandIn, robot: Page) -> None:
    await page.add_init_script(
        """const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
        navigator.mediaDevices.getUserMedia = async (wanted) => {
            const given = await ask({ ...wanted, audio: false });
            const audio = new AudioContext();
            const out = audio.createMediaStreamDestination();
            new ConstantSourceNode(audio, { offset: 0 }).connect(out);
            return new MediaStream([...given.getVideoTracks(), ...out.stream.getAudioTracks()]);
        }"""
    )
    await to_call(page, site, robot)
    await expect(page.get_by_text("Votre micro ne capte aucun son")).to_be_visible(timeout=15_000)
    await page.get_by_role("button", name=FR["mute"]).click()
    await expect(page.get_by_text("Votre micro ne capte aucun son")).to_have_count(0)


async def test_media_that_breaks_off_is_told_and_another_way_is_asked_for(
    page: Page, site: StandIn, robot: Page
) -> None:
    socket = await to_call(page, site, robot)
    await sees_frames(page)
    await robot.evaluate("hangUp()")
    await expect(page.get_by_text(FR["reconnecting"])).to_be_visible(timeout=15_000)
    await socket.hear("restart_ice")
    await negotiate(socket, robot, fresh=True)
    await expect(page.get_by_text(FR["reconnecting"])).to_have_count(0, timeout=15_000)
    await sees_frames(page)


async def test_an_offer_that_is_not_fresh_keeps_the_connection(page: Page, site: StandIn, robot: Page) -> None:
    socket = await to_call(page, site, robot)
    await sees_frames(page)
    before = await page.evaluate("document.getElementById('remote-video').srcObject.id")
    await negotiate(socket, robot, fresh=False)
    assert await page.evaluate("document.getElementById('remote-video').srcObject.id") == before
    await sees_frames(page)


async def test_the_call_goes_on_while_signalling_is_away(page: Page, site: StandIn, robot: Page) -> None:
    socket = await to_call(page, site, robot)
    await sees_frames(page)
    await socket.drop(1012)
    again = await site.talk.arrival()
    await expect(page.get_by_text("L’appel continue pendant ce temps.")).to_be_visible()
    site.talk.forget()
    await again.greet(resumed=False)
    await again.say("peer", **peer(PRACTITIONER.name))
    await again.hear("sending")
    assert await page.evaluate("visavis.link()") == "connected"
    await receives(robot, "1")


async def test_a_reload_in_the_call_resumes_without_a_click(page: Page, site: StandIn, robot: Page) -> None:
    await to_call(page, site, robot)
    await robot.evaluate("hangUp()")
    await page.reload()
    socket = await site.talk.welcomed()
    assert socket.opening["ticket"] == "v1.ticket-of-this-place"
    await socket.say("admitted", ticket="v1.ticket-of-this-place")
    await connect(socket, robot, PRACTITIONER.name)
    await sees_frames(page)
    await receives(robot, "1")


async def test_a_second_tab_asks_before_it_takes_over(page: Page, site: StandIn, robot: Page) -> None:
    socket = await to_call(page, site, robot)
    second = await page.context.new_page()
    await second.goto(f"/join#{INVITATION}")
    await expect(second.get_by_label(FR["name"])).to_be_visible()
    await socket.say("displaced", how="same_person")
    await expect_heading(page, "Vous continuez dans un autre onglet")
    await page.get_by_role("button", name="Continuer plutôt ici").click()
    assert (await site.talk.arrival()).opening["ticket"] == "v1.ticket-of-this-place"


async def test_one_who_is_sent_back_waits_again_without_media(page: Page, site: StandIn, robot: Page) -> None:
    socket = await to_call(page, site, robot)
    await socket.say("sent_back")
    await socket.say("waiting", **waiting())
    await expect(page.get_by_role("heading", name=FR["waiting"])).to_be_visible()
    await expect(page.get_by_text("vous demande de patienter à nouveau")).to_be_visible()
    assert await page.evaluate("visavis.link()") == "none"


async def test_leaving_gives_the_seat_up_and_lets_go_of_the_camera(page: Page, site: StandIn, robot: Page) -> None:
    """CLI-23"""
    socket = await to_call(page, site, robot)
    await page.get_by_role("button", name=FR["leave"]).click()
    await socket.hear("leave")
    await expect_heading(page, "Vous avez quitté la téléconsultation")
    assert await focused_text(page) == "Vous avez quitté la téléconsultation"
    await page.get_by_role("button", name="Retourner en salle d’attente").click()
    assert (await site.talk.arrival()).opening["ticket"] == "v1.ticket-of-this-place"


@pytest.mark.parametrize(
    ("event", "heading"),
    [
        ({"type": "ended", "reason": "hung_up", "by": "practitioner"}, "La téléconsultation est terminée"),
        ({"type": "ended", "reason": "peer_lost", "by": ""}, "La connexion a été perdue trop longtemps"),
        ({"type": "declined"}, "Votre entrée n’a pas été acceptée"),
        ({"type": "displaced", "how": "moved"}, "Vous continuez sur un autre appareil"),
    ],
)
async def test_every_end_has_its_page(page: Page, site: StandIn, event: dict[str, str], heading: str) -> None:
    socket = await to_waiting(page, site)
    await socket.say(event.pop("type"), **event)
    await expect_heading(page, heading)


async def test_changing_the_language_keeps_the_invitation(page: Page, site: StandIn) -> None:
    await to_check(page, site)
    await page.get_by_role("button", name="English").click()
    await expect(page.get_by_label("Your name")).to_have_value("Jean Dupont")
    assert page.url.endswith(f"/join#{INVITATION}")


async def test_one_without_camera_is_heard(page: Page, site: StandIn, robot: Page) -> None:
    """Sound does not wait for a picture that never comes, and goes on when one comes and goes."""
    socket = await to_waiting(page, site)
    await robot.evaluate("() => { connection = begin(); connection.getTransceivers()[1].sender.replaceTrack(null); }")
    await negotiate(socket, robot, fresh=True)
    heard = {"microphone": True, "camera": False, "screen": False}
    await socket.say("peer", **peer(PRACTITIONER.name, sending=heard))
    await plays(page)
    await robot.evaluate(
        """() => {
            const [picture] = canvas.captureStream(25).getVideoTracks();
            return connection.getTransceivers()[1].sender.replaceTrack(picture);
        }"""
    )
    await socket.say("peer", **peer(PRACTITIONER.name, sending={**heard, "camera": True}))
    await sees_frames(page)
    await plays(page)
    await socket.say("peer", **peer(PRACTITIONER.name, sending=heard))
    await plays(page)


async def plays(page: Page) -> None:
    """Wait until the other one's element has played on."""
    element = "document.getElementById('remote-video')"
    before = await page.evaluate(f"() => {element}?.currentTime ?? 0")
    await page.wait_for_function(f"(before) => {element}.currentTime > before + 0.3", arg=before)


async def test_a_service_that_does_not_answer_is_told_and_tried_again(page: Page, site: StandIn) -> None:
    await page.route("**/join/look", lambda route: route.abort())
    await page.goto(f"/join#{INVITATION}")
    await expect_heading(page, "Le service ne répond pas")
    await page.unroute("**/join/look")
    await page.get_by_role("button", name="Réessayer").click()
    await expect(page.get_by_label(FR["name"])).to_be_visible()
