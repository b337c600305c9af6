"""What takes a letter out of the house: the port behind which SMTP and the folder of files stand."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from notify.outgoing import Outgoing


class Postponed(Exception):
    """Nothing was handed over; later it may work. `unreachable`: for no letter at all just now."""

    def __init__(self, problem: str, *, unreachable: bool = False) -> None:
        super().__init__(problem)
        self.problem = problem
        self.unreachable = unreachable


class Rejected(Exception):
    """This letter will never be taken: there is no such mailbox, or its text is refused."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


class Unclear(Exception):
    """The text was on its way and no answer came: it may or may not have been taken."""


class Superseded(Exception):
    """Raised by `begin`: the letter is another's by now, or was sent already. Nothing may be handed over."""


class Carrier(Protocol):
    """Carries letters one after the other. `files_only`: they stay on this machine as files."""

    files_only: bool

    async def carry(self, outgoing: Outgoing, begin: Callable[[], Awaitable[None]]) -> None:
        """Hand the letter over. `begin` is awaited at the last moment before the text leaves.

        Raises `Postponed`, `Rejected` or `Unclear`, and whatever `begin` raises.
        """
        ...

    async def rest(self) -> None:
        """Let go of what was kept for the next letter."""
        ...
