"""The two payment providers of the money machine: one in memory, and the sandbox behind the real SDK."""

import contextlib
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from billing.gateway import Account, CaptureHold, CreateAccount, Gateway, Intent, IntentState
from billing.sandbox import records
from billing.sandbox.errors import ApiError
from billing.sandbox.io.faults import Fault
from billing.sandbox.io.server import Sandbox
from tests.billing.gateway_double import GatewayDouble, Trouble

_OPEN = {IntentState.NEEDS_CARD, IntentState.NEEDS_ACTION, IntentState.NEEDS_CONFIRMATION}

_NUMBERS = {
    "visa": "4242424242424242",
    "mastercard": "5555555555554444",
    "jcb": "6011111111111117",
    "declined": "4000000000000002",
    "action": "4000002760003184",
}
_FAULTS = {
    Trouble.BEFORE: Fault.DROP_BEFORE,
    Trouble.AFTER: Fault.DROP_AFTER,
    Trouble.BUSY: Fault.BUSY,
    Trouble.STUCK: Fault.FAIL_BEFORE,
    Trouble.REFUSED: Fault.FAIL_AFTER,
}


class Provider(Protocol):
    """What happens at the provider without us, and what it has."""

    gateway: Gateway
    account: str

    def forms(self) -> list[str]: ...

    def enter(self, intent: str, outcome: str) -> None: ...

    def trouble(self, *kinds: Trouble) -> None: ...

    def mood(self, *, silent: bool, asks: bool) -> None: ...

    def calm(self) -> None: ...

    def received(self) -> int: ...

    def captures(self) -> list[str]: ...

    async def intents(self) -> list[Intent]: ...

    async def close(self) -> None: ...


class InMemory:
    """The double."""

    account = "acct_1"

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.gateway = GatewayDouble(now)

    def forms(self) -> list[str]:
        return [one.id for one in self.gateway.intents.values() if one.state in _OPEN]

    def enter(self, intent: str, outcome: str) -> None:
        if outcome == "declined":
            self.gateway.enter_card(intent, declined="card_declined")
        elif outcome == "action":
            self.gateway.enter_card(intent, action=True)
        else:
            self.gateway.enter_card(intent, f"{outcome} 4242")

    def trouble(self, *kinds: Trouble) -> None:
        self.gateway.trouble(*kinds)

    def mood(self, *, silent: bool, asks: bool) -> None:
        self.gateway.silent, self.gateway.asks_the_patient = silent, asks

    def calm(self) -> None:
        self.gateway.troubles.clear()
        self.mood(silent=False, asks=False)

    def received(self) -> int:
        return self.gateway.received

    def captures(self) -> list[str]:
        return [asked.intent for _, asked in self.gateway.performed if isinstance(asked, CaptureHold)]

    async def intents(self) -> list[Intent]:
        return list(self.gateway.intents.values())

    async def close(self) -> None: ...


class AtSandbox:
    """The sandbox on a port, on our clock; its bad days are those of networks and servers."""

    def __init__(self, sandbox: Sandbox, gateway: Gateway, account: str) -> None:
        self.sandbox = sandbox
        self.gateway = gateway
        self.account = account

    @classmethod
    async def opened(cls, now: Callable[[], datetime], state: Path | None = None) -> "AtSandbox":
        sandbox = Sandbox(incremental=True)
        await sandbox.start(state, now)
        gateway = sandbox.gateway()
        made = await gateway.perform(CreateAccount("machine", "a@example.org", "FR", "EUR"), "account")
        assert isinstance(made, Account)
        return cls(sandbox, gateway, made.id)

    def _attempts(self) -> list[records.Attempt]:
        books = self.sandbox.books
        return [*books.all(records.PaymentIntent), *books.all(records.SetupIntent)]

    def forms(self) -> list[str]:
        return [one.id for one in self._attempts() if IntentState(one.status) in _OPEN]

    def enter(self, intent: str, outcome: str) -> None:
        self.sandbox.advance(timedelta())
        with contextlib.suppress(ApiError):
            self.sandbox.enter_card(intent, _NUMBERS[outcome])

    def trouble(self, *kinds: Trouble) -> None:
        for kind in kinds:
            self.sandbox.faults.order(_FAULTS[kind])

    def mood(self, *, silent: bool, asks: bool) -> None:  # noqa: ARG002 — its cards say when the bank asks
        if silent:
            self.sandbox.faults.order(Fault.DROP_BEFORE, times=5)

    def calm(self) -> None:
        self.sandbox.faults.clear()

    def received(self) -> int:
        return sum(one.received for one in self.sandbox.books.all(records.PaymentIntent))

    def captures(self) -> list[str]:
        return [one.intent for one in self.sandbox.books.all(records.Charge) if one.captured]

    async def intents(self) -> list[Intent]:
        found = [await self.gateway.find(one.account, one.id) for one in self._attempts()]
        return [one for one in found if isinstance(one, Intent)]

    async def close(self) -> None:
        await self.gateway.close()
        await self.sandbox.close()
