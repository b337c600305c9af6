"""The sandbox under any sequence of requests and any passing of time: money neither appears nor vanishes."""

from collections import defaultdict
from contextlib import suppress
from datetime import UTC, datetime

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule

from billing.sandbox import accounts, records
from billing.sandbox.cards import ALIASES
from billing.sandbox.errors import ApiError
from billing.sandbox.states import PAYMENT_INTENT
from tests.billing.sandbox_desk import Desk

ENDED = {"succeeded", "canceled"}


class SandboxMachine(RuleBasedStateMachine):
    intents = Bundle("intents")

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk(datetime(2026, 3, 28, 9, 30, tzinfo=UTC))
        self.seen: dict[str, str] = {}
        self.answers: dict[str, object] = {}

    @rule(target=intents, amount=st.integers(50, 50_000), card=st.sampled_from([*ALIASES, ""]), at_once=st.booleans())
    def authorise(self, amount: int, card: str, at_once: bool) -> object:
        more = {"capture_method": "automatic", "application_fee_amount": amount // 10} if at_once else {}
        answer = self.desk.intent(amount, card, **more)
        made = answer.get("error", {}).get("payment_intent", answer)
        return made["id"] if made.get("id") else multiple()

    @rule(intent=intents, card=st.sampled_from(list(ALIASES)))
    def confirm(self, intent: str, card: str) -> None:
        self.desk.act({"id": intent}, "confirm", payment_method=card)

    @rule(intent=intents, success=st.booleans())
    def authenticate(self, intent: str, success: bool) -> None:
        if self.desk.now({"id": intent})["status"] == "requires_action":
            with suppress(ApiError):  # what is said is not the matter here, but what stays
                self.desk.authenticate({"id": intent}, success=success)

    @rule(intent=intents, amount=st.integers(1, 60_000), fee=st.integers(0, 7_000), key=st.sampled_from(["", "a", "b"]))
    def capture(self, intent: str, amount: int, fee: int, key: str) -> None:
        parameters = {"amount_to_capture": amount, "application_fee_amount": fee}
        self.desk.post(f"/v1/payment_intents/{intent}/capture", parameters, key=key)

    @rule(intent=intents, amount=st.integers(1, 60_000))
    def increase(self, intent: str, amount: int) -> None:
        self.desk.act({"id": intent}, "increment_authorization", amount=amount)

    @rule(intent=intents)
    def cancel(self, intent: str) -> None:
        self.desk.act({"id": intent}, "cancel")

    @rule(intent=intents, amount=st.integers(1, 60_000), fee_too=st.booleans())
    def refund(self, intent: str, amount: int, fee_too: bool) -> None:
        asked = {"payment_intent": intent, "amount": amount, "refund_application_fee": str(fee_too).lower()}
        self.desk.post("/v1/refunds", asked)

    @rule(verdict=st.sampled_from(["winning_evidence", "losing_evidence", ""]))
    def dispute(self, verdict: str) -> None:
        for found in self.desk.get("/v1/disputes", {"limit": 100}).body["data"]:
            self.desk.post(f"/v1/disputes/{found['id']}", {"evidence[uncategorized_text]": verdict})

    @rule(hours=st.integers(1, 24 * 9))
    def wait(self, hours: int) -> None:
        self.desk.pass_time(hours=hours)

    @rule(item=st.sampled_from(accounts.DUE_AT_FIRST))
    def give(self, item: str) -> None:
        accounts.give(self.desk.books, self.desk.account, item, self.desk.at)

    @invariant()
    def no_more_is_taken_than_held_nor_returned_than_taken(self) -> None:
        for charge in self.desk.books.all(records.Charge):
            assert 0 <= charge.refunded <= charge.captured <= charge.amount
            assert 0 <= charge.fee_refunded <= charge.fee <= charge.captured
            assert not (charge.lapsed and charge.captured)
            assert not (charge.failed and charge.captured)

    @invariant()
    def a_charge_is_taken_once_at_most(self) -> None:
        taken: dict[str, int] = defaultdict(int)
        for transaction in self.desk.books.transactions:
            if transaction.type == "charge":
                taken[transaction.source] += 1
        assert all(times == 1 for times in taken.values())

    @invariant()
    def what_came_in_is_what_lies_there_or_went_out(self) -> None:
        books = self.desk.books
        charges, disputes = list(books.all(records.Charge)), list(books.all(records.Dispute))
        given = sum(charge.captured - charge.refunded for charge in charges)
        given -= sum(dispute.amount for dispute in disputes if dispute.status != "won")
        fees = sum(transaction.stripe_fee for transaction in books.transactions)
        sent = sum(payout.amount for payout in books.all(records.Payout) if payout.status != "failed")
        assert self.desk.balance() + self.desk.balance("") == given - fees - sent

    @invariant()
    def the_platform_has_its_fees(self) -> None:
        books = self.desk.books
        earned = sum(charge.fee - charge.fee_refunded for charge in books.all(records.Charge))
        sent = sum(payout.amount for payout in books.of(records.Payout, ""))
        assert self.desk.balance("") == earned - sent

    @invariant()
    def an_ended_intent_stays_as_it_is(self) -> None:
        for intent in self.desk.books.intents:
            before = self.seen.get(intent.id, intent.status)
            assert before not in ENDED or before == intent.status
            self.seen[intent.id] = intent.status
            assert (intent.capturable > 0) == (intent.status == "requires_capture")
            assert (intent.received > 0) == (intent.status == "succeeded")

    @invariant()
    def a_payout_is_the_sum_of_its_parts(self) -> None:
        books = self.desk.books
        parts: dict[str, int] = defaultdict(int)
        for transaction in books.transactions:
            if transaction.payout and transaction.type != "payout":
                parts[transaction.payout] += transaction.net
        assert all(parts[payout.id] == payout.amount for payout in books.all(records.Payout))


SandboxMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestSandboxMachine = SandboxMachine.TestCase


def test_no_transition_leads_out_of_an_ended_intent() -> None:
    assert not any(state in ENDED for state, _event in PAYMENT_INTENT)
