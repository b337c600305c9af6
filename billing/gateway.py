"""The payment provider as the rest of billing sees it. Over 300 lines: one vocabulary, read as a whole.

Every operation that changes something is a frozen struct, stored with its idempotency key before it is sent, so that
it can be sent again word for word. `account` is the practitioner's connected account: charges are direct charges on it
(https://docs.stripe.com/connect/direct-charges), because only then the practitioner's account pays the card fee.
Amounts are in minor units; the adapter translates for currencies in which Stripe counts otherwise.
"""

from collections.abc import AsyncIterator
from datetime import datetime
from enum import StrEnum
from typing import Protocol

import msgspec


class GatewayRefused(Exception):
    """The provider said no, and nothing was changed. `code` as Stripe's error code, `decline` its decline code."""

    def __init__(self, code: str, decline: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.decline = decline


class GatewayUnclear(Exception):
    """No answer, or one that says nothing (a time-out, a 5xx): it may or may not have happened."""


class GatewayBusy(GatewayUnclear):
    """The provider asks to come back later (429, lock time-out); nothing was changed."""


class NoSuchObject(LookupError):
    """The provider has no object with this id on that account."""


# -- operations: what is asked for ---------------------------------------------------------------------------


class AuthoriseCard(msgspec.Struct, frozen=True, tag=True):
    """A PaymentIntent. `capture` false makes a hold (`capture_method=manual`), true a payment at once.

    Without `payment_method` the patient enters a card on the page (`Intent.client_secret`). With one, and `customer`,
    it is charged off-session and may be refused with `authentication_required`. `reference` is our row's id and comes
    back in `Intent.reference`. `fee` is the application fee of a payment at once; a hold's is set at capture.
    `save_card`: the card may be used later without the patient (`setup_future_usage=off_session`).
    """

    account: str
    reference: str
    amount: int
    currency: str
    capture: bool
    fee: int = 0
    save_card: bool = True
    customer: str = ""
    payment_method: str = ""
    description: str = ""


class SaveCard(msgspec.Struct, frozen=True, tag=True):
    """A SetupIntent: the card is checked and kept, nothing is held yet. The answer is an `Intent` without amounts."""

    account: str
    reference: str
    customer: str = ""


class CaptureHold(msgspec.Struct, frozen=True, tag=True):
    """Take `amount` of a hold (> 0); the rest is freed. `fee`: application fee of the amount."""

    account: str
    intent: str
    amount: int
    currency: str
    fee: int


class IncreaseHold(msgspec.Struct, frozen=True, tag=True):
    """Ask for a higher total. Refused where the card or the account does not allow it."""

    account: str
    intent: str
    amount: int
    currency: str


class ReleaseHold(msgspec.Struct, frozen=True, tag=True):
    """Cancel an intent that is not captured. Cancelling a cancelled one gives its state."""

    account: str
    intent: str


class RefundCharge(msgspec.Struct, frozen=True, tag=True):
    """Give `amount` back, and the application fee in proportion."""

    account: str
    reference: str
    intent: str
    amount: int
    currency: str


class CreateAccount(msgspec.Struct, frozen=True, tag=True):
    """A connected account for a practitioner. The answer is an `Account`."""

    reference: str
    email: str
    country: str
    currency: str


Operation = AuthoriseCard | SaveCard | CaptureHold | IncreaseHold | ReleaseHold | RefundCharge | CreateAccount


# -- objects: what the provider has --------------------------------------------------------------------------


class IntentState(StrEnum):
    """A PaymentIntent's or SetupIntent's status (https://docs.stripe.com/payments/paymentintents/lifecycle)."""

    NEEDS_CARD = "requires_payment_method"
    NEEDS_CONFIRMATION = "requires_confirmation"
    NEEDS_ACTION = "requires_action"
    PROCESSING = "processing"
    HELD = "requires_capture"
    CANCELLED = "canceled"
    SUCCEEDED = "succeeded"


class Intent(msgspec.Struct, frozen=True, tag=True):
    """A PaymentIntent or SetupIntent. `expired`: cancelled by the provider because its time was up.

    `capture_before`: when a hold lapses, as the card network says; never computed. `declined`: the last decline code.
    `charge_transaction`: the charge's balance transaction, once there is one. `card`: brand and last digits.
    """

    id: str
    account: str
    reference: str
    state: IntentState
    amount: int = 0
    currency: str = ""
    capturable: int = 0
    received: int = 0
    fee: int = 0
    client_secret: str = ""
    capture_before: datetime | None = None
    expired: bool = False
    declined: str = ""
    charge: str = ""
    charge_transaction: str = ""
    customer: str = ""
    payment_method: str = ""
    card: str = ""


class Refund(msgspec.Struct, frozen=True, tag=True):
    """A refund; `state` is `pending`, `succeeded`, `failed` or `canceled`."""

    id: str
    account: str
    reference: str
    intent: str
    amount: int
    currency: str
    state: str
    transaction: str = ""


class Dispute(msgspec.Struct, frozen=True, tag=True):
    """A dispute; `state` as Stripe's status: `won`, `lost`, or one of those in which it is open."""

    id: str
    account: str
    intent: str
    amount: int
    currency: str
    state: str
    transactions: tuple[str, ...] = ()


class Account(msgspec.Struct, frozen=True, tag=True):
    """A connected account. `missing`: what the provider asks for, in its words (`individual.verification.document`)."""

    id: str
    reference: str
    can_charge: bool
    can_payout: bool
    missing: tuple[str, ...] = ()
    deadline: datetime | None = None
    currency: str = ""


class BalanceTransaction(msgspec.Struct, frozen=True, tag=True):
    """One movement on an account's balance. `net` is `amount` less `fee`. `source`: charge, refund, dispute or payout.

    `application_fee` is the part of `fee` that went to the platform. `kind` as Stripe's reporting `type`.
    """

    id: str
    account: str
    kind: str
    amount: int
    fee: int
    net: int
    application_fee: int
    currency: str
    source: str
    available_on: datetime
    created_at: datetime
    payout: str = ""


class Unreadable(msgspec.Struct, frozen=True, tag=True):
    """A movement on an account's balance that says something we cannot read: a currency that we do not know, say."""

    id: str
    account: str
    created_at: datetime


class Payout(msgspec.Struct, frozen=True, tag=True):
    """A payout: `pending`, `in_transit`, `paid`, `failed` or `canceled`. `reconciled`: its list is complete."""

    id: str
    account: str
    amount: int
    currency: str
    state: str
    arrival_date: datetime
    reconciled: bool = False


# DAT-31: Visa, Mastercard and American Express, as Stripe names them. French cards of the first two carry Cartes
# Bancaires too, and their holder may choose by which of both it is paid (Regulation (EU) 2015/751).
ACCEPTED_BRANDS = ("visa", "mastercard", "amex", "cartes_bancaires")


def accepts(card: str) -> bool:
    """Return whether a card is taken, by its brand; more may follow after a space (`Intent.card`)."""
    return card.partition(" ")[0] in ACCEPTED_BRANDS


Answer = Intent | Refund | Account
Found = Intent | Refund | Dispute | Account | Payout


class Notice(msgspec.Struct, frozen=True):
    """A webhook event, rightly signed: a hint to look at `object`, nothing more. `account` "" is the platform."""

    id: str
    kind: str
    object: str
    account: str
    created_at: datetime


class BadSignature(Exception):
    """Theirs: not signed with the endpoint's secret, or more than 300 s ago, or no event at all."""


class Gateway(Protocol):
    """All methods raise `GatewayRefused`, `GatewayUnclear` or `GatewayBusy`; looking up also `NoSuchObject`."""

    publishable_key: str
    sandbox: bool

    async def perform(self, operation: Operation, key: str) -> Answer:
        """Carry the operation out under the idempotency key. The same key gives the first answer again."""
        ...

    async def confirm_card(self, account: str, intent: str, token: str, return_url: str) -> Intent:
        """Try the card that the page handed over (Stripe.js: `createConfirmationToken`) on an intent.

        A brand that is not accepted is `GatewayRefused("card_brand_not_accepted")` before anything is held. In state
        NEEDS_ACTION the page goes on with `handleNextAction` and the client secret. `return_url` is absolute.
        """
        ...

    async def find(self, account: str, name: str) -> Found:
        """Return the object named so as it is now, by its id's kind (pi_, seti_, re_, du_, acct_, po_).

        A hold on a card that is not accepted is cancelled by that, and says so in `Intent.declined`.
        """
        ...

    async def find_by_reference(
        self, account: str, reference: str, since: datetime
    ) -> tuple[Intent | Refund | Account, ...]:
        """Return what was made with that `reference` since then (an operation that nobody knows the end of).

        On the platform itself (`account` "") these are practitioners' accounts.
        """
        ...

    def transactions(self, account: str, since: datetime) -> AsyncIterator[BalanceTransaction | Unreadable]:
        """Yield the balance transactions of an account ("" is the platform's own), newest first.

        One that cannot be read is no error: it must keep nobody from the others.
        """
        ...

    def payouts(self, account: str, since: datetime) -> AsyncIterator[Payout]:
        """Yield the payouts of an account that can be read, newest first."""
        ...

    def transactions_of_payout(self, account: str, payout: str) -> AsyncIterator[BalanceTransaction]:
        """Yield what a payout consists of, as far as it can be read."""
        ...

    async def onboarding_url(self, account: str, return_url: str, refresh_url: str) -> str:
        """Return a one-time link on which the practitioner gives what is missing."""
        ...

    def card_form_url(self, intent: Intent, return_url: str, lang: str) -> str:
        """Return the relative address of a card form for the intent, or "" where our page shows the provider's.

        The form leads back to `return_url`: a path of ours, or an address under our public one.
        """
        ...

    def dashboard_url(self, account: str) -> str:
        """Return where the practitioner sees their account."""
        ...

    def read_notice(self, body: bytes, signature: str, *, connect: bool) -> Notice:
        """Return the event of a webhook; `connect`: which of the two endpoints got it. Raises `BadSignature`."""
        ...

    async def close(self) -> None:
        """Let go of the connections."""
        ...
