"""A practitioner and a patient at their browsers: what they click, and what they then see and hear."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any

from playwright.async_api import Browser, BrowserContext, Locator, Page, expect

# Counts the frames that each video really renders, and everything that would be media before its time.
_OBSERVER = """
(() => {
  const seen = { frames: {}, firstFrameAt: {}, peers: 0, sockets: [] };
  Object.defineProperty(window, "observed", { value: seen });
  const Original = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Original {
    constructor(...parts) { super(...parts); seen.peers += 1; }
  };
  document.addEventListener("click", () => { seen.clickedAt = performance.timeOrigin + performance.now(); }, true);
  const watched = new WeakSet();
  setInterval(() => {
    for (const video of document.querySelectorAll("video")) {
      if (watched.has(video)) continue;
      watched.add(video);
      const name = video.id || "self";
      const count = () => {
        seen.frames[name] = (seen.frames[name] ?? 0) + 1;
        seen.firstFrameAt[name] ??= performance.timeOrigin + performance.now();
        video.requestVideoFrameCallback(count);
      };
      video.requestVideoFrameCallback(count);
    }
  }, 20);
})();
"""

Names = dict[str, str]
FRENCH: Names = {
    "name": "Votre nom",
    "join": "Rejoindre",
    "waiting_room": "Salle d'attente",
    "admit": "Accepter",
    "decline": "Refuser",
    "mute": "Couper le micro",
    "unmute": "Réactiver le micro",
    "stop_video": "Arrêter la vidéo",
    "share": "Partager l'écran",
    "hide_self": "Masquer mon image",
    "settings": "Paramètres",
    "leave": "Quitter",
    "reconnecting": "Reconnexion en cours…",
}
ENGLISH: Names = {
    "name": "Your name",
    "join": "Join",
    "waiting_room": "Waiting room",
    "admit": "Admit",
    "decline": "Decline",
    "mute": "Mute",
    "unmute": "Unmute",
    "stop_video": "Stop video",
    "share": "Share screen",
    "hide_self": "Hide self view",
    "settings": "Settings",
    "leave": "Leave",
    "reconnecting": "Reconnecting…",
}


async def until(condition: Callable[[], Awaitable[bool]], what: str, seconds: float = 15) -> None:
    """Wait until the condition holds; fail with `what` in words."""
    end = time.monotonic() + seconds
    while not await condition():
        if time.monotonic() > end:
            raise AssertionError(f"never came true: {what}")
        await asyncio.sleep(0.05)


class Person:
    """One page in a browser of its own (context)."""

    def __init__(self, context: BrowserContext, page: Page, words: Names) -> None:
        self.context = context
        self.page = page
        self.words = words
        self.heard_on_socket: list[str] = []
        self.errors: list[str] = []
        page.on("websocket", lambda socket: socket.on("framereceived", self._note))
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _note(self, data: Any) -> None:
        self.heard_on_socket.append(data if isinstance(data, str) else repr(data))

    @classmethod
    async def arrive(
        cls, browser: Browser, *, locale: str = "fr-FR", context: BrowserContext | None = None
    ) -> "Person":
        """Return somebody with an empty page; in the same context it is another tab of the same browser."""
        if context is None:
            context = await browser.new_context(
                locale=locale, permissions=["camera", "microphone"], viewport={"width": 1280, "height": 800}
            )
            await context.add_init_script(_OBSERVER)
        return cls(context, await context.new_page(), FRENCH if locale.startswith("fr") else ENGLISH)

    def button(self, word: str) -> Locator:
        return self.page.get_by_role("button", name=re.compile(f"^{re.escape(self.words[word])}"))

    async def frames(self, video: str = "remote-video") -> int:
        return int(await self.page.evaluate("name => observed.frames[name] ?? 0", video))

    async def sees(self, video: str = "remote-video", more: int = 10, seconds: float = 15) -> None:
        """Wait until `more` further frames of the other one have been rendered."""
        before = await self.frames(video)

        async def enough() -> bool:
            return await self.frames(video) >= before + more

        await until(enough, f"{more} more frames in {video}", seconds)

    async def sees_nothing_new(self, seconds: float = 1.5, video: str = "remote-video") -> None:
        before = await self.frames(video)
        await asyncio.sleep(seconds)
        assert await self.frames(video) - before <= 2

    async def energy(self) -> float:
        """Return the audio energy received since the media connection began (webrtc-stats totalAudioEnergy)."""
        stats = await self.page.evaluate("visavis.stats()")
        return sum(s.get("totalAudioEnergy", 0.0) for s in stats if s["type"] == "inbound-rtp" and s["kind"] == "audio")

    async def hears(self, seconds: float = 15) -> None:
        """Wait until more sound has come in."""
        before = await self.energy()

        async def louder() -> bool:
            return await self.energy() > before + 1e-5

        await until(louder, "sound from the other side", seconds)

    async def transport(self) -> tuple[str, str]:
        """Return the protocol and state of the candidate pair in use."""
        stats = {s["id"]: s for s in await self.page.evaluate("visavis.stats()")}
        chosen = next(s for s in stats.values() if s["type"] == "transport")
        pair = stats[chosen["selectedCandidatePairId"]]
        return stats[pair["localCandidateId"]]["protocol"], pair["state"]

    async def mark(self, step: str) -> float:
        """Return when the page last passed a step, in milliseconds of its time origin."""
        marks = await self.page.evaluate("visavis.marks()")
        return float(marks[step]["last"])

    async def close(self) -> None:
        await self.context.close()


class Patient(Person):
    """Someone with an invitation."""

    async def open(self, link: str) -> None:
        await self.page.goto(link)
        await expect(self.page.get_by_label(self.words["name"], exact=True)).to_be_visible()

    async def knock(self, name: str | None = None) -> None:
        """Confirm the name and join; the waiting room shows."""
        if name is not None:
            await self.page.get_by_label(self.words["name"], exact=True).fill(name)
        await self.button("join").click()
        await self.waits()

    async def waits(self) -> None:
        await expect(self.page.get_by_role("heading", name=self.words["waiting_room"], exact=True)).to_be_visible(
            timeout=15_000
        )

    async def is_in_call(self) -> None:
        await expect(self.button("mute")).to_be_visible(timeout=15_000)


class Practitioner(Person):
    """Someone with an account."""

    async def enter(self, link: str) -> None:
        """Follow a log-in link into the room."""
        await self.page.goto(link)
        await self.is_in_room()

    async def is_in_room(self) -> None:
        await expect(self.button("leave")).to_be_visible(timeout=15_000)

    async def admit(self, name: str = "") -> None:
        """Admit the one who waits, or the one of that name."""
        buttons = self.page.get_by_role(
            "button", name=re.compile(f"^{re.escape(self.words['admit'])} {re.escape(name)}")
        )
        await buttons.first.click()


async def together(practitioner: Practitioner, patient: Patient, planned: dict[str, Any]) -> None:
    """Bring both into the call, by way of the waiting room, until each sees the other."""
    await practitioner.enter(planned["practitioner_url"])
    await patient.open(planned["patient_url"])
    await patient.knock()
    await practitioner.admit()
    await asyncio.gather(practitioner.sees(), patient.sees())
