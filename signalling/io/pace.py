"""What a page may ask for at its own pace, and is carried out at ours: so often a round, of the rest the last one."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Generic, TypeVar

from signalling.io.background import report
from signalling.io.participant import Participant

_Message = TypeVar("_Message")


class Pace(Generic[_Message]):
    """For one kind of request. `a_round`: how many of one session are carried out between two rounds."""

    def __init__(self, act: Callable[[Participant, _Message], Awaitable[None]], a_round: int) -> None:
        self._act = act
        self._a_round = a_round
        self._done: dict[Participant, int] = {}
        self._later: dict[Participant, _Message] = {}

    async def ask(self, participant: Participant, message: _Message) -> None:
        """Carry it out now or with the next round, unless another one follows until then."""
        done = self._done.get(participant, 0)
        if done >= self._a_round:
            self._later[participant] = message
            return
        self._done[participant] = done + 1
        await self._act(participant, message)

    async def go(self, _: datetime) -> None:
        """Begin a new round with what is left of the one before."""
        later, self._later = self._later, {}
        self._done = dict.fromkeys(later, 1)
        for participant, message in later.items():
            if participant.over is not None:
                continue
            try:
                await self._act(participant, message)
            except Exception as error:  # noqa: BLE001  # one page's request that fails must not lose the others'
                report("request failed", error)
