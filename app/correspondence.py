"""Which letter is written when: facts of billing become letters, each under a key of its own.

Facts may come twice, and a subscriber that fails does not hear its fact again: so what was said in the last day is
gone through once more every hour. A letter's key decides that it is written once all the same.
"""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import select

from billing.amounts import amount_text
from billing.hold import HoldState
from billing.money import Money
from billing.payment import PaymentState
from notify.io.post import Post
from notify.letters import AccountIncomplete, AuthoriseAgain, Language, Letter, PayLink, PayLinkAgain, Receipt, Refund
from store.bus import Bus
from store.facts import HoldChanged, PaymentChanged, ReceiptIssued
from store.ids import ConsultationId, PaymentId, PractitionerId, ReceiptId
from store.io.database import Database
from store.io.tables import outbox

AGAIN_EVERY = timedelta(hours=1)
LOOK_BACK = timedelta(days=1)

_PAY_LINKS = frozenset({kind.__struct_config__.tag for kind in (PayLink, PayLinkAgain)})
_Heard = PaymentChanged | ReceiptIssued | HoldChanged
_HEARD: dict[str, type[_Heard]] = {kind.__name__: kind for kind in (PaymentChanged, ReceiptIssued, HoldChanged)}


@dataclass(frozen=True, slots=True)
class Addressee:
    """Whom a letter goes to, and the practitioner that it names. `to` None: nobody left an address."""

    to: str | None
    language: Language
    practitioner: str


@dataclass(frozen=True, slots=True)
class Claim:
    """What a patient owes, and the page to pay it on."""

    addressee: Addressee
    amount: Money
    url: str


@dataclass(frozen=True, slots=True)
class Printed:
    """A receipt, or with `refund` a credit note."""

    addressee: Addressee
    amount: Money
    url: str
    refund: bool


@dataclass(frozen=True, slots=True)
class Appointment:
    """A consultation to come whose card has to be authorised again; `url`: the invitation."""

    addressee: Addressee
    url: str
    starts_at: datetime
    time_zone: str
    payment: PaymentId


@dataclass(frozen=True, slots=True)
class Incomplete:
    """A practitioner's account that lacks something; `missing` in sentences of their language."""

    practitioner: PractitionerId
    to: str
    language: Language
    missing: tuple[str, ...]
    url: str


@dataclass(frozen=True, slots=True)
class Lookups:
    """What a letter has to know. Each gives None, or nothing, where no letter is due any more.

    `claim`: None once the payment is paid or given up. `appointment`: None unless the card has to be authorised again.
    `incomplete`: accounts that have lacked something for a while.
    """

    claim: Callable[[PaymentId], Awaitable[Claim | None]]
    printed: Callable[[ReceiptId], Awaitable[Printed | None]]
    appointment: Callable[[ConsultationId, datetime], Awaitable[Appointment | None]]
    incomplete: Callable[[datetime], Awaitable[Sequence[Incomplete]]]


class Correspondence:
    """Writes the letters that billing's facts ask for."""

    def __init__(self, database: Database, post: Post, lookups: Lookups) -> None:
        self._database = database
        self._post = post
        self._lookups = lookups
        self._next: datetime | None = None

    def subscribe(self, bus: Bus) -> Callable[[], None]:
        """Hear of billing's facts from now on. Returns the function that stops it."""
        stops = (
            bus.subscribe(PaymentChanged, self.payment_changed),
            bus.subscribe(ReceiptIssued, self.receipt_issued),
            bus.subscribe(HoldChanged, self.hold_changed),
        )

        def stop() -> None:
            for each in stops:
                each()

        return stop

    async def run(self, at: datetime) -> None:
        """Write what was missed, and to practitioners whose accounts lack something. Called often, acts hourly."""
        if self._next is not None and at < self._next:
            return
        for fact in await self._heard_since(at - LOOK_BACK):
            await self._hear(fact)
        for account in await self._lookups.incomplete(at):
            await self._remind(account, at)
        self._next = at + AGAIN_EVERY

    async def payment_changed(self, fact: PaymentChanged) -> None:
        """Ask the patient to pay, each time that the practitioner asks (FAC-11, FAC-18)."""
        if fact.state != PaymentState.PENDING:
            return
        claim = await self._lookups.claim(fact.payment)
        if claim is None or claim.addressee.to is None:
            return
        asked = any(sent.kind in _PAY_LINKS for sent in await self._post.about(fact.payment))
        letter = (PayLinkAgain if asked else PayLink)(
            to=claim.addressee.to,
            language=claim.addressee.language,
            url=claim.url,
            practitioner=claim.addressee.practitioner,
            amount=amount_text(claim.amount, claim.addressee.language),
        )
        await self._write(letter, f"pay_link:{fact.payment}:{fact.at.isoformat()}", fact.at, fact.payment)

    async def receipt_issued(self, fact: ReceiptIssued) -> None:
        """Say where the receipt is (DAT-29); never attached, as a mailbox is no place for it."""
        printed = await self._lookups.printed(fact.receipt)
        if printed is None or printed.addressee.to is None:
            return
        letter = (Refund if printed.refund else Receipt)(
            to=printed.addressee.to,
            language=printed.addressee.language,
            url=printed.url,
            practitioner=printed.addressee.practitioner,
            amount=amount_text(printed.amount, printed.addressee.language),
        )
        await self._write(letter, f"receipt:{fact.receipt}", fact.at, fact.payment)

    async def hold_changed(self, fact: HoldChanged) -> None:
        """Ask for the card once more where its authorisation lapsed before the consultation (DAT-34)."""
        if fact.state != HoldState.EXPIRED:
            return
        appointment = await self._lookups.appointment(fact.consultation, fact.at)
        if appointment is None or appointment.addressee.to is None:
            return
        letter = AuthoriseAgain(
            to=appointment.addressee.to,
            language=appointment.addressee.language,
            url=appointment.url,
            practitioner=appointment.addressee.practitioner,
            starts_at=appointment.starts_at,
            time_zone=appointment.time_zone,
        )
        await self._write(letter, f"authorise_again:{fact.hold}", fact.at, appointment.payment)

    async def _remind(self, account: Incomplete, at: datetime) -> None:
        # Once for each list: what was asked for yesterday is known, and something new is worth a letter.
        named = hashlib.sha256("\n".join(sorted(account.missing)).encode()).hexdigest()[:16]
        letter = AccountIncomplete(to=account.to, language=account.language, url=account.url, missing=account.missing)
        await self._write(letter, f"account:{account.practitioner}:{named}", at, account.practitioner)

    async def _write(self, letter: Letter, key: str, at: datetime, about: str) -> None:
        async with self._database.transaction() as tx:
            await self._post.enqueue(tx, letter, key, at, about)

    async def _hear(self, fact: _Heard) -> None:
        if isinstance(fact, PaymentChanged):
            await self.payment_changed(fact)
        elif isinstance(fact, ReceiptIssued):
            await self.receipt_issued(fact)
        else:
            await self.hold_changed(fact)

    async def _heard_since(self, since: datetime) -> list[_Heard]:
        wanted = (
            select(outbox.c.kind, outbox.c.body)
            .where(outbox.c.kind.in_(_HEARD), outbox.c.at >= since, outbox.c.delivered)
            .order_by(outbox.c.seq)
        )
        async with self._database.reading() as tx:
            rows = (await tx.execute(wanted)).all()
        return [msgspec.json.decode(row.body, type=_HEARD[row.kind]) for row in rows]
