"""Calls of which billing did not hear at first, on both databases: what is published here nobody hears."""

from store.facts import CallEnded, CallOpened, ConsultationCancelled, Fact
from store.ids import CallId, Prefix
from store.io.entropy import new_id
from tests.billing.till import Till


async def say(till: Till, *facts: Fact) -> None:
    async with till.outbox.committing() as tx:
        for fact in facts:
            await till.outbox.add(tx, fact)
    await till.outbox.deliver()


async def test_a_call_whose_beginning_and_end_were_missed_is_billed_all_the_same(till: Till):
    consultation, call = await till.held(), CallId(new_id(Prefix.CALL))
    await say(till, CallOpened(call, consultation, till.at))
    await till.billing.run(till.at)
    await till.billing.facts.append(till.story(call, 600))
    till.wait(seconds=600)
    await say(till, CallEnded(call, consultation, "hung_up", till.at))
    await till.billing.run(till.at)
    payment = await till.invoices.confirm(consultation, None, till.at)
    assert (payment.seconds, payment.due) == (600, 2000)


async def test_what_another_process_had_heard_before_it_ended_changes_nothing(till: Till):
    consultation = await till.held()
    call = await till.talk(consultation, 600)
    await till.invoices.confirm(consultation, None, till.at)
    before = await till.payment(consultation)
    await say(till, CallOpened(call, consultation, till.at), CallEnded(call, consultation, "hung_up", till.at))
    await till.process().run(till.at)
    assert await till.payment(consultation) == before


async def test_what_was_held_for_a_consultation_whose_cancelling_was_missed_is_freed(till: Till):
    consultation = await till.held()
    await say(till, ConsultationCancelled(consultation, till.at))
    await till.billing.run(till.at)
    await till.billing.run(till.at)
    assert [intent.state for intent in till.gateway.intents.values()] == ["canceled"]
