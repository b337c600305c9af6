"""A deployment whose consultations cost something, with everything that a test may look at from outside it.

Its payment provider is the sandbox that `visavis up` starts by itself; only the key to it was chosen by the test.
"""

import asyncio
import email
import os
import re
import secrets
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import aiohttp
from sqlalchemy import insert

from billing.io.fact_log import FactLog
from billing.io.money_tables import billed_calls
from billing.sandbox.io.memory import Memory
from billing.sandbox.records import Install
from store.facts import LegConnected, LegLost, MediaFact, Stamp
from store.ids import CallId, LegId, Prefix, Seat
from store.io.database import Database
from store.io.entropy import new_id
from tests.end_to_end.deployment import COMMAND, Deployment
from tests.end_to_end.people import until

_LISTENING = "0A"
_SPAN = re.compile(r"from (\S+ \S+) to (\S+ \S+) UTC: ([0-9.]+) s")


@dataclass(frozen=True)
class Verified:
    """What `visavis verify` says of a call: whole billable seconds, and the spans as (start, end) in ms of 1970."""

    status: int
    seconds: int
    spans: tuple[tuple[float, float], ...]


class Practice(Deployment):
    """See the module's text."""

    def __init__(self, folder: Path, *, host: str = "127.0.0.1") -> None:
        super().__init__(folder, host=host)
        self._key = f"sk_sandbox_{secrets.token_hex(24)}"

    async def start(self) -> None:
        if not (self.folder / "sandbox.sqlite3").exists():
            self.folder.mkdir(mode=0o700)
            memory = Memory(self.folder / "sandbox.sqlite3")
            memory.save([_install(self._key)])
            memory.close()
        await super().start()
        self._provider = self._find_provider()

    # -- the provider's side -------------------------------------------------------------------------------------

    async def provider(self, method: str, path: str, **fields: str) -> dict[str, Any]:
        """Return what the sandbox's API answers about the practitioner's account."""
        headers = {"Authorization": f"Bearer {self._key}", "Stripe-Account": self.account}
        if path.startswith("/v1/sandbox"):
            del headers["Stripe-Account"]
        where = {"params": fields} if method == "GET" else {"data": fields}
        async with (
            aiohttp.ClientSession(self._provider, headers=headers) as session,
            session.request(method, path, **where) as response,
        ):
            assert response.status == 200, await response.text()
            answer: dict[str, Any] = await response.json()
        return answer

    async def intents(self) -> dict[str, dict[str, Any]]:
        """Return every PaymentIntent there is, by id."""
        listed = await self.provider("GET", "/v1/payment_intents", limit="100")
        assert not listed["has_more"]
        return {one["id"]: one for one in listed["data"]}

    async def let_pass(self, seconds: float) -> None:
        """Put the provider's clock ahead: what it holds lapses."""
        await self.provider("POST", "/v1/sandbox/advance", seconds=str(seconds))

    async def balance(self) -> int:
        """Return what the provider owes the practitioner."""
        told = await self.provider("GET", "/v1/balance")
        return sum(part["amount"] for place in ("available", "pending") for part in told[place])

    # -- our side ------------------------------------------------------------------------------------------------

    @property
    def account(self) -> str:
        """The practitioner's account at the provider."""
        ((account,),) = self.rows("SELECT id FROM accounts WHERE practitioner LIKE 'pra_%'")
        return str(account)

    def rows(self, question: str, *values: str) -> list[tuple[Any, ...]]:
        """Return what the database answers."""
        with closing(sqlite3.connect(f"file:{self.folder / 'visavis.sqlite3'}?mode=ro", uri=True)) as database:
            return list(database.execute(question, values))

    def payment(self, consultation: str) -> dict[str, Any]:
        """Return the row of a consultation's payment."""
        names = ("id", "state", "seconds", "price", "covered", "waived", "due", "paid", "refunded")
        ((*values,),) = self.rows(
            f"SELECT {', '.join(names)} FROM payments WHERE consultation = ?",  # noqa: S608  # our own words
            consultation,
        )
        return dict(zip(names, values, strict=True))

    def holds(self, consultation: str) -> list[dict[str, Any]]:
        """Return the rows of a consultation's holds, oldest first."""
        names = ("intent", "state", "amount", "captured", "fee", "off_session")
        found = self.rows(
            f"SELECT {', '.join(f'h.{name}' for name in names)} FROM holds h JOIN payments p ON p.id = h.payment"  # noqa: S608
            " WHERE p.consultation = ? ORDER BY h.created_at",
            consultation,
        )
        return [dict(zip(names, values, strict=True)) for values in found]

    async def hold_states(self, consultation: str, *states: str) -> None:
        """Wait until a consultation's holds, oldest first, are in these states."""

        async def they_are() -> bool:
            return [hold["state"] for hold in self.holds(consultation)] == list(states)

        await until(they_are, f"holds {states}")

    def booked(self, account: str) -> int:
        """Return the balance of an account in the ledger."""
        ((total,),) = self.rows("SELECT coalesce(sum(amount), 0) FROM entries WHERE account = ?", account)
        return int(total)

    def calls(self, consultation: str) -> list[str]:
        """Return a consultation's calls, oldest first."""
        asked = "SELECT call FROM billed_calls WHERE consultation = ? ORDER BY opened_at"
        return [str(call) for (call,) in self.rows(asked, consultation)]

    async def has_last_facts(self, consultation: str) -> None:
        """Wait until the worker has told how the calls ended, which takes it a fraction of a second."""
        asked = "SELECT kind, boot, leg FROM meter_facts WHERE call = ? ORDER BY number"

        async def all_lost() -> bool:
            facts = self.rows(asked, self.calls(consultation)[-1])
            there: set[str] = set()
            for kind, boot, leg in facts:
                if boot == facts[-1][1] and kind in {"LegConnected", "LegLost"}:
                    there ^= {leg}
            return bool(facts) and not there

        await until(all_lost, "the last facts of the call")

    def as_if_asked_earlier(self, consultation: str) -> None:
        """Let the minute pass in which a patient is not asked to pay again."""
        with closing(sqlite3.connect(self.folder / "visavis.sqlite3", timeout=10)) as database, database:
            asked = "SELECT asked_at FROM payments WHERE consultation = ?"
            ((before,),) = database.execute(asked, (consultation,))
            earlier = (datetime.fromisoformat(before) - timedelta(minutes=2)).isoformat(" ")
            database.execute("UPDATE payments SET asked_at = ? WHERE consultation = ?", (earlier, consultation))

    async def as_if_talked(self, consultation: str, seconds: int) -> None:
        """Record an earlier call of so many billable seconds: nobody wants to wait until a hold is used up."""
        database = await Database.open(f"sqlite:///{self.folder / 'visavis.sqlite3'}")
        try:
            call, end = CallId(new_id(Prefix.CALL)), datetime.now(UTC)
            start = end - timedelta(seconds=seconds)
            await FactLog(database).append(_talk(call, start, end))
            ended = {"tariff": self._tariff(consultation), "opened_at": start, "ended_at": end, "reason": "hung_up"}
            async with database.transaction() as tx:
                await tx.execute(insert(billed_calls).values(call=call, consultation=consultation, **ended))
        finally:
            await database.close()

    def _tariff(self, consultation: str) -> str:
        ((tariff,),) = self.rows("SELECT tariff FROM prices WHERE consultation = ?", consultation)
        return str(tariff)

    async def verify(self, call: str) -> Verified:
        """Return what `visavis verify CALL` says, run beside the web process."""
        process = await asyncio.create_subprocess_exec(
            *(COMMAND, "verify", call, "--data", str(self.folder)),
            env=os.environ | {"LC_ALL": "C.UTF-8"},
            stdout=asyncio.subprocess.PIPE,
        )
        text = (await process.communicate())[0].decode()
        seconds = re.search(r"Billable: (\d+) s", text)
        assert seconds is not None, text
        spans = tuple((_milliseconds(start), _milliseconds(end)) for start, end, _ in _SPAN.findall(text))
        return Verified(process.returncode or 0, int(seconds[1]), spans)

    async def letters(self, to: str, count: int) -> list[tuple[str, str]]:
        """Wait for so many letters to an address; return their subjects and texts, oldest first."""
        found: list[EmailMessage] = []

        async def all_written() -> bool:
            files = sorted((self.folder / "mail").glob("*.eml"), key=lambda path: path.stat().st_mtime)
            read = [email.message_from_bytes(path.read_bytes(), _class=EmailMessage, policy=default) for path in files]
            found[:] = [one for one in read if to in str(one["To"])]
            return len(found) >= count

        await until(all_written, f"{count} letters to {to}")
        assert len(found) == count
        return [(str(one["Subject"]), _text(one)) for one in found]

    def _find_provider(self) -> str:
        """Return the sandbox's address: the other port on which the web process listens."""
        assert self.process is not None
        own = self._sockets_of(self.process.pid)
        lines = Path(f"/proc/{self.process.pid}/net/tcp").read_text().splitlines()[1:]
        listening = [line.split() for line in lines]
        ports = {int(one[1].rpartition(":")[2], 16) for one in listening if one[3] == _LISTENING and one[9] in own}
        (port,) = ports - {self.port}
        return f"http://127.0.0.1:{port}"

    def _sockets_of(self, pid: int) -> set[str]:
        links = [str(path.readlink()) for path in Path(f"/proc/{pid}/fd").iterdir() if path.is_symlink()]
        return {link.removeprefix("socket:[").rstrip("]") for link in links if link.startswith("socket:[")}


def _text(letter: EmailMessage) -> str:
    body = letter.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def _talk(call: CallId, start: datetime, end: datetime) -> list[MediaFact]:
    boot, took = secrets.token_hex(8), int((end - start).total_seconds() * 1000)
    legs = {seat: LegId(new_id(Prefix.LEG)) for seat in Seat}
    began = [
        LegConnected(call, leg, seat, Stamp(boot, number, 0, start))
        for number, (seat, leg) in enumerate(legs.items(), start=1)
    ]
    over = [
        LegLost(call, leg, seat, took, Stamp(boot, number, took, end))
        for number, (seat, leg) in enumerate(legs.items(), start=1 + len(legs))
    ]
    return [*began, *over]


def _install(key: str) -> Install:
    at = datetime.now(UTC)
    return Install(
        id="install",
        created=at,
        secret_key=key,
        publishable_key=f"pk_sandbox_{secrets.token_hex(24)}",
        account_secret=f"whsec_{secrets.token_hex(24)}",
        connect_secret=f"whsec_{secrets.token_hex(24)}",
        settled_until=at,
    )


def _milliseconds(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000
