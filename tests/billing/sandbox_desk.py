"""The sandbox's core without a server: requests as the SDK would write them, on a clock that a test sets."""

import itertools
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from billing.sandbox import intents, records
from billing.sandbox.api import API_VERSION, Answer, Request, respond
from billing.sandbox.books import Books

KEY = "sk_sandbox_test"


def new_books(at: datetime) -> Books:
    numbers = itertools.count(1)
    install = records.Install(
        id="install",
        created=at,
        secret_key=KEY,
        publishable_key="pk_sandbox_test",
        account_secret="whsec_account",
        connect_secret="whsec_connect",
        settled_until=at,
    )
    return Books(install, lambda: f"{next(numbers):06d}", incremental=True)


class Desk:
    """One practice: an account that may charge, and whoever pays there."""

    def __init__(self, at: datetime) -> None:
        self.at = at
        self.books = new_books(at)
        self.account: str = self.post("/v1/accounts", {"country": "FR"}, account="").body["id"]
        self.customer: str = self.post("/v1/customers", {}).body["id"]

    def ask(
        self,
        method: str,
        path: str,
        parameters: dict[str, Any],
        *,
        account: str | None = None,
        key: str = "",
        bearer: str = KEY,
        version: str = API_VERSION,
    ) -> Answer:
        request = Request(
            method=method,
            path=path,
            form=urlencode(parameters),
            bearer=bearer,
            version=version,
            account=self.account if account is None else account,
            key=key,
        )
        return respond(self.books, request, self.at)

    def post(self, path: str, parameters: dict[str, Any], **rest: Any) -> Answer:
        return self.ask("POST", path, parameters, **rest)

    def get(self, path: str, parameters: dict[str, Any] | None = None, **rest: Any) -> Answer:
        return self.ask("GET", path, parameters or {}, **rest)

    def pass_time(self, **span: float) -> None:
        self.at += timedelta(**span)
        self.get("/v1/balance")

    def intent(self, amount: int = 10_000, card: str = "", **more: Any) -> dict[str, Any]:
        """A hold, confirmed at once where a card is named."""
        parameters = {
            "amount": amount,
            "currency": "eur",
            "capture_method": "manual",
            "customer": self.customer,
            "setup_future_usage": "off_session",
            "payment_method_options[card][request_incremental_authorization]": "if_available",
            **({"payment_method": card, "confirm": "true"} if card else {}),
            **more,
        }
        made = {name: value for name, value in parameters.items() if value is not None}
        return self.post("/v1/payment_intents", made).body

    def act(self, intent: dict[str, Any], action: str, **parameters: Any) -> Answer:
        return self.post(f"/v1/payment_intents/{intent['id']}/{action}", parameters)

    def now(self, intent: dict[str, Any]) -> dict[str, Any]:
        return self.get(f"/v1/payment_intents/{intent['id']}", {"expand[0]": "latest_charge"}).body

    def authenticate(self, intent: dict[str, Any], *, success: bool) -> None:
        record = self.books.get(records.PaymentIntent, self.account, intent["id"])
        intents.authenticate(self.books, record, self.at, success=success)

    def balance(self, account: str | None = None) -> int:
        return self.books.balance(self.account if account is None else account, "eur")

    def events(self) -> list[str]:
        return [event.type for event in self.books.all(records.Event)]
