from bench import metering
from bench.io.context import Context
from tests.bench.scenario import figure, measured


async def test_facts_are_recorded_read_and_replayed():
    result = await measured(metering, "--calls", "50", "--talk", "10", "--workers", "3")
    assert figure(result, "facts recorded") == 10
    for name in ("recording", "a reading after each fact", "on disk", "check of its hash chain"):
        assert figure(result, name) > 0
    assert figure(result, "replay of an hour (732 facts)") > 0
    assert result.complete


async def test_an_interruption_tells_what_was_done(monkeypatch):
    context = Context()
    append, appended = metering.FactLog.append, 0

    async def stop_soon(self, facts):
        nonlocal appended
        appended += 1
        if appended == 3:
            context.stopping.set()
        await append(self, facts)

    monkeypatch.setattr(metering.FactLog, "append", stop_soon)
    result = await measured(metering, "--calls", "50", "--talk", "60", context=context)
    assert not result.complete
    assert figure(result, "recording") > 0
