"""What must be true when a life is over: the facts, our rows, the operations, the ledger and the sandbox agree."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Row, Table, select

from billing.agreement import Payment
from billing.chain import verify
from billing.hold import HoldState
from billing.invoice import same_as_invoiced
from billing.io.money_tables import (
    differences,
    entries,
    gateway_operations,
    holds,
    notices,
    postings,
    receipt_series,
    receipts,
    refunds,
)
from billing.meter import replay
from billing.operation import OperationState
from billing.payment import PaymentState
from notify.io.tables import letters
from store.io.tables import due_jobs, outbox
from tests.billing.crash.life import Life
from tests.billing.crash.plan import CALL, CONSULTATION, Kind, Plan

_ENDED = {HoldState.CAPTURED, HoldState.RELEASED, HoldState.EXPIRED}
_OURS = {"book capture", "book refund"}

Found = Iterator[str]


class Audit:
    """`findings` lists what is wrong; nothing, if all is well."""

    def __init__(self, life: Life, books: dict[str, list[dict[str, Any]]]) -> None:
        self._life, self._plan = life, life.plan
        # What was held and not taken stands among the refunds too, without a movement of money.
        self._theirs = {**books, "Refund": [one for one in books["Refund"] if one.get("balance_transaction")]}
        self._ours: dict[str, list[Row[Any]]] = {}

    async def findings(self) -> list[str]:
        tables = (
            *(holds, refunds, gateway_operations, postings, entries, receipts, receipt_series),
            *(notices, letters, outbox, due_jobs, differences),
        )
        async with self._life.database.reading() as tx:
            for table in tables:
                self._ours[table.name] = list((await tx.execute(select(table))).all())
        payment = await self._life.billing.invoices.payment_of(CONSULTATION)
        if payment is None:
            return ["nobody has agreed"]
        found = [
            *await self._seconds(payment),
            *self._money(payment),
            *self._operations(),
            *self._attempts(),
            *self._ledger(),
            *self._receipts(),
            *self._rest(),
        ]
        return [*found, *self._history()] if found else []

    def _history(self) -> Found:
        """Tell how it came to this: what was asked of the provider, and what the rows say."""
        for row in sorted(self._rows(gateway_operations), key=lambda row: row.created_at):
            yield f"    {row.created_at:%d %X} {row.kind} {row.subject} {row.state} {row.tries} {row.refusal}"
        for row in sorted(self._rows(holds), key=lambda row: row.created_at):
            yield f"    {row.created_at:%d %X} {row.id} {row.purpose} {row.state} {row.amount} {row.captured}"

    def _rows(self, table: Table) -> list[Row[Any]]:
        return self._ours[table.name]

    # -- seconds ---------------------------------------------------------------------------------------------

    async def _seconds(self, payment: Payment) -> list[str]:
        plan, facts = self._plan, await self._life.facts.rows_of(CALL)
        if plan.kind is Kind.NO_SHOW:
            return [] if not facts else ["facts of a call that never was"]
        told = plan.facts()
        found = []
        if [(row.boot, row.seq) for row in facts] != [(fact.stamp.boot, fact.stamp.seq) for fact in told]:
            found.append("the facts are not those that were said, each once and in order")
        if not verify(CALL, facts).intact:
            found.append("the chain is broken")
        heard = replay(await self._life.facts.facts_of(CALL))
        if (heard.billable_ms, payment.seconds) != (plan.seconds * 1000, plan.seconds):
            found.append(f"{heard.billable_ms} ms metered, {payment.seconds} s invoiced, {plan.seconds} s were true")
        if payment.heads != {CALL: facts[-1].hash.hex()}:
            found.append("the invoice names another head of the chain")
        if not same_as_invoiced(payment, await self._life.billing.invoices.recompute(payment.id)):
            found.append("computed anew the invoice is another")
        return found

    # -- money -----------------------------------------------------------------------------------------------

    def _money(self, payment: Payment) -> Found:
        plan = self._plan
        back = sum(row.amount for row in self._rows(refunds) if row.state == "succeeded")
        sums = {
            "payment": (payment.paid, payment.refunded),
            "rows": (sum(row.captured for row in self._rows(holds)), back),
            "ledger": (-self._booked("captured", "patient:"), self._booked("refunded", "earned:")),
            "sandbox": (
                sum(charge["captured"] for charge in self._theirs["Charge"]),
                sum(refund["amount"] for refund in self._theirs["Refund"] if refund["status"] == "succeeded"),
            ),
        }
        if set(sums.values()) != {(plan.due, plan.given_back)}:
            yield f"taken and given back: {sums}, expected {(plan.due, plan.given_back)}"
        if payment.due != plan.due:
            yield f"due {payment.due}, expected {plan.due}"
        if payment.state is not _final(plan):
            yield f"the payment is {payment.state}, expected {_final(plan)}"

    def _booked(self, kind: str, accounts: str) -> int:
        """Return what the postings of a kind moved on these accounts: what the patient paid, what was not earned."""
        named = {row.id for row in self._rows(postings) if row.kind == kind}
        moved = [row for row in self._rows(entries) if row.posting in named and row.account.startswith(accounts)]
        return sum(row.amount for row in moved)

    # -- operations and what they did ------------------------------------------------------------------------

    def _operations(self) -> Found:
        for row in self._rows(gateway_operations):
            if row.state not in {OperationState.DONE, OperationState.REFUSED, OperationState.LOST}:
                yield f"{row.kind} is left {row.state}"
            if row.state == OperationState.DONE:
                effects = self._effects(row.kind, row.subject)
                if effects != 1:
                    yield f"{row.kind} is done and had {effects} effects"
        done = Counter(
            (row.kind, row.subject) for row in self._rows(gateway_operations) if row.state == OperationState.DONE
        )
        yield from (f"{kind} was done {count} times" for (kind, _), count in done.items() if count > 1)
        performed = [one for one in self._theirs["Performed"] if one["status"] == 200]
        for path in ("capture", "increment_authorization", "cancel"):
            times = Counter(one["path"] for one in performed if one["path"].endswith(f"/{path}"))
            yield from (f"{path} was carried out {count} times" for count in times.values() if count > 1)
        made = {row.subject for row in self._rows(gateway_operations)}
        for kind in ("PaymentIntent", "SetupIntent", "Refund", "Account"):
            names = Counter(one["metadata"]["reference"] for one in self._theirs[kind])
            yield from (f"{kind} made {count} times for one row" for count in names.values() if count > 1)
            yield from (f"{kind} of nobody" for name in names if name not in made)

    def _effects(self, kind: str, subject: str) -> int:
        if kind == "CreateAccount":
            return sum(one["metadata"]["reference"] == subject for one in self._theirs["Account"])
        if kind == "RefundCharge":
            return sum(one["metadata"]["reference"] == subject for one in self._theirs["Refund"])
        made = [*self._theirs["PaymentIntent"], *self._theirs["SetupIntent"]]
        mine = [one for one in made if one["metadata"]["reference"] == subject]
        if kind in {"AuthoriseCard", "SaveCard"}:
            return len(mine)
        wanted = {"CaptureHold": "succeeded", "ReleaseHold": "canceled", "IncreaseHold": ""}[kind]
        return sum(one["status"] == wanted or not wanted for one in mine)

    def _attempts(self) -> Found:
        theirs = {one["id"]: one for one in (*self._theirs["PaymentIntent"], *self._theirs["SetupIntent"])}
        for hold in self._rows(holds):
            kept = hold.purpose == "card" and hold.state == HoldState.HELD
            if hold.state not in _ENDED and not kept:
                yield f"a hold is left {hold.state} ({hold.purpose})"
            intent = theirs.get(hold.intent)
            if intent is None:
                yield f"a hold ({hold.state}) has no intent of the sandbox"
            elif hold.state == HoldState.CAPTURED and intent["received"] != hold.captured:
                yield "a hold was captured by another amount"
        for intent in theirs.values():
            if intent["status"] not in {"succeeded", "canceled"}:
                yield f"the sandbox has an intent that is {intent['status']}"

    # -- books -----------------------------------------------------------------------------------------------

    def _ledger(self) -> Found:
        sums: Counter[str] = Counter()
        for row in self._rows(entries):
            sums[row.posting] += row.amount
        if any(sums.values()):
            yield "entries that do not sum to zero"
        for account in self._theirs["Account"]:
            moved = [one for one in self._theirs["BalanceTransaction"] if one["account"] == account["id"]]
            mirrored = sum(row.amount for row in self._rows(entries) if row.account == f"balance:{account['id']}")
            balance = sum(one["amount"] - one["application_fee"] - one["stripe_fee"] for one in moved)
            if mirrored != balance:
                yield f"the books have {mirrored} on the account, the sandbox {balance}"
            booked = Counter(row.gateway_transaction for row in self._rows(postings) if row.gateway_transaction)
            for one in moved:
                if booked[one["id"]] != 1:
                    yield f"a {one['type']} was booked {booked[one['id']]} times"
        claims = sum(row.kind == "invoiced" for row in self._rows(postings))
        if claims != bool(self._plan.due):
            yield f"the claim was booked {claims} times"

    def _receipts(self) -> Found:
        expected = {"receipt": int(self._plan.due > 0), "credit_note": len(self._rows(refunds))}
        kinds = Counter(row.kind for row in self._rows(receipts))
        if kinds != Counter({kind: count for kind, count in expected.items() if count}):
            yield f"receipts {dict(kinds)}, expected {expected}"
        for series in self._rows(receipt_series):
            numbers = sorted(row.number for row in self._rows(receipts) if row.series == series.series)
            if numbers != list(range(1, series.last + 1)):
                yield f"receipts are numbered {numbers}, the series has come to {series.last}"
        keys = Counter(row.key for row in self._rows(letters))
        asked = [key for key in keys if key.startswith("pay_link:")]
        told = {key.partition(":")[2] for key in keys if key.startswith("receipt:")}
        if told != {row.id for row in self._rows(receipts)} or max(keys.values(), default=1) > 1:
            yield f"letters {dict(keys)} for {len(self._rows(receipts))} receipts"
        if len(asked) != (self._plan.kind is Kind.LINK):
            yield f"the patient was asked to pay {len(asked)} times"

    def _rest(self) -> Found:
        waiting = sum(row.handled_at is None for row in self._rows(notices))
        if waiting:
            yield f"{waiting} notices are left"
        if any(not row.delivered for row in self._rows(outbox)):
            yield "facts are left undelivered"
        jobs = Counter(row.kind for row in self._rows(due_jobs) if row.kind in _OURS)
        if jobs:
            yield f"jobs are left: {dict(jobs)}"
        yield from (
            f"difference: {row.kind} {row.ours} {row.theirs}"
            for row in self._rows(differences)
            if row.accepted_at is None and row.gone_at is None
        )


def _final(plan: Plan) -> PaymentState:
    if plan.kind is Kind.DISPUTED:
        return PaymentState.DISPUTED
    if plan.due == 0:
        return PaymentState.NO_PAYMENT
    if plan.given_back == 0:
        return PaymentState.PAID
    return PaymentState.REFUNDED if plan.given_back == plan.due else PaymentState.PARTLY_REFUNDED


async def audited(life: Life) -> list[str]:
    """Let the hour of reconciliation come, then compare everything."""
    life.clock.wait(hours=3)
    await life.turn()
    await life.billing.reconciliation.run(life.at)
    return await Audit(life, life.provider.ask("books")).findings()
