"""What the agenda knows of people and billing does not; the app passes it in."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncConnection

from billing.receipt import Issuer
from store.ids import PractitionerId

# Who issues a practitioner's receipts. It gets the transaction's connection: another one would have to wait for it.
IssuerOf = Callable[[AsyncConnection, PractitionerId], Awaitable[Issuer]]
# A statement that selects a practitioner's consultations as `consultation` and `patient`, to be joined with.
ConsultationsOf = Callable[[PractitionerId], Select[Any]]


@dataclass(frozen=True, slots=True)
class People:
    """`issuer_of` a practitioner's receipts, and `consultations_of` them."""

    issuer_of: IssuerOf
    consultations_of: ConsultationsOf
