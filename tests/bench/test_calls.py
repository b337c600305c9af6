import asyncio

from bench import calls
from bench.io.context import Context
from bench.io.target import Target, TargetProblem
from tests.bench.scenario import figure, measured


async def test_whole_consultations_are_held_and_metered_as_they_were_talked():
    result = await measured(
        calls, "--calls", "2", "--ramp", "1", "--talk", "3", "--duration", "8", "--practitioners", "2"
    )
    assert figure(result, "calls that went well") >= 3
    assert result.tables == []
    talked = figure(result, "talked")
    assert talked >= 9
    assert abs(figure(result, "billing error, all calls")) < 0.1 * talked
    assert figure(result, "admit → first packet at both, p50") > 0
    assert figure(result, "packets lost") < 5
    assert result.complete


async def test_a_dead_network_in_mid_call_is_neither_talked_nor_billed():
    result = await measured(calls, "--calls", "1", "--talk", "12", "--silence", "6", "--practitioners", "1")
    assert figure(result, "calls that went well") == 1
    talked = figure(result, "talked")
    assert talked < 9
    assert abs(figure(result, "billing error, all calls")) < 1.5


async def test_a_call_that_fails_is_counted_with_its_reason(monkeypatch):
    plan = calls.Practice.plan

    async def refusing(self, index):
        if index == 1:
            raise TargetProblem("The server refused.")
        return await plan(self, index)

    monkeypatch.setattr(calls.Practice, "plan", refusing)
    result = await measured(calls, "--calls", "2", "--ramp", "0", "--talk", "1", "--practitioners", "1")
    assert figure(result, "calls that went well") == 1
    assert result.tables[0].rows == [["The server refused.", 1]]


async def test_a_server_elsewhere_tells_what_it_has_metered(server):
    result = await measured(calls, "--calls", "1", "--talk", "2", context=Context(url=server.url, key=server._key))
    assert figure(result, "talked") > 1.5
    assert abs(figure(result, "billing error, all calls")) < 1


async def test_what_a_server_does_not_tell_is_not_guessed(server, monkeypatch):
    async def silent(self, consultation):
        return None

    monkeypatch.setattr(Target, "metered", silent)
    result = await measured(calls, "--calls", "1", "--talk", "1", context=Context(url=server.url, key=server._key))
    bill = next(figure for figure in result.summary if figure.name == "billing error, all calls")
    assert bill.value is None
    assert "does not tell" in bill.note


async def test_an_interruption_ends_the_talk_and_tells_what_was_done():
    context = Context()
    asyncio.get_running_loop().call_later(6, context.stopping.set)
    result = await measured(calls, "--calls", "1", "--talk", "60", "--practitioners", "1", context=context)
    assert not result.complete
    assert figure(result, "talked") < 30
