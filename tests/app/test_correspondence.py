"""Facts of billing become letters: on a real database, with billing, agenda and lobby as they are wired."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
import pytest
from sqlalchemy import select, update

from agenda.io.service import Agenda
from app.addressees import lookups
from app.correspondence import Correspondence
from billing.agreement import When
from billing.gateway import IntentState
from billing.io.money_tables import accounts
from lobby.io.service import Lobby
from notify.io.post import Post
from notify.io.tables import letters
from notify.letters import Letter
from store.facts import HoldChanged, PaymentChanged
from store.ids import ConsultationId, HoldId, PaymentId
from store.io.bus import LocalBus
from store.io.database import Database
from tests.billing.gateway_double import GatewayDouble
from tests.billing.till import FIXED, Till

SITE = "https://visio.example.org"


@dataclass
class Office:
    """Billing with an agenda, and what writes letters about it."""

    till: Till
    agenda: Agenda
    bus: LocalBus
    correspondence: Correspondence

    async def consultation(self, *, minutes_ahead: int = 10, when: When = When.HOLD) -> ConsultationId:
        starts_at = self.till.at + timedelta(minutes=minutes_ahead)
        planned = await self.agenda.plan(self.till.practitioner, "Alex Dupont", starts_at, 20, self.till.at)
        await self.till.billing.prices.set(
            planned.id, self.till.practitioner, FIXED, when, starts_at, 1200, self.till.at
        )
        await self.till.agree(planned.id)
        return planned.id

    async def asked_to_pay(self) -> PaymentId:
        consultation = await self.consultation(when=When.AFTER)
        await self.till.talk(consultation, 600)
        payment = await self.till.invoices.confirm(consultation, None, self.till.at)
        await self.till.outbox.deliver()
        return payment.id

    async def written(self) -> list[Letter]:
        async with self.till.database.reading() as tx:
            bodies = (await tx.execute(select(letters.c.body).order_by(letters.c.created_at))).scalars()
            return [msgspec.json.decode(body, type=Letter) for body in bodies]

    async def kinds(self) -> list[str]:
        return [letter.__struct_config__.tag for letter in await self.written()]


@pytest.fixture
async def office(database: Database, at: datetime) -> AsyncIterator[Office]:
    bus = LocalBus()
    till = Till(database, GatewayDouble(lambda: till.at), at, bus)
    agenda = Agenda(database, till.outbox)
    till.practitioner = (await agenda.create_practitioner("camille@example.org", "Dr Camille Martin", None, at)).id
    await till.open_account()
    lobby = Lobby(database, till.outbox, till.key)

    def translate(language: str, msgid: str) -> str:
        return f"[{language}] {msgid}"

    known = lookups(database, agenda, till.billing, lobby, SITE, translate)
    correspondence = Correspondence(database, Post(database), known)
    stop = correspondence.subscribe(bus)
    yield Office(till, agenda, bus, correspondence)
    stop()
    await till.outbox.deliver()


async def test_fac_11_who_is_asked_to_pay_gets_the_link_of_the_screen_by_e_mail(office: Office):
    payment = await office.asked_to_pay()
    [letter] = await office.written()
    assert letter.__struct_config__.tag == "pay_link"
    assert (letter.to, letter.language) == ("alex@example.org", "fr")
    assert letter.url == f"{SITE}/pay#{office.till.invoices.pay_token(payment)}"
    assert (letter.practitioner, letter.amount) == ("Dr Camille Martin", "80,00\xa0€")


async def test_fac_18_asking_again_sends_the_same_link_once_for_each_time(office: Office):
    payment = await office.asked_to_pay()
    for _ in range(2):
        office.till.wait(minutes=5)
        await office.till.invoices.resend(payment, office.till.at)
        await office.till.outbox.deliver()
    assert await office.kinds() == ["pay_link", "pay_link_again", "pay_link_again"]
    assert len({letter.url for letter in await office.written()}) == 1


async def test_a_fact_that_comes_twice_is_one_letter(office: Office):
    payment = await office.asked_to_pay()
    async with office.till.database.reading() as tx:
        when = await tx.scalar(select(letters.c.created_at))
    await office.bus.publish(PaymentChanged(ConsultationId("con"), payment, "pending", when))
    await office.correspondence.run(office.till.at)
    assert await office.kinds() == ["pay_link"]


async def test_what_a_subscriber_missed_is_written_within_the_hour_and_once(office: Office, monkeypatch):
    async def fail(*_: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(Post, "enqueue", fail)
        await office.asked_to_pay()
    assert await office.written() == []
    await office.correspondence.run(office.till.at)
    assert await office.kinds() == ["pay_link"]
    office.till.wait(hours=2)
    await office.correspondence.run(office.till.at)
    assert await office.kinds() == ["pay_link"]


async def test_who_has_paid_in_the_meantime_is_not_asked(office: Office, monkeypatch):
    async def fail(*_: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(Post, "enqueue", fail)
        payment = await office.asked_to_pay()
        await office.till.invoices.cancel(payment, office.till.at)
        await office.till.outbox.deliver()
    await office.correspondence.run(office.till.at)
    assert await office.written() == []


async def test_dat_29_a_receipt_is_announced_with_its_amount(office: Office):
    consultation = await office.consultation()
    await office.till.enter_card(consultation)
    await office.till.talk(consultation, 600)
    await office.till.invoices.confirm(consultation, None, office.till.at)
    await office.till.settle()
    [letter] = await office.written()
    payment = await office.till.payment(consultation)
    assert letter.__struct_config__.tag == "receipt"
    assert letter.amount == "80,00\xa0€"
    assert letter.url == f"{SITE}/pay#{office.till.invoices.pay_token(payment.id)}"


async def test_dat_27_a_refund_is_announced_with_what_is_given_back(office: Office):
    consultation = await office.consultation()
    await office.till.enter_card(consultation)
    await office.till.talk(consultation, 600)
    await office.till.invoices.confirm(consultation, None, office.till.at)
    await office.till.settle()
    payment = await office.till.payment(consultation)
    await office.till.billing.refunds.refund(payment.id, 2000, "sup_1", "Coupure", office.till.at)
    await office.till.outbox.deliver()
    [receipt, refund] = await office.written()
    assert (receipt.__struct_config__.tag, refund.__struct_config__.tag) == ("receipt", "refund")
    assert refund.amount == "20,00\xa0€"


async def test_dat_34_an_expired_hold_is_asked_for_again_by_the_invitation(office: Office):
    consultation = await office.consultation(minutes_ahead=5 * 24 * 60)
    intent = await office.till.enter_card(consultation)
    assert intent is not None
    office.till.wait(days=4, hours=23)
    lapsed = msgspec.structs.replace(intent, state=IntentState.CANCELLED, expired=True)
    async with office.till.outbox.committing() as tx:
        await office.till.holds.settle(tx, lapsed, office.till.at)
    await office.till.outbox.deliver()
    await office.correspondence.run(office.till.at)
    [letter] = await office.written()
    assert letter.__struct_config__.tag == "authorise_again"
    assert letter.url.startswith(f"{SITE}/join#")
    assert letter.time_zone == "Europe/Paris"
    assert letter.starts_at == office.till.at + timedelta(hours=1)


async def test_an_expired_hold_of_what_is_over_or_cancelled_asks_for_nothing(office: Office):
    consultation = await office.consultation()
    await office.agenda.cancel(consultation, office.till.at)
    fact = HoldChanged(consultation, HoldId("hol_AAAAAAAAAAAAAAAAAAAAAA"), "expired", office.till.at)
    await office.bus.publish(fact)
    unknown = HoldChanged(ConsultationId("con_AAAAAAAAAAAAAAAAAAAAAA"), fact.hold, "expired", office.till.at)
    await office.bus.publish(unknown)
    assert await office.written() == []


async def test_fac_3_a_practitioner_is_told_once_what_each_list_lacks(office: Office):
    async def lacks(*items: str) -> None:
        async with office.till.database.transaction() as tx:
            missing = msgspec.json.encode(items).decode()
            await tx.execute(update(accounts).values(missing=missing, can_payout=False))

    await lacks("individual.verification.document", "business_profile.url")
    await office.correspondence.run(office.till.at)
    assert await office.written() == []
    for _ in range(3):
        office.till.wait(days=1)
        await office.correspondence.run(office.till.at)
    [letter] = await office.written()
    assert letter.to == "camille@example.org"
    assert letter.missing == (
        "[fr] Your website or a description of what you offer",
        "[fr] An identity document",
    )
    assert letter.url == f"{SITE}/payments"
    await lacks("individual.verification.document")
    office.till.wait(days=1)
    await office.correspondence.run(office.till.at)
    assert len(await office.written()) == 2


async def test_without_an_address_nobody_is_written_to(office: Office):
    starts_at = office.till.at + timedelta(minutes=10)
    planned = await office.agenda.plan(office.till.practitioner, "Alex Dupont", starts_at, 20, office.till.at)
    await office.till.billing.prices.set(
        planned.id, office.till.practitioner, FIXED, When.AFTER, starts_at, 1200, office.till.at
    )
    view = await office.till.holds.view(planned.id, office.till.at)
    await office.till.holds.agree(planned.id, "Alex Dupont", None, "fr", None, view.most, office.till.at)
    await office.till.talk(planned.id, 600)
    await office.till.invoices.confirm(planned.id, None, office.till.at)
    await office.till.outbox.deliver()
    assert await office.written() == []
