"""What is to happen in one life of a consultation's money, drawn from a seed, and what must be true in the end."""

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from billing.agreement import When
from billing.tariff import Basis, Tariff
from store.facts import BothAlive, LegConnected, LegLost, MediaFact, MeterPaused, MeterResumed, Stamp
from store.ids import AdministratorId, CallId, ConsultationId, LegId, PractitionerId, Seat

BEGINNING = datetime(2026, 11, 22, 10, tzinfo=UTC)
PRACTITIONER = PractitionerId("pra_CrashCrashCrashCrashCC")
ADMINISTRATOR = AdministratorId("sup_CrashCrashCrashCrashCC")
CONSULTATION = ConsultationId("con_CrashCrashCrashCrashCC")
CALL = CallId("cal_CrashCrashCrashCrashCC")

PLANNED_SECONDS = 1200
PER_MINUTE = Tariff("EUR", Basis.PER_MINUTE, per_minute=200)
FIXED = Tariff("EUR", Basis.FIXED, fixed=8000)
AT_END = Tariff("EUR", Basis.AT_END, cap=10_000)
MORE = 3000

VISA = "4242424242424242"
GROWS = "5555555555554444"
DECLINES = "4000000000000002"
ASKS = "4000002760003184"
DISPUTES = "4000000000000259"

_SECOND = 1000


class Kind(StrEnum):
    """The lives there are."""

    MINUTES = "minutes"
    EXTENDED = "extended"
    LINK = "link"
    WAIVED = "waived"
    ENTERED = "entered"
    AHEAD = "ahead"
    NO_SHOW = "no_show"
    DISPUTED = "disputed"


@dataclass(frozen=True, slots=True)
class Plan:
    """`minutes`: what is billable of the call. `refund` minor units, None: all, 0: nothing."""

    kind: Kind
    seed: int
    minutes: int
    refund: int | None
    card: str
    declined_first: bool
    prompt: float
    copies: int

    @property
    def tariff(self) -> Tariff:
        return {Kind.MINUTES: PER_MINUTE, Kind.EXTENDED: PER_MINUTE, Kind.ENTERED: AT_END}.get(self.kind, FIXED)

    @property
    def when(self) -> When:
        return When.AFTER if self.kind is Kind.LINK else When.HOLD

    @property
    def far(self) -> bool:
        """Whether the card is kept long before, and nothing is held yet."""
        return self.kind in {Kind.AHEAD, Kind.NO_SHOW}

    @property
    def starts_at(self) -> datetime:
        return BEGINNING + (timedelta(days=8) if self.far else timedelta(minutes=10))

    @property
    def entered(self) -> int | None:
        return {Kind.WAIVED: 0, Kind.ENTERED: 4500}.get(self.kind)

    @property
    def seconds(self) -> int:
        return 0 if self.kind is Kind.NO_SHOW else self.minutes * 60

    @property
    def due(self) -> int:
        """Return what the patient pays, from the truth and not by the code under test."""
        if self.entered is not None:
            return self.entered
        return self.minutes * 200 if self.tariff is PER_MINUTE else 8000

    @property
    def given_back(self) -> int:
        return self.due if self.refund is None else self.refund

    def facts(self) -> list[MediaFact]:
        """Return what two workers tell of the call: the first is killed, the second is left properly.

        Each leg's silence and each pause is made good by later minutes, so that `minutes` of it are billable.
        """
        chance = random.Random(self.seed)  # noqa: S311 — a story, no secret
        first = chance.randrange(1, self.minutes)
        pause, silence = chance.randrange(5, 90), chance.randrange(4, 40)
        told = _Worker("boot-one", self.starts_at, chance.randrange(10**6))
        told.sit()
        told.alive(20)
        told.pause(20, 20 + pause)
        told.alive(first * 60 + pause)
        again = _Worker("boot-two", self.starts_at + timedelta(seconds=first * 60 + pause + 7), chance.randrange(10**6))
        again.sit()
        rest = (self.minutes - first) * 60
        again.silent(rest // 2, rest // 2 + silence)
        again.alive(rest + silence)
        again.leave(rest + silence)
        return told.facts + again.facts


class _Worker:
    """Stamps facts at seconds since its beginning."""

    def __init__(self, boot: str, began: datetime, offset_ms: int) -> None:
        self.facts: list[MediaFact] = []
        self._boot, self._began, self._offset = boot, began, offset_ms

    def sit(self) -> None:
        for seat in Seat:
            self.facts.append(LegConnected(CALL, self._leg(seat), seat, self._stamp(0)))

    def alive(self, second: int) -> None:
        self.facts.append(BothAlive(CALL, self._ms(second), self._stamp(second)))

    def pause(self, since: int, until: int) -> None:
        self.facts.append(MeterPaused(CALL, self._stamp(since)))
        self.facts.append(MeterResumed(CALL, self._stamp(until)))

    def silent(self, since: int, until: int) -> None:
        leg = self._leg(Seat.PATIENT)
        self.facts.append(LegLost(CALL, leg, Seat.PATIENT, self._ms(since), self._stamp(since + 3)))
        self.facts.append(LegConnected(CALL, leg, Seat.PATIENT, self._stamp(until)))

    def leave(self, second: int) -> None:
        for seat in Seat:
            self.facts.append(LegLost(CALL, self._leg(seat), seat, self._ms(second), self._stamp(second)))

    def _leg(self, seat: Seat) -> LegId:
        return LegId(f"leg_{self._boot}_{seat}")

    def _ms(self, second: int) -> int:
        return self._offset + second * _SECOND

    def _stamp(self, second: int) -> Stamp:
        return Stamp(self._boot, len(self.facts) + 1, self._ms(second), self._began + timedelta(seconds=second))


def plan_of(kind: Kind, seed: int) -> Plan:
    """Return the life that a seed leads to; seed 0 is the plainest."""
    chance = random.Random(f"{kind}{seed}")  # noqa: S311 — as above
    minutes = chance.randrange(26, 40) if kind is Kind.EXTENDED else chance.randrange(4, 26)
    plain = seed == 0
    cards = (VISA, GROWS, ASKS) if kind not in {Kind.AHEAD, Kind.NO_SHOW} else (VISA, GROWS)
    refund = chance.choice((700, 300, None, 0))
    if kind in {Kind.WAIVED, Kind.DISPUTED}:
        refund = 0
    return Plan(
        kind=kind,
        seed=seed,
        minutes=minutes,
        refund=(700 if refund is not None and refund and plain else refund),
        card=DISPUTES if kind is Kind.DISPUTED else VISA if plain else chance.choice(cards),
        declined_first=not plain and chance.random() < 0.3,
        prompt=0.3 if plain else chance.choice((0.0, 0.1, 0.5)),
        copies=2 if plain else chance.choice((1, 2, 3)),
    )
