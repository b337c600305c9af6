"""Monitoring says which letters did not reach their patient, and how to go on."""

from sqlalchemy import update

from billing.agreement import When
from billing.io.money_tables import payments
from notify.io.post import Post
from notify.letters import PayLink
from tests.notify.samples import letter
from tests.web.practice import Practice
from tests.web.test_monitoring import page


async def failed(practice: Practice, payment: str) -> None:
    """A letter about the payment cannot be delivered."""
    async with practice.till.database.transaction() as tx:
        await Post(practice.till.database).enqueue(tx, letter(PayLink, to="nobody"), payment, practice.at, payment)


async def test_a_request_that_could_not_be_delivered_is_said_with_the_link_to_pass_on(practice):
    payment = await practice.owed(await practice.priced(when=When.AFTER))
    link = f"{practice.origin}/pay#{practice.billing.invoices.pay_token(payment)}"
    assert link not in (await page(practice))[1]
    await failed(practice, payment)
    _, html = await page(practice)
    assert "The payment request could not be delivered to the patient&#39;s address: pass the link on yourself." in html
    assert f'<input readonly value="{link}" aria-label="Payment link (Jeanne Dupont)">' in html
    assert "Transmettez vous-même le lien" in (await page(practice, language="fr"))[1]


async def test_a_patient_without_an_address_is_said_with_the_link_to_pass_on(practice):
    payment = await practice.owed(await practice.priced(when=When.AFTER))
    async with practice.till.database.transaction() as tx:
        await tx.execute(update(payments).values(patient_email=None))
    _, html = await page(practice)
    assert "The patient left no e-mail address: pass the link on yourself." in html
    assert practice.billing.invoices.pay_token(payment) in html


async def test_a_receipt_that_could_not_be_delivered_is_said_and_nothing_is_to_be_paid(practice):
    payment = await practice.paid(await practice.priced())
    await failed(practice, payment)
    _, html = await page(practice)
    assert "The receipt could not be delivered to the patient&#39;s address: pass it on yourself." in html
    assert "/pay#" not in html


async def test_what_nobody_has_to_pay_or_to_pass_on_is_not_told(practice):
    payment = await practice.owed(await practice.priced(when=When.AFTER))
    await practice.billing.invoices.cancel(payment, practice.at)
    await failed(practice, payment)
    _, html = await page(practice)
    assert "could not be delivered" not in html
