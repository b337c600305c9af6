"""The sandbox as a server: it stays on this machine, remembers, and sends webhooks in any weather."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from sqlite3 import OperationalError

import pytest
import stripe
from aiohttp import web as aioweb

from billing.gateway import AuthoriseCard, CaptureHold, CreateAccount, IntentState
from billing.sandbox import records
from billing.sandbox.errors import ApiError
from billing.sandbox.io.gateway import SandboxGateway
from billing.sandbox.io.server import NotLoopback, Sandbox

Start = Callable[..., Awaitable[Sandbox]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Starts sandboxes that end with the test."""
    running: list[Sandbox] = []

    async def begin(path: Path | None = None, *rest: Callable[[], datetime]) -> Sandbox:
        sandbox = Sandbox()
        await sandbox.start(path, *rest)
        running.append(sandbox)
        return sandbox

    yield begin
    for sandbox in running:
        await sandbox.close()


async def practitioner(sandbox: Sandbox) -> str:
    gateway = sandbox.gateway()
    made = await gateway.perform(CreateAccount("p1", "p@practice.example", "FR", "EUR"), "account")
    await gateway.close()
    return made.id


async def hold(sandbox: Sandbox, account: str, key: str = "hold") -> str:
    gateway = sandbox.gateway()
    made = await gateway.perform(AuthoriseCard(account, key, 10_000, "EUR", capture=False), key)
    sandbox.enter_card(made.id)
    await gateway.close()
    return made.id


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::"])
async def test_it_listens_on_this_machine_only(host: str) -> None:
    with pytest.raises(NotLoopback):
        await Sandbox().start(host=host)


async def test_a_port_that_is_taken_is_said_and_nothing_is_left_open(start: Start, tmp_path: Path) -> None:
    taken = int((await start()).url.rpartition(":")[2])
    with pytest.raises(OSError, match="address already in use"):
        await Sandbox().start(tmp_path / "state", port=taken)
    await start(tmp_path / "state")


