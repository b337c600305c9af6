"""What pages and the REST API show of a consultation, at a given time."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from agenda.consultation import Consultation, JoinWindow
from billing.patient_view import PatientState, PatientView
from billing.payment import PaymentState
from billing.tariff import Tariff
from store.ids import ConsultationId

State = Literal["planned", "open", "past", "cancelled"]


@dataclass(frozen=True, slots=True)
class PriceNote:
    """A consultation's price in short. `state`: `to_agree`, `card_awaited`, `card_given`, `agreed`, or a payment's."""

    tariff: Tariff
    state: str


@dataclass(frozen=True, slots=True)
class ConsultationView:
    """A consultation as its practitioner sees it; `starts_at` is in their zone. Without a link once it is over.

    `price` is None where it is free, or not asked for.
    """

    id: ConsultationId
    patient_name: str
    starts_at: datetime
    minutes: int
    state: State
    invitation_url: str
    room_url: str
    qr_url: str
    price: PriceNote | None = None


def price_note(price: PatientView) -> PriceNote | None:
    """Return what the desk says of a price; None for a consultation that is free."""
    if price.state is PatientState.FREE:
        return None
    if price.payment_state is None:
        return PriceNote(price.tariff, "to_agree")
    if price.payment_state is not PaymentState.DRAFT:
        return PriceNote(price.tariff, price.payment_state)
    if price.state is not PatientState.READY:
        return PriceNote(price.tariff, "card_awaited")
    return PriceNote(price.tariff, "card_given" if price.card else "agreed")


def state_of(consultation: Consultation, window: JoinWindow, at: datetime) -> State:
    """Return `open` while one may enter, `planned` before, `past` after or once ended, `cancelled` whenever it was."""
    if consultation.cancelled_at is not None:
        return "cancelled"
    if consultation.ended_at is not None or at >= window.closes_at(consultation):
        return "past"
    return "open" if at >= window.opens_at(consultation) else "planned"


def invitation_url(base: str, token: str) -> str:
    """Return the patient's link. The token stands in the fragment, which browsers send to nobody."""
    return f"{base}/join#{token}"


def room_path(consultation: ConsultationId) -> str:
    """Return the path of the practitioner's room page."""
    return f"/consultations/{consultation}"


def view(  # the one place that knows all paths of a consultation
    consultation: Consultation, state: State, base: str, token: str | None, where: ZoneInfo
) -> ConsultationView:
    """Return the view; `token` is the invitation's, or None when there is none to show."""
    return ConsultationView(
        id=consultation.id,
        patient_name=consultation.patient_name,
        starts_at=consultation.starts_at.astimezone(where),
        minutes=consultation.minutes,
        state=state,
        invitation_url=invitation_url(base, token) if token else "",
        room_url=room_path(consultation.id),
        qr_url=f"/desk/consultations/{consultation.id}/invitation.svg" if token else "",
    )
