"""The bus: who wants to know of a fact hears of it after its transaction has committed."""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from store.facts import Fact

F = TypeVar("F", bound=Fact)


class Bus(Protocol):
    """Carries facts between packages that do not know each other. Delivery is at least once."""

    def subscribe(self, kind: type[F], handler: Callable[[F], Awaitable[None]]) -> Callable[[], None]:
        """Call `handler` with each fact of that kind from now on. Returns the function that stops it."""
        ...

    async def publish(self, fact: Fact) -> None:
        """Hand the fact to every subscriber of its kind; one that raises is logged and stops nobody else."""
        ...