async def test_a_restart_finds_holds_keys_and_answers_again(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "sandbox.sqlite3"
    first = Sandbox()
    await first.start(path)
    account = await practitioner(first)
    name = await hold(first, account)
    first.advance(timedelta(hours=2))
    before = (first.secret_key, first.publishable_key, first.webhook_secrets, first.books.operations)
    await first.close()

    second = await start(path)
    assert (second.secret_key, second.publishable_key, second.webhook_secrets, second.books.operations) == before
    assert second.now() > datetime.now(UTC) + timedelta(hours=1, minutes=59)
    gateway = second.gateway()
    assert (await gateway.find(account, name)).state is IntentState.HELD
    again = await gateway.perform(AuthoriseCard(account, "hold", 10_000, "EUR", capture=False), "hold")
    assert again.id == name
    assert len(second.books.intents) == 1
    await gateway.perform(CaptureHold(account, name, 10_000, "EUR", 1_200), "capture")
    assert second.books.balance(account, "eur") == 8_625
    await gateway.close()


UNTIL_KILLED = """
import asyncio, sys
from pathlib import Path
from billing.sandbox.io.gateway import SandboxGateway
from billing.sandbox.io.server import Sandbox

async def main():
    sandbox = Sandbox()
    await sandbox.start(Path(sys.argv[1]))
    print(sandbox.url, sandbox.secret_key, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_what_was_answered_outlives_a_kill(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "sandbox.sqlite3"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", UNTIL_KILLED, str(path), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    url, key = (await process.stdout.readline()).decode().split()
    gateway = SandboxGateway(key, "", webhook_secrets=("", ""), url=url, clock=lambda: datetime.now(UTC))
    account = await gateway.perform(CreateAccount("p1", "p@practice.example", "FR", "EUR"), "account")
    asked = AuthoriseCard(account.id, "row", 10_000, "EUR", capture=False)
    made = await gateway.perform(asked, "hold")
    process.kill()
    await process.wait()
    await gateway.close()

    sandbox = await start(path)
    gateway = sandbox.gateway()
    assert await gateway.perform(asked, "hold") == made
    assert [intent.id for intent in sandbox.books.intents] == [made.id]
    await gateway.close()


async def test_the_file_is_nobody_else_s_and_one_sandbox_has_it(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "sandbox.sqlite3"
    await start(path)
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(OperationalError):
        await Sandbox().start(path)


async def test_the_clock_is_what_it_is_given(start: Start, at: datetime) -> None:
    sandbox = await start(None, lambda: at)
    account = await practitioner(sandbox)
    name = await hold(sandbox, account)
    sandbox.advance(timedelta(days=7))
    assert sandbox.now() == at + timedelta(days=7)
    assert sandbox.books.known(records.PaymentIntent, name).status == "canceled"
    with pytest.raises(ApiError):
        sandbox.advance(timedelta(seconds=-1))


async def test_a_payout_is_made_to_fail(start: Start) -> None:
    sandbox = await start()
    account = await practitioner(sandbox)
    gateway = sandbox.gateway()
    await gateway.perform(CaptureHold(account, await hold(sandbox, account), 10_000, "EUR", 1_200), "capture")
    await gateway.close()
    sandbox.require(account, ())
    sandbox.advance(timedelta(days=7))
    payout = sandbox.fail_next_payout(account)
    sandbox.advance(timedelta(days=2))
    assert sandbox.books.known(records.Payout, payout).status == "failed"
    with pytest.raises(ApiError):
        sandbox.return_payout(payout)


# -- webhooks ------------------------------------------------------------------------------------------------


class Ear:
    """Two endpoints that check signatures; `refusing` answers 500 that often."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str, str]] = []
        self.paid = asyncio.Event()
        self.refusing = 0
        self.secrets = ("", "")

    def app(self) -> aioweb.Application:
        app = aioweb.Application()
        app.add_routes([aioweb.post("/account", self._hear), aioweb.post("/connect", self._hear)])
        return app

    async def _hear(self, request: aioweb.Request) -> aioweb.Response:
        body = await request.read()
        secret = self.secrets[request.path == "/connect"]
        stripe.WebhookSignature.verify_header(body, request.headers["Stripe-Signature"], secret, 300)
        if self.refusing:
            self.refusing -= 1
            return aioweb.Response(status=500)
        event = json.loads(body)
        self.heard.append((event["id"], event["type"], request.path))
        if event["type"] == "payment_intent.succeeded":
            self.paid.set()
        return aioweb.Response()

    def types(self, path: str) -> list[str]:
        return [kind for _name, kind, where in self.heard if where == path]


@pytest.fixture
async def ear(aiohttp_server: Callable[[aioweb.Application], Awaitable[object]]) -> tuple[Ear, str]:
    ear = Ear()
    server = await aiohttp_server(ear.app())
    return ear, str(server.make_url("/"))  # type: ignore[attr-defined]


async def listening(start: Start, ear: tuple[Ear, str], *, paused: bool = True) -> Sandbox:
    sandbox = await start()
    ear[0].secrets = sandbox.webhook_secrets
    sandbox.weather.paused = paused
    sandbox.set_webhook_urls(f"{ear[1]}account", f"{ear[1]}connect")
    return sandbox


async def captured(sandbox: Sandbox) -> None:
    account = await practitioner(sandbox)
    gateway = sandbox.gateway()
    name = await hold(sandbox, account)
    await gateway.perform(CaptureHold(account, name, 10_000, "EUR", 1_200), "capture")
    await gateway.close()


async def test_events_go_signed_to_the_endpoint_they_belong_to(start: Start, ear: tuple[Ear, str]) -> None:
    sandbox = await listening(start, ear)
    await captured(sandbox)
    assert ear[0].heard == []
    sandbox.weather.paused = False
    await sandbox.flush_webhooks()
    assert "payment_intent.succeeded" in ear[0].types("/connect")
    assert ear[0].types("/account") == ["application_fee.created"]
    heard = len(ear[0].heard)
    await sandbox.flush_webhooks()
    assert len(ear[0].heard) == heard


async def test_events_come_by_themselves(start: Start, ear: tuple[Ear, str]) -> None:
    sandbox = await listening(start, ear, paused=False)
    await captured(sandbox)
    await asyncio.wait_for(ear[0].paid.wait(), 20)


async def test_events_come_doubled_and_shuffled_when_told_so(start: Start, ear: tuple[Ear, str]) -> None:
    sandbox = await listening(start, ear)
    await captured(sandbox)
    made = [event.id for event in sandbox.books.all(records.Event)]
    sandbox.weather.copies, sandbox.weather.shuffled, sandbox.weather.paused = 2, True, False
    await sandbox.flush_webhooks()
    heard = [name for name, _kind, _path in ear[0].heard]
    assert sorted(heard) == sorted(made * 2)
    assert list(dict.fromkeys(heard)) != made


async def test_events_are_lost_when_told_so(start: Start, ear: tuple[Ear, str]) -> None:
    sandbox = await listening(start, ear)
    await captured(sandbox)
    sandbox.weather.drop, sandbox.weather.paused = 1.0, False
    await sandbox.flush_webhooks()
    assert ear[0].heard == []
    assert not any(event.waiting for event in sandbox.books.all(records.Event))


async def test_what_an_endpoint_refuses_comes_again(start: Start, ear: tuple[Ear, str]) -> None:
    sandbox = await listening(start, ear)
    await captured(sandbox)
    made = len(list(sandbox.books.all(records.Event)))
    ear[0].refusing = 3
    sandbox.weather.paused = False
    await sandbox.flush_webhooks()
    assert len(ear[0].heard) == made - 3
    await sandbox.flush_webhooks()
    assert len({name for name, _kind, _path in ear[0].heard}) == made


async def test_what_was_not_sent_is_sent_after_a_restart(start: Start, ear: tuple[Ear, str], tmp_path: Path) -> None:
    first = Sandbox()
    await first.start(tmp_path / "state")
    await captured(first)
    made = {event.id for event in first.books.all(records.Event)}
    await first.close()
    second = await start(tmp_path / "state")
    ear[0].secrets = second.webhook_secrets
    second.set_webhook_urls(f"{ear[1]}account", f"{ear[1]}connect")
    await second.flush_webhooks()
    assert {name for name, _kind, _path in ear[0].heard} == made


async def test_every_id_says_that_it_is_no_real_one(start: Start) -> None:
    sandbox = await start()
    await captured(sandbox)
    kinds = (records.Account, records.PaymentIntent, records.Charge, records.Customer, records.BalanceTransaction)
    made = [record.id for kind in (*kinds, records.Event) for record in sandbox.books.all(kind)]
    assert len(made) > len(kinds)
    assert all(name.startswith("sbx_") for name in made)
