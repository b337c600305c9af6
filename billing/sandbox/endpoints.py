"""The API's table: method and path, which parameters, which function."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from billing.sandbox import accounts, asks, clock, disputes, intents, lists, records, refunds, setups, wallet
from billing.sandbox.books import Books
from billing.sandbox.records import Record
from billing.sandbox.shapes import Shape

Act = Callable[[Books, str, str, Any, datetime], Record | Shape]


class Retrieve(msgspec.Struct, frozen=True, kw_only=True):
    """What every request takes, and a look-up nothing else."""

    expand: list[str] = []


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`act(books, account, id, asked, at)`; a path of the table has at most one id, written `:id`."""

    method: str
    path: str
    takes: type[msgspec.Struct]
    act: Act

    def match(self, method: str, path: str) -> str | None:
        """Return the id in the path ("" where it has none), or None for another endpoint's path."""
        if method != self.method:
            return None
        mine, theirs = self.path.split("/"), path.split("/")
        if len(mine) != len(theirs):
            return None
        found = ""
        for own, given in zip(mine, theirs, strict=True):
            if own == ":id" and given:
                found = given
            elif own != given:
                return None
        return found


def _balance(books: Books, account: str, _name: str, _asked: Retrieve, at: datetime) -> Shape:
    sums: dict[str, dict[str, int]] = {"available": {}, "pending": {}}
    for transaction in books.of(records.BalanceTransaction, account):
        place = sums["available" if transaction.available_on <= at else "pending"]
        place[transaction.currency] = place.get(transaction.currency, 0) + transaction.net
    parts = {
        name: [{"amount": amount, "currency": currency} for currency, amount in place.items()]
        for name, place in sums.items()
    }
    return {"object": "balance", "livemode": False, **parts}


def _new(make: Callable[[Books, str, Any, datetime], Record]) -> Act:
    return lambda books, account, _name, asked, at: make(books, account, asked, at)


def _retrieve(path: str, kind: type[Record]) -> Endpoint:
    return Endpoint("GET", f"{path}/:id", Retrieve, lambda b, account, name, _asked, _at: b.get(kind, account, name))


def _list(path: str, kind: type[Record], takes: type[lists.ListAll] = lists.ListAll) -> Endpoint:
    return Endpoint("GET", path, takes, lambda b, account, _name, asked, _at: lists.page(b, kind, account, asked, path))


_PI, _SETI, _PM = "/v1/payment_intents", "/v1/setup_intents", "/v1/payment_methods"

ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("POST", _PI, asks.CreateIntent, _new(intents.create)),
    Endpoint("POST", f"{_PI}/:id/confirm", asks.ConfirmIntent, intents.confirm),
    Endpoint("POST", f"{_PI}/:id/capture", asks.CaptureIntent, intents.capture),
    Endpoint("POST", f"{_PI}/:id/increment_authorization", asks.IncreaseIntent, intents.increase),
    Endpoint("POST", f"{_PI}/:id/cancel", asks.CancelIntent, intents.cancel),
    _retrieve(_PI, records.PaymentIntent),
    _list(_PI, records.PaymentIntent),
    Endpoint("POST", _SETI, asks.CreateSetup, _new(setups.create)),
    Endpoint("POST", f"{_SETI}/:id/confirm", asks.ConfirmSetup, setups.confirm),
    Endpoint("POST", f"{_SETI}/:id/cancel", asks.CancelIntent, setups.cancel),
    _retrieve(_SETI, records.SetupIntent),
    _list(_SETI, records.SetupIntent),
    Endpoint(
        "POST",
        "/v1/customers",
        wallet.CreateCustomer,
        _new(wallet.create_customer),
    ),
    _retrieve("/v1/customers", records.Customer),
    Endpoint(
        "POST",
        _PM,
        wallet.CreatePaymentMethod,
        _new(wallet.create_payment_method),
    ),
    Endpoint("POST", f"{_PM}/:id/attach", wallet.AttachPaymentMethod, wallet.attach),
    _retrieve(_PM, records.PaymentMethod),
    Endpoint(
        "POST",
        "/v1/test_helpers/confirmation_tokens",
        wallet.CreateConfirmationToken,
        _new(wallet.create_confirmation_token),
    ),
    _retrieve("/v1/confirmation_tokens", records.ConfirmationToken),
    _retrieve("/v1/charges", records.Charge),
    _list("/v1/charges", records.Charge, lists.ListOfIntent),
    Endpoint(
        "POST",
        "/v1/refunds",
        refunds.CreateRefund,
        _new(refunds.create),
    ),
    _retrieve("/v1/refunds", records.Refund),
    _list("/v1/refunds", records.Refund, lists.ListOfIntent),
    Endpoint("POST", "/v1/disputes/:id", disputes.AnswerDispute, disputes.answer),
    Endpoint(
        "POST",
        "/v1/disputes/:id/close",
        Retrieve,
        disputes.close,
    ),
    _retrieve("/v1/disputes", records.Dispute),
    _list("/v1/disputes", records.Dispute, lists.ListOfIntent),
    Endpoint("POST", "/v1/accounts", accounts.CreateAccount, _new(accounts.create)),
    _list("/v1/accounts", records.Account),
    Endpoint("GET", "/v1/accounts/:id", Retrieve, lambda b, _o, name, _a, _at: b.get(records.Account, "", name)),
    Endpoint(
        "POST",
        "/v1/account_links",
        accounts.CreateAccountLink,
        _new(accounts.create_link),
    ),
    _list("/v1/application_fees", records.ApplicationFee),
    _retrieve("/v1/balance_transactions", records.BalanceTransaction),
    _list("/v1/balance_transactions", records.BalanceTransaction, lists.ListTransactions),
    _retrieve("/v1/payouts", records.Payout),
    _list("/v1/payouts", records.Payout),
    _retrieve("/v1/events", records.Event),
    _list("/v1/events", records.Event),
    Endpoint("GET", "/v1/balance", Retrieve, _balance),
    Endpoint("POST", "/v1/sandbox/advance", clock.Advance, clock.advance),
)
