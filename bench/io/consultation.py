"""One whole consultation as its two people live it: planned, entered, waited for, admitted, talked, left."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import aiohttp

from bench.intervals import Span, intersection
from bench.io.practice import Practice
from bench.io.talk import Talks, Voice
from bench.io.target import TargetProblem
from bench.io.visitor import Body, Visitor, VisitorFailed
from bench.schedule import Schedule
from bench.sdp import Streams

_FLIGHT = 0.1  # what is on its way when the talk ends is no loss
_SILENCE_AFTER = 0.4  # of the talk


@dataclass(slots=True)
class Outcome:
    """What became of one consultation. Seconds; None for a step that was not reached.

    `waiting` is knock → waiting, `joined` enter → offer, `first_packet` admit → first packet on the slower side.
    `talked` is when both were there, by the generator's own clock. `failure` is empty when all went well.
    """

    consultation: str = ""
    planned: float | None = None
    joined: float | None = None
    waiting: float | None = None
    first_packet: float | None = None
    sent: int = 0
    received: int = 0
    talked: list[Span] = field(default_factory=list)
    failure: str = ""


class Consultations:
    """Makes consultations with a practice, over one HTTP session and one ticker."""

    def __init__(self, practice: Practice, url: str, http: aiohttp.ClientSession, talks: Talks) -> None:
        self._practice = practice
        self._url = url
        self._http = http
        self._talks = talks
        self.under_way = 0

    async def hold(self, number: int, plan: Schedule, stopping: asyncio.Event) -> Outcome:
        """Return how the consultation of that number went. The talk is cut short when `stopping` is set."""
        outcome = Outcome()
        people = [Visitor(self._http, self._url, streams=_streams()) for _ in range(2)]
        self.under_way += 1
        try:
            await self._live(outcome, number, people, lambda voice: _talk(voice, plan, stopping))
        except (VisitorFailed, TargetProblem) as error:
            outcome.failure = str(error)
        finally:
            self.under_way -= 1
            await asyncio.gather(*(person.close() for person in people), return_exceptions=True)
        return outcome

    async def _live(
        self, outcome: Outcome, number: int, people: list[Visitor], talk: Callable[[Voice], Awaitable[None]]
    ) -> None:
        practitioner, patient = people
        began = time.monotonic()
        appointment = await self._practice.plan(number)
        consultation = outcome.consultation = appointment.planned.id
        cookie = await self._practice.cookie(appointment)
        outcome.planned = time.monotonic() - began

        began = time.monotonic()
        await practitioner.enter(consultation, cookie)
        outcome.joined = (await practitioner.until("offer"))[0] - began
        # The practitioner is there before anybody is let in, as the pages have it.
        voices = [self._talks.join(await practitioner.media_ready())]
        try:
            await self._admit(outcome, practitioner, patient, appointment.planned.invitation, voices)
            await talk(voices[1])
            await self._part(outcome, practitioner, patient, voices)
        finally:
            for voice in voices:
                self._talks.leave(voice)

    async def _admit(
        self, outcome: Outcome, practitioner: Visitor, patient: Visitor, invitation: str, voices: list[Voice]
    ) -> None:
        began = time.monotonic()
        await patient.knock(invitation, "Alex Dupont")
        outcome.waiting = (await patient.until("waiting"))[0] - began
        entry = _entry(outcome.consultation, (await practitioner.until("lobby", where=_has(outcome.consultation)))[1])
        admitted_at = time.monotonic()
        await practitioner.admit(entry)
        await patient.until("admitted")
        voices.append(self._talks.join(await patient.media_ready()))
        for person, voice in zip((practitioner, patient), voices, strict=True):
            await person.until("peer", where=_connected)
            voice.speak()
        outcome.first_packet = max([await _first_packet(voice) for voice in voices]) - admitted_at

    async def _part(self, outcome: Outcome, practitioner: Visitor, patient: Visitor, voices: list[Voice]) -> None:
        sent = [voice.sent for voice in voices]
        await asyncio.sleep(_FLIGHT)
        received = [min(voice.received, sent[1 - side]) for side, voice in enumerate(voices)]
        outcome.sent, outcome.received = sum(sent), sum(received)
        await practitioner.leave()
        for voice in voices:
            self._talks.leave(voice)
        outcome.talked = intersection(voices[0].spans, voices[1].spans)
        await patient.until("ended")


async def _talk(patient: Voice, plan: Schedule, stopping: asyncio.Event) -> None:
    before = plan.talk * _SILENCE_AFTER if plan.silence else plan.talk
    await _sleep(before, stopping)
    if plan.silence:
        patient.fall_silent()
        await _sleep(plan.silence, stopping)
        patient.speak()
        await _sleep(plan.talk - before - plan.silence, stopping)


async def _sleep(seconds: float, stopping: asyncio.Event) -> None:
    try:
        await asyncio.wait_for(stopping.wait(), max(0.0, seconds))
    except TimeoutError:
        return


async def _first_packet(voice: Voice) -> float:
    end = time.monotonic() + 10
    while voice.first_received_at is None:
        if time.monotonic() > end:
            raise VisitorFailed("no packet came")
        await asyncio.sleep(0.01)
    return voice.first_received_at


def _connected(body: Body) -> bool:
    return bool(body["connected"])


def _has(consultation: str) -> Callable[[Body], bool]:
    return lambda body: any(entry["consultation"] == consultation for entry in body["entries"])


def _entry(consultation: str, lobby: Body) -> Body:
    found: Body = next(entry for entry in lobby["entries"] if entry["consultation"] == consultation)
    return found


def _streams() -> Streams:
    # Two peers of one call must not announce the same SSRC.
    audio = random.randrange(1, 2**31)  # noqa: S311
    return Streams(audio, audio + 2**31)
