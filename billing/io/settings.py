"""What the operator decides about money."""

from dataclasses import dataclass, field
from datetime import timedelta

from billing.fees import Rates


@dataclass(frozen=True, slots=True)
class BillingSettings:
    """`install` names this installation in idempotency keys; it never changes. `country`: of practitioners' accounts.

    `vat_note` stands on every receipt. A payment that is not paid `due_after` it was asked for is UNPAID.
    """

    install: str
    rates: Rates = field(default_factory=Rates)
    country: str = "FR"
    currency: str = "EUR"
    vat_note: str = ""
    due_after: timedelta = timedelta(days=7)
