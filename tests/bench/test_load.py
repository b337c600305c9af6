"""The scenarios at tiny sizes against a real server: their own figures must be right."""

import pytest

from bench import browsers, calls, lobby, signalling, soak
from bench.io import pages
from bench.io.context import Context
from bench.io.crowd import Crowd, allow_sockets
from bench.io.target import TargetProblem
from bench.soak import Sample, steady
from tests.bench.scenario import figure, measured
from tests.requirements import missing


async def test_all_who_knock_wait_and_each_costs_something(monkeypatch):
    monkeypatch.setattr(lobby, "_SETTLE", 0.3)
    monkeypatch.setattr(lobby, "_REST", 1.0)
    few = ("--waiting", "24", "--practitioners", "4", "--desks", "2", "--list", "5", "--at-once", "4")
    result = await measured(lobby, *few)
    assert figure(result, "patients who wait") == 24
    assert figure(result, "sockets lost while waiting") == 0
    assert figure(result, "memory per session") is not None
    assert figure(result, "one list of 5: sent to the desk") > 0
    assert result.tables == []
    assert result.charts[0].series[0].points[-1][0] == 24


async def test_one_list_may_be_longer_than_one_consultation_has_room_for(server, monkeypatch):
    monkeypatch.setattr(lobby, "_SETTLE", 0.3)
    monkeypatch.setattr(lobby, "_REST", 0.3)
    context = Context(url=server.url, key=server._key)
    few = ("--waiting", "1", "--desks", "1", "--list", "12", "--at-once", "1")
    assert figure(await measured(lobby, *few, context=context), "one list of 12: sent to the desk") > 0
    with pytest.raises(TargetProblem, match=r"Patient 6 .* does not wait \(\w+\)"):
        await measured(lobby, *few, "--per-consultation", "12", context=context)


async def test_a_desk_that_is_told_of_nobody_is_said_so(server, monkeypatch):
    async def nobody(self, invitation, name):
        return None

    monkeypatch.setattr(Crowd, "knock", nobody)
    monkeypatch.setattr(lobby, "_PATIENCE", 0.2)
    with pytest.raises(TargetProblem, match="told of no patient"):
        await measured(lobby, "--list", "1", context=Context(url=server.url, key=server._key))


async def test_who_is_not_let_in_is_counted_with_the_servers_reason(server):
    planned = await server.plan()
    async with Crowd(server.url) as crowd:
        await crowd.knock("x" * 43, "Alex")
        await crowd.knock(planned.invitation, "Alex")
    assert crowd.arrivals.failures == {"not_found": 1}
    assert len(crowd.arrivals.times) == 1


async def test_more_sockets_than_may_be_opened_are_refused_in_a_sentence():
    with pytest.raises(TargetProblem, match="ulimit"):
        allow_sockets(10**9)


async def test_every_message_is_acknowledged_below_the_servers_limit(server):
    context = Context(url=server.url, key=server._key)
    result = await measured(signalling, "--sessions", "2,4", "--rate", "10", "--seconds", "2", context=context)
    assert [row[0] for row in result.tables[0].rows] == [2, 4]
    assert figure(result, "sessions lost") == 0
    best = figure(result, "most messages acknowledged")
    assert best <= 4 * 10 * 1.5
    assert figure(result, "round trip then, p99") >= figure(result, "round trip then, p50") > 0


async def test_above_the_servers_limit_lost_sessions_are_told(server):
    context = Context(url=server.url, key=server._key)
    result = await measured(signalling, "--sessions", "2", "--rate", "60", "--seconds", "4", context=context)
    assert figure(result, "sessions lost") == 2
    assert any("more than it takes" in note for note in result.notes)


async def test_a_soak_looks_at_both_kinds_of_processes():
    result = await measured(soak, "--duration", "8", "--calls", "2", "--talk", "1", "--practitioners", "2")
    names = {row[0] for row in result.tables[0].rows}
    assert {"web: memory, MB", "web: descriptors", "workers: memory, MB", "workers: threads", "legs"} <= names
    assert figure(result, "calls that went well") >= 4


def test_a_soak_leaves_out_the_ramp_and_the_end():
    samples = [Sample(float(at), {}) for at in range(101)]
    during = steady(samples, talk=10, duration=100)
    assert (during[0].at, during[-1].at) == (25, 90)


@pytest.mark.browser
async def test_two_pages_see_each_others_clocks():
    if reason := pages.why_not():
        missing(reason)
    result = await measured(browsers, "--seconds", "2", "--practitioners", "1", "--size", "320x180", "--rate", "15")
    assert figure(result, "pairs that saw each other") == 1
    assert figure(result, "glass to glass, p50") > 0
    assert figure(result, "frames whose clock could not be read") < 50
    assert figure(result, "admit → first frame, p50") > 0


@pytest.mark.parametrize("scenario", [calls, lobby, signalling, soak])
async def test_a_wrong_key_is_one_sentence(scenario, server):
    with pytest.raises(TargetProblem, match="does not know this key"):
        await measured(scenario, context=Context(url=server.url, key="vsv_" + "x" * 40))
