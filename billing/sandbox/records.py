"""What the sandbox remembers: one frozen struct a kind, replaced and never changed in place.

Amounts are in Stripe's units. `account` "" is the platform's own. Ids begin `sbx_`.
"""

from datetime import datetime
from typing import Any, ClassVar

import msgspec


class Record(msgspec.Struct, frozen=True, kw_only=True, tag_field="record", tag=True):
    """`KIND` is Stripe's name of it, `PREFIX` how its ids begin after `sbx_`."""

    KIND: ClassVar[str] = ""
    PREFIX: ClassVar[str] = ""

    id: str
    account: str = ""
    created: datetime


class Install(Record, frozen=True, kw_only=True):
    """This sandbox itself: its keys, how far its clock is ahead, and until when time has been worked off.

    `public_origin`: under which address browsers see the hosted pages; "" where only paths are to be returned to.
    """

    secret_key: str
    publishable_key: str
    account_secret: str
    connect_secret: str
    public_origin: str = ""
    ahead_seconds: float = 0.0
    settled_until: datetime


class Account(Record, frozen=True, kw_only=True):
    """A connected account. `due`: what is missing, in Stripe's words. `can_charge` is not touched by what is due."""

    KIND: ClassVar[str] = "account"
    PREFIX: ClassVar[str] = "acct"

    email: str
    country: str
    currency: str
    metadata: dict[str, str]
    due: tuple[str, ...]
    deadline: datetime | None = None
    can_charge: bool = True
    controller: dict[str, Any]
    requested: tuple[str, ...]


class AccountLink(Record, frozen=True, kw_only=True):
    """A one-time way to the onboarding page."""

    KIND: ClassVar[str] = "account_link"
    PREFIX: ClassVar[str] = "link"

    return_url: str
    refresh_url: str
    expires: datetime
    used: bool = False


class Customer(Record, frozen=True, kw_only=True):
    """A patient, as far as Stripe knows one."""

    KIND: ClassVar[str] = "customer"
    PREFIX: ClassVar[str] = "cus"

    metadata: dict[str, str]


class PaymentMethod(Record, frozen=True, kw_only=True):
    """A card. Test numbers only, so that the number may be kept. `authenticated`: set up with 3-D Secure."""

    KIND: ClassVar[str] = "payment_method"
    PREFIX: ClassVar[str] = "pm"

    number: str
    exp_month: int
    exp_year: int
    customer: str = ""
    authenticated: bool = False


class ConfirmationToken(Record, frozen=True, kw_only=True):
    """What a card form hands to the merchant's server before anything is confirmed. `usage`: what it is kept for."""

    KIND: ClassVar[str] = "confirmation_token"
    PREFIX: ClassVar[str] = "ctoken"

    payment_method: str
    used_by: str = ""
    usage: str = ""


class Attempt(Record, frozen=True, kw_only=True):
    """What payment and setup intents have in common."""

    status: str
    client_secret: str
    metadata: dict[str, str]
    customer: str = ""
    payment_method: str = ""
    description: str = ""
    cancellation_reason: str = ""
    decline: str = ""
    return_url: str = ""


class PaymentIntent(Attempt, frozen=True, kw_only=True):
    """https://docs.stripe.com/api/payment_intents/object."""

    KIND: ClassVar[str] = "payment_intent"
    PREFIX: ClassVar[str] = "pi"

    amount: int
    currency: str
    manual: bool
    keep_card: bool
    grow: bool
    application_fee: int = 0
    capturable: int = 0
    received: int = 0
    latest_charge: str = ""
    off_session: bool = False


class SetupIntent(Attempt, frozen=True, kw_only=True):
    """https://docs.stripe.com/api/setup_intents/object."""

    KIND: ClassVar[str] = "setup_intent"
    PREFIX: ClassVar[str] = "seti"


class Charge(Record, frozen=True, kw_only=True):
    """https://docs.stripe.com/api/charges/object. `fee_refunded`: of the application fee."""

    KIND: ClassVar[str] = "charge"
    PREFIX: ClassVar[str] = "ch"

    amount: int
    currency: str
    intent: str
    payment_method: str
    number: str
    customer: str = ""
    failed: str = ""
    captured: int = 0
    refunded: int = 0
    capture_before: datetime | None = None
    lapsed: bool = False
    balance_transaction: str = ""
    application_fee: str = ""
    fee: int = 0
    fee_refunded: int = 0
    dispute: str = ""
    grows: bool = False


class Refund(Record, frozen=True, kw_only=True):
    """https://docs.stripe.com/api/refunds/object."""

    KIND: ClassVar[str] = "refund"
    PREFIX: ClassVar[str] = "re"

    amount: int
    currency: str
    charge: str
    intent: str
    status: str
    metadata: dict[str, str]
    balance_transaction: str = ""


class Dispute(Record, frozen=True, kw_only=True):
    """https://docs.stripe.com/api/disputes/object."""

    KIND: ClassVar[str] = "dispute"
    PREFIX: ClassVar[str] = "du"

    amount: int
    currency: str
    charge: str
    intent: str
    status: str
    transactions: tuple[str, ...] = ()


class ApplicationFee(Record, frozen=True, kw_only=True):
    """The platform's part of a charge; `account` "" as it belongs to the platform."""

    KIND: ClassVar[str] = "application_fee"
    PREFIX: ClassVar[str] = "fee"

    amount: int
    currency: str
    charge: str
    payer: str
    refunded: int = 0
    balance_transaction: str = ""


class BalanceTransaction(Record, frozen=True, kw_only=True):
    """https://docs.stripe.com/api/balance_transactions/object. `fee` = `application_fee` + Stripe's own."""

    KIND: ClassVar[str] = "balance_transaction"
    PREFIX: ClassVar[str] = "txn"

    type: str
    amount: int
    application_fee: int
    stripe_fee: int
    currency: str
    source: str
    available_on: datetime
    payout: str = ""

    @property
    def fee(self) -> int:
        return self.application_fee + self.stripe_fee

    @property
    def net(self) -> int:
        return self.amount - self.fee


class Payout(Record, frozen=True, kw_only=True):
    """https://docs.stripe.com/api/payouts/object. `will_fail`: the bank is going to send it back."""

    KIND: ClassVar[str] = "payout"
    PREFIX: ClassVar[str] = "po"

    amount: int
    currency: str
    status: str
    arrival: datetime
    balance_transaction: str = ""
    failure_transaction: str = ""
    will_fail: bool = False


class Event(Record, frozen=True, kw_only=True):
    """`waiting`: the endpoint has not yet taken it. `data` is the object as it was."""

    KIND: ClassVar[str] = "event"
    PREFIX: ClassVar[str] = "evt"

    type: str
    data: dict[str, Any]
    object: str
    waiting: bool = True
    attempts: int = 0


class Replay(Record, frozen=True, kw_only=True):
    """The first answer under an idempotency key."""

    method: str
    path: str
    fingerprint: str
    status: int
    body: dict[str, Any]


class Performed(Record, frozen=True, kw_only=True):
    """A request that changed something, or tried to: the operations log."""

    PREFIX: ClassVar[str] = "op"

    method: str
    path: str
    key: str
    status: int
    object: str
    code: str = ""


AnyRecord = (
    Install
    | Account
    | AccountLink
    | Customer
    | PaymentMethod
    | ConfirmationToken
    | PaymentIntent
    | SetupIntent
    | Charge
    | Refund
    | Dispute
    | ApplicationFee
    | BalanceTransaction
    | Payout
    | Event
    | Replay
    | Performed
)
