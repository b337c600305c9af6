"""A worker's life, millisecond by millisecond, and the truth that no fact can know: who was really heard when.

Silence of more than `ALIVE` is a loss; `PERIOD` lies between two signs of life. Both are small, so that few steps
tell a long story.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from store.facts import BothAlive, LegConnected, LegLost, MediaFact, MeterPaused, MeterResumed, Stamp
from store.ids import CallId, LegId, Seat

ALIVE, PERIOD = 3, 5
CALL = CallId("cal_1")
EPOCH = datetime(2026, 11, 22, 10, tzinfo=UTC)
Moment = tuple[str, int]


@dataclass
class Sitter:
    """One seat: its leg, whether that counts as connected, whether packets come, since when and until when."""

    leg: LegId | None = None
    connected: bool = False
    speaking: bool = True
    since: int = 0
    last_heard: int = 0


@dataclass
class Story:
    """Tell it with the methods; `facts` are what the workers stamp, `truth()` is what really happened."""

    facts: list[MediaFact] = field(default_factory=list)
    crashes: int = 0
    _boot: str = "boot-0"
    _offset: int = 1000
    _now: int = 0
    _seq: int = 0
    _said_at: int = -PERIOD
    _legs: int = 0
    _paused: bool = False
    _sitters: dict[Seat, Sitter] = field(default_factory=lambda: {seat: Sitter() for seat in Seat})
    _heard: dict[Seat, set[Moment]] = field(default_factory=lambda: {seat: set() for seat in Seat})
    _free: set[Moment] = field(default_factory=set)

    # -- what happens ----------------------------------------------------------------------------------------

    def pass_time(self, milliseconds: int) -> None:
        for _ in range(milliseconds):
            if self._paused:
                self._free.add((self._boot, self._now))
            self._now += 1
            for seat, sitter in self._sitters.items():
                if sitter.leg is not None and sitter.speaking:
                    sitter.last_heard = self._now
                self._look_at(seat, sitter)
            both = all(sitter.connected for sitter in self._sitters.values())
            if both and self._now - self._said_at >= PERIOD:
                self._said_at = self._now
                heard = min(sitter.last_heard for sitter in self._sitters.values())
                self.facts.append(BothAlive(CALL, self._offset + heard, self._stamp()))

    def _look_at(self, seat: Seat, sitter: Sitter) -> None:
        silent = self._now - sitter.last_heard
        if sitter.connected and silent > ALIVE:
            self._lose(seat, sitter)
        elif sitter.leg is not None and not sitter.connected and silent <= ALIVE:
            self._connect(seat, sitter)

    def sit(self, seat: Seat) -> None:
        """A participant comes, or comes again on a new leg."""
        sitter = self._sitters[seat]
        self.stand(seat)
        self._legs += 1
        sitter.leg = LegId(f"leg_{self._legs}")
        sitter.speaking, sitter.last_heard = True, self._now
        self._connect(seat, sitter)

    def sit_beside(self, seat: Seat) -> None:
        """As `sit`, but the old leg's end is told only after the new one has connected."""
        old = self._sitters[seat]
        if not old.connected:
            return self.sit(seat)
        self._sitters[seat] = Sitter()
        self.sit(seat)
        self._lose(seat, old)
        return None

    def stand(self, seat: Seat) -> None:
        sitter = self._sitters[seat]
        if sitter.leg is not None:
            # A leg that was lost already is told again when it closes.
            self._lose(seat, sitter)
        sitter.leg = None

    def fall_silent(self, seat: Seat) -> None:
        self._sitters[seat].speaking = False

    def speak(self, seat: Seat) -> None:
        self._sitters[seat].speaking = True

    def pause(self) -> None:
        self._paused = True
        self.facts.append(MeterPaused(CALL, self._stamp()))

    def resume(self) -> None:
        self._paused = False
        self.facts.append(MeterResumed(CALL, self._stamp()))

    def crash(self) -> None:
        """The worker dies without a word; the next one's clock has nothing to do with its own."""
        for seat, sitter in self._sitters.items():
            if sitter.connected:
                self._note(seat, sitter)
            self._sitters[seat] = Sitter()
        self.crashes += 1
        self._boot = f"boot-{self.crashes}"
        self._offset = (self._offset * 7919) % 100_000
        self._seq, self._said_at = 0, self._now - PERIOD

    def end(self) -> None:
        for seat in Seat:
            self.stand(seat)

    # -- what is told, and what was true ---------------------------------------------------------------------

    def _connect(self, seat: Seat, sitter: Sitter) -> None:
        assert sitter.leg is not None
        sitter.connected, sitter.since = True, self._now
        self.facts.append(LegConnected(CALL, sitter.leg, seat, self._stamp()))

    def _lose(self, seat: Seat, sitter: Sitter) -> None:
        assert sitter.leg is not None
        if sitter.connected:
            self._note(seat, sitter)
        sitter.connected = False
        self.facts.append(LegLost(CALL, sitter.leg, seat, self._offset + sitter.last_heard, self._stamp()))

    def _note(self, seat: Seat, sitter: Sitter) -> None:
        self._heard[seat] |= {(self._boot, moment) for moment in range(sitter.since, sitter.last_heard)}

    def _stamp(self) -> Stamp:
        self._seq += 1
        at = EPOCH + timedelta(milliseconds=self._now, microseconds=self._seq)
        return Stamp(self._boot, self._seq, self._offset + self._now, at)

    def truth(self) -> set[Moment]:
        """Return the milliseconds in which both were heard and the meter was not stopped."""
        heard = {seat: set(moments) for seat, moments in self._heard.items()}
        for seat, sitter in self._sitters.items():
            if sitter.connected:
                heard[seat] |= {(self._boot, moment) for moment in range(sitter.since, sitter.last_heard)}
        return (heard[Seat.PRACTITIONER] & heard[Seat.PATIENT]) - self._free
