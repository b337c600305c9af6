"""Agreements and holds: what happens before the call."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from billing.agreement import CardForm, Payment
from billing.gateway import Gateway, Intent
from billing.io.hooks import Hooks
from billing.io.operations import Operations
from billing.io.settings import BillingSettings
from billing.patient_view import PatientView
from store.ids import ConsultationId
from store.io.database import Database
from store.io.outbox import Outbox


class Holds:
    """Agreements and holds of one database."""

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        gateway: Gateway,
        operations: Operations,
        hooks: Hooks,
        settings: BillingSettings,
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._gateway = gateway
        self._operations = operations
        self._hooks = hooks
        self._settings = settings

    async def view(self, consultation: ConsultationId, at: datetime) -> PatientView:
        """Return the price as the patient sees it; state FREE for a consultation without one."""
        raise NotImplementedError

    async def agree(
        self,
        consultation: ConsultationId,
        patient_name: str,
        email: str | None,
        language: str,
        coupon_code: str | None,
        most: int | None,
        at: datetime,
    ) -> Payment:
        """Return the agreement; the one there is when the patient agrees again. `most` as `PatientView.most` showed it.

        Raises `PriceMissing`, `PriceChanged`, `NoAccount`, `BadCoupon`, `AlreadyAgreed`, `BadContact`, `BadName`.
        """
        raise NotImplementedError

    async def begin(self, consultation: ConsultationId, at: datetime) -> CardForm | None:
        """Return the card form to show; None when nothing is to be entered (`view` says why).

        Raises `NotAgreed`, `ProviderSilent` or `ProviderRefused`.
        """
        raise NotImplementedError

    async def look(self, consultation: ConsultationId, at: datetime) -> PatientView:
        """Return the view after asking the provider what it has: called by the page after its card form."""
        raise NotImplementedError

    async def settle(self, tx: AsyncConnection, intent: Intent, at: datetime) -> None:
        """Let what the provider has move our hold and its payment. The same or older news changes nothing."""
        raise NotImplementedError

    async def obstacles(self, consultation: ConsultationId, at: datetime) -> tuple[str, ...]:
        """Return what the price puts in the patient's way: `agreement`, `hold`, or nothing."""
        raise NotImplementedError

    async def extend(self, consultation: ConsultationId, amount: int, at: datetime) -> CardForm | None:
        """Hold `amount` more, as the patient has asked for: None when the hold could be raised, else a card form.

        Raises `NotAgreed`, `NoHold`, `BadAmount`, `ProviderSilent` or `ProviderRefused`.
        """
        raise NotImplementedError

    async def release_all(self, consultation: ConsultationId, at: datetime) -> None:
        """Free every hold that is not being captured."""
        raise NotImplementedError
