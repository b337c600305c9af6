"""How the tests bring a page into a state: as its user would, with the server's part played."""

from datetime import UTC, datetime, timedelta

from playwright.async_api import Page, expect

from tests.web.pages.stand_in import CONSULTATION, INVITATION, PRACTITIONER, Socket, StandIn, peer, waiting

NAMES = {
    "fr": {
        "name": "Votre nom",
        "join": "Rejoindre",
        "waiting": "Salle d'attente",
        "admit": "Accepter",
        "decline": "Refuser",
        "mute": "Couper le micro",
        "unmute": "Réactiver le micro",
        "stop_video": "Arrêter la vidéo",
        "start_video": "Démarrer la vidéo",
        "share": "Partager l'écran",
        "stop_sharing": "Arrêter le partage",
        "hide_self": "Masquer mon image",
        "show_self": "Afficher mon image",
        "settings": "Paramètres",
        "leave": "Quitter",
        "invoice": "Facture",
        "reconnecting": "Reconnexion en cours…",
    },
    "en": {
        "name": "Your name",
        "join": "Join",
        "waiting": "Waiting room",
        "admit": "Admit",
        "decline": "Decline",
        "mute": "Mute",
        "unmute": "Unmute",
        "stop_video": "Stop video",
        "start_video": "Start video",
        "share": "Share screen",
        "stop_sharing": "Stop sharing",
        "hide_self": "Hide self view",
        "show_self": "Show self view",
        "settings": "Settings",
        "leave": "Leave",
        "invoice": "Invoice",
        "reconnecting": "Reconnecting…",
    },
}
FR = NAMES["fr"]


async def to_check(page: Page, site: StandIn) -> None:
    """The patient's device check, with camera and microphone on."""
    names = NAMES[site.language]
    await page.goto(f"/join#{INVITATION}")
    await page.get_by_role("button", name=names["stop_video"]).wait_for()


async def to_waiting(page: Page, site: StandIn) -> Socket:
    """The patient in the waiting room."""
    names = NAMES[site.language]
    await to_check(page, site)
    await page.get_by_role("button", name=names["join"]).click()
    socket = await site.talk.welcomed()
    await socket.say("waiting", **waiting())
    await page.get_by_role("heading", name=names["waiting"]).wait_for()
    return socket


async def to_call(page: Page, site: StandIn, robot: Page) -> Socket:
    """The patient in a call with a practitioner who is seen and heard."""
    socket = await to_waiting(page, site)
    await socket.say("admitted", ticket="v1.ticket-of-this-place")
    await connect(socket, robot, PRACTITIONER.name)
    return socket


async def to_room(page: Page, site: StandIn) -> Socket:
    """The practitioner alone in their room."""
    await page.goto(f"/consultations/{CONSULTATION}")
    socket = await site.talk.welcomed()
    await socket.say("lobby", entries=[])
    await page.get_by_role("button", name=NAMES[site.language]["stop_video"]).wait_for()
    return socket


async def connect(socket: Socket, robot: Page, name: str) -> None:
    """Join the page's media with the robot's, and say so."""
    await socket.say("call", state="connecting", live_since=None)
    await socket.say("peer", **peer(name, connected=False))
    await negotiate(socket, robot, fresh=True)
    await socket.say("peer", **peer(name))
    since = datetime.now(UTC) - timedelta(minutes=12)
    await socket.say("call", state="live", live_since=since.isoformat())


async def negotiate(socket: Socket, robot: Page, *, fresh: bool) -> str:
    """Exchange an offer of the robot for the page's answer, which is returned."""
    offer = await robot.evaluate("makeOffer()")
    await socket.say("offer", fresh=fresh, **offer)
    answer = await socket.hear("answer")
    assert answer["negotiation"] == offer["negotiation"]
    await robot.evaluate("takeAnswer", answer["sdp"])
    return str(answer["sdp"])


async def sees_frames(page: Page, element: str = "remote-video") -> None:
    """Wait until that video has shown a picture that is not black."""
    await page.wait_for_function(
        """(id) => {
            const video = document.getElementById(id);
            if (!video || video.videoWidth === 0) return false;
            const canvas = Object.assign(document.createElement("canvas"), { width: 32, height: 18 });
            const brush = canvas.getContext("2d");
            brush.drawImage(video, 0, 0, 32, 18);
            return brush.getImageData(0, 0, 32, 18).data.some((byte, index) => index % 4 < 3 && byte > 60);
        }""",
        arg=element,
    )


async def receives(robot: Page, line: str) -> None:
    """Wait until the robot gets packets on that line (0 audio, 1 camera, 2 screen)."""
    before = (await robot.evaluate("received()")).get(line, 0)
    await robot.wait_for_function(
        "async ([line, before]) => ((await received())[line] ?? 0) > before", arg=[line, before], polling=200
    )


async def focused_text(page: Page) -> str:
    """Return the text of what has the keyboard."""
    return str(await page.evaluate("document.activeElement.textContent.trim()"))


async def expect_heading(page: Page, text: str) -> None:
    """The page's one first-level heading says this."""
    await expect(page.get_by_role("heading", level=1)).to_have_text(text)
