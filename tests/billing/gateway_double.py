# ruff: noqa: ARG002 — the protocol's parameters, most of which this provider has no use for
"""A payment provider in memory, with the clock and the bad days that a test wants.

It keeps intents as Stripe does: a capture happens once, a hold lapses, a key repeats its first answer.
"""

import itertools
from collections import deque
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from billing.gateway import (
    Account,
    Answer,
    AuthoriseCard,
    BadSignature,
    BalanceTransaction,
    CaptureHold,
    CreateAccount,
    Found,
    GatewayBusy,
    GatewayRefused,
    GatewayUnclear,
    IncreaseHold,
    Intent,
    IntentState,
    NoSuchObject,
    Notice,
    Operation,
    Payout,
    Refund,
    RefundCharge,
    ReleaseHold,
    SaveCard,
)

_S = IntentState
WITH_PATIENT = timedelta(days=7)
WITHOUT_PATIENT = timedelta(days=4, hours=18)


class Trouble(StrEnum):
    """What the next request meets. STUCK: a 500 that the key repeats for ever, though nothing was done."""

    BEFORE = "before"
    AFTER = "after"
    BUSY = "busy"
    STUCK = "stuck"
    REFUSED = "refused"


class GatewayDouble:
    """`now` is the provider's clock. `performed` lists what was really done, by key."""

    publishable_key = "pk_double"
    sandbox = True

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self.intents: dict[str, Intent] = {}
        self.refunds: dict[str, Refund] = {}
        self.manual: set[str] = set()
        self.troubles: deque[tuple[Trouble, str]] = deque()
        self.silent = False
        self.increments = False
        self.asks_the_patient = False
        self.performed: list[tuple[str, Operation]] = []
        self.asked: list[tuple[str, Operation]] = []
        self.found: list[str] = []
        self._answers: dict[str, tuple[Operation, Answer | Exception]] = {}
        self._numbers = itertools.count(1)

    # -- what a test does ------------------------------------------------------------------------------------

    def trouble(self, *kinds: Trouble, code: str = "card_declined") -> None:
        self.troubles.extend((kind, code) for kind in kinds)

    def enter_card(self, name: str, card: str = "visa 4242", *, declined: str = "", action: bool = False) -> None:
        """Do what the patient does on the card form."""
        intent = self._lapse(self.intents[name])
        assert intent.state in {_S.NEEDS_CARD, _S.NEEDS_ACTION, _S.NEEDS_CONFIRMATION}, intent.state
        if declined:
            self._put(intent, state=_S.NEEDS_CARD, declined=declined)
        elif action:
            self._put(intent, state=_S.NEEDS_ACTION, declined="")
        else:
            self._authorised(intent, card, WITH_PATIENT)

    def process(self, name: str) -> None:
        self._put(self.intents[name], state=_S.PROCESSING)

    def of(self, reference: str) -> list[Intent]:
        return [self._lapse(intent) for intent in list(self.intents.values()) if intent.reference == reference]

    @property
    def received(self) -> int:
        return sum(intent.received for intent in self.intents.values())

    # -- the gateway -----------------------------------------------------------------------------------------

    async def perform(self, operation: Operation, key: str) -> Answer:
        self.asked.append((key, operation))
        kind, code = self.troubles.popleft() if self.troubles else (None, "")
        if self.silent or kind is Trouble.BEFORE:
            raise GatewayUnclear("timeout")
        if kind is Trouble.BUSY:
            raise GatewayBusy("rate_limit")
        if key in self._answers:
            same, first = self._answers[key]
            assert same == operation, "a key was used for something else"
            if isinstance(first, Exception):
                raise first
            return first
        answer = self._answer(operation, kind, code)
        self._answers[key] = (operation, answer)
        if isinstance(answer, Exception):
            raise answer
        self.performed.append((key, operation))
        if kind is Trouble.AFTER:
            raise GatewayUnclear("timeout")
        return answer

    def _answer(self, operation: Operation, kind: Trouble | None, code: str) -> Answer | Exception:
        if kind is Trouble.STUCK:
            return GatewayUnclear("500")
        if kind is Trouble.REFUSED:
            return GatewayRefused(code)
        try:
            return self._do(operation)
        except GatewayRefused as refused:
            return refused

    async def confirm_card(self, account: str, intent: str, token: str, return_url: str) -> Intent:
        self.enter_card(intent, token)
        return self.intents[intent]

    async def find(self, account: str, name: str) -> Found:
        self.found.append(name)
        if self.silent:
            raise GatewayUnclear("timeout")
        thing = self.intents.get(name) or self.refunds.get(name)
        if thing is None or thing.account != account:
            raise NoSuchObject(name)
        return self._lapse(thing) if isinstance(thing, Intent) else thing

    async def find_by_reference(self, account: str, reference: str, since: datetime) -> tuple[Intent | Refund, ...]:
        if self.silent:
            raise GatewayUnclear("timeout")
        made = [*self.of(reference), *(one for one in self.refunds.values() if one.reference == reference)]
        return tuple(thing for thing in made if thing.account == account)

    async def transactions(self, account: str, since: datetime) -> AsyncIterator[BalanceTransaction]:
        for _ in ():
            yield _

    async def payouts(self, account: str, since: datetime) -> AsyncIterator[Payout]:
        for _ in ():
            yield _

    async def transactions_of_payout(self, account: str, payout: str) -> AsyncIterator[BalanceTransaction]:
        for _ in ():
            yield _

    async def onboarding_url(self, account: str, return_url: str, refresh_url: str) -> str:
        return f"https://provider.example/{account}"

    def card_form_url(self, intent: Intent, return_url: str, lang: str) -> str:
        return f"/card/{intent.id}"

    def dashboard_url(self, account: str) -> str:
        return f"https://provider.example/{account}"

    def read_notice(self, body: bytes, signature: str, *, connect: bool) -> Notice:
        raise BadSignature

    async def close(self) -> None: ...

    # -- what it does ----------------------------------------------------------------------------------------

    def _do(self, operation: Operation) -> Answer:  # noqa: PLR0911 — one for each kind
        if isinstance(operation, AuthoriseCard):
            return self._authorise(operation)
        if isinstance(operation, SaveCard):
            name = f"seti_{next(self._numbers)}"
            customer = operation.customer or f"cus_{name}"
            return self._put(
                Intent(name, operation.account, operation.reference, _S.NEEDS_CARD, customer=customer),
                client_secret=f"{name}_secret_x",
            )
        if isinstance(operation, CreateAccount):
            return Account(f"acct_{next(self._numbers)}", operation.reference, True, True, currency=operation.currency)
        if isinstance(operation, RefundCharge):
            return self._refund(operation)
        intent = self._lapse(self.intents[operation.intent])
        if isinstance(operation, ReleaseHold):
            return self._release(intent)
        if intent.state is not _S.HELD:
            raise GatewayRefused("payment_intent_unexpected_state")
        if isinstance(operation, IncreaseHold):
            if not self.increments:
                raise GatewayRefused("incremental_authorization_not_allowed")
            return self._put(intent, amount=operation.amount, capturable=operation.amount)
        return self._capture(intent, operation)

    def _authorise(self, asked: AuthoriseCard) -> Intent:
        assert asked.amount > 0, "a PaymentIntent of 0 does not exist"
        assert asked.fee <= asked.amount
        name = f"pi_{next(self._numbers)}"
        intent = self._put(
            Intent(name, asked.account, asked.reference, _S.NEEDS_CARD, asked.amount, asked.currency),
            client_secret=f"{name}_secret_x",
            customer=asked.customer or f"cus_{name}",
            fee=asked.fee,
        )
        if not asked.capture:
            self.manual.add(name)
        if not asked.payment_method:
            return intent
        if self.asks_the_patient:
            self._put(intent, declined="authentication_required")
            raise GatewayRefused("authentication_required")
        return self._authorised(intent, "visa 4242", WITHOUT_PATIENT)

    def _authorised(self, intent: Intent, card: str, lasts: timedelta) -> Intent:
        kept = {"card": card, "payment_method": f"pm_{intent.id}", "declined": ""}
        if intent.id.startswith("seti_"):
            return self._put(intent, state=_S.SUCCEEDED, **kept)
        if intent.id in self.manual:
            until = self._now() + lasts
            return self._put(intent, state=_S.HELD, capturable=intent.amount, capture_before=until, **kept)
        return self._put(
            intent, state=_S.SUCCEEDED, received=intent.amount, charge_transaction=f"txn_{intent.id}", **kept
        )

    def _capture(self, intent: Intent, asked: CaptureHold) -> Intent:
        if not 0 < asked.amount <= intent.capturable or asked.fee > asked.amount:
            raise GatewayRefused("amount_too_large")
        return self._put(
            intent,
            state=_S.SUCCEEDED,
            capturable=0,
            received=asked.amount,
            fee=asked.fee,
            charge_transaction=f"txn_{intent.id}",
        )

    def _release(self, intent: Intent) -> Intent:
        if intent.state is _S.CANCELLED:
            return intent
        if intent.state is _S.SUCCEEDED:
            raise GatewayRefused("payment_intent_unexpected_state")
        return self._put(intent, state=_S.CANCELLED, capturable=0)

    def _refund(self, asked: RefundCharge) -> Refund:
        name = f"re_{next(self._numbers)}"
        self.refunds[name] = Refund(
            name, asked.account, asked.reference, asked.intent, asked.amount, asked.currency, "succeeded", f"txn_{name}"
        )
        return self.refunds[name]

    def _lapse(self, intent: Intent) -> Intent:
        until = intent.capture_before
        if intent.state is _S.HELD and until is not None and until <= self._now():
            return self._put(intent, state=_S.CANCELLED, capturable=0, expired=True)
        return intent

    def _put(self, intent: Intent, **values: object) -> Intent:
        self.intents[intent.id] = msgspec.structs.replace(intent, **values)
        return self.intents[intent.id]
