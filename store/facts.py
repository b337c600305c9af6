"""What happened: the past-tense facts that packages exchange. Frozen, timed by whoever saw them.

Media facts carry the stamp `(call, boot, seq)` of the worker that saw them: `boot` names one life of one
worker process, `seq` counts its facts from 1, `monotonic_ms` is that process's clock (for arithmetic within
one boot only) and `at` is UTC for the record. Meter and ledger are built on these facts.
"""

from dataclasses import dataclass
from datetime import datetime

from store.ids import (
    AdmissionId,
    CallId,
    ConsultationId,
    HoldId,
    LegId,
    PaymentId,
    PractitionerId,
    ReceiptId,
    Seat,
)


@dataclass(frozen=True, slots=True)
class ConsultationPlanned:
    """A practitioner, or a platform for them, planned an encounter."""

    consultation: ConsultationId
    practitioner: PractitionerId
    at: datetime


@dataclass(frozen=True, slots=True)
class ConsultationCancelled:
    """The encounter will not take place; its invitation is void."""

    consultation: ConsultationId
    at: datetime


@dataclass(frozen=True, slots=True)
class PatientWaiting:
    """Somebody with a valid invitation stands in the waiting room."""

    consultation: ConsultationId
    admission: AdmissionId
    at: datetime


@dataclass(frozen=True, slots=True)
class PatientAdmitted:
    """The practitioner let this one in; only now may media exist for them."""

    consultation: ConsultationId
    admission: AdmissionId
    by: PractitionerId
    at: datetime


@dataclass(frozen=True, slots=True)
class PatientDeclined:
    """The practitioner refused this one."""

    consultation: ConsultationId
    admission: AdmissionId
    by: PractitionerId
    at: datetime


@dataclass(frozen=True, slots=True)
class PatientEntered:
    """The admitted one took the patient's seat."""

    consultation: ConsultationId
    admission: AdmissionId
    at: datetime


@dataclass(frozen=True, slots=True)
class PatientSentBack:
    """The practitioner sent the patient from the call back to the waiting room."""

    consultation: ConsultationId
    admission: AdmissionId
    by: PractitionerId
    at: datetime


@dataclass(frozen=True, slots=True)
class PatientLeft:
    """The patient gave up the place or the seat: hung up, walked away, or lost the seat to another browser."""

    consultation: ConsultationId
    admission: AdmissionId
    at: datetime


@dataclass(frozen=True, slots=True)
class CallOpened:
    """The first participant took a seat."""

    call: CallId
    consultation: ConsultationId
    at: datetime


@dataclass(frozen=True, slots=True)
class CallEnded:
    """The call is over. `reason` is one of `signalling.call.EndReason`."""

    call: CallId
    consultation: ConsultationId
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class PriceAgreed:
    """The patient agreed to a consultation's price, or it became free for them (a coupon)."""

    consultation: ConsultationId
    payment: PaymentId
    at: datetime


@dataclass(frozen=True, slots=True)
class HoldChanged:
    """A hold moved. `state` is one of `billing.hold.HoldState`."""

    consultation: ConsultationId
    hold: HoldId
    state: str
    at: datetime


@dataclass(frozen=True, slots=True)
class PaymentChanged:
    """A payment moved. `state` is one of `billing.payment.PaymentState`."""

    consultation: ConsultationId
    payment: PaymentId
    state: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ReceiptIssued:
    """A receipt was numbered: for a payment, or for a refund (a credit note)."""

    consultation: ConsultationId
    payment: PaymentId
    receipt: ReceiptId
    at: datetime


@dataclass(frozen=True, slots=True)
class Stamp:
    """Who saw a media fact, and when: see the module's text."""

    boot: str
    seq: int
    monotonic_ms: int
    at: datetime


@dataclass(frozen=True, slots=True)
class LegConnected:
    """A participant's transport finished DTLS, or was heard again after it had been lost."""

    call: CallId
    leg: LegId
    seat: Seat
    stamp: Stamp


@dataclass(frozen=True, slots=True)
class LegLost:
    """A participant's transport fell silent or closed. `last_heard_ms` is on the stamp's monotonic clock."""

    call: CallId
    leg: LegId
    seat: Seat
    last_heard_ms: int
    stamp: Stamp


@dataclass(frozen=True, slots=True)
class BothAlive:
    """Both transports delivered an authenticated packet within the last 3 s. Said every 5 s at most.

    `heard_ms`: until when both had been heard, on the stamp's monotonic clock; never later than the stamp.
    """

    call: CallId
    heard_ms: int
    stamp: Stamp


@dataclass(frozen=True, slots=True)
class MeterPaused:
    """The practitioner stopped the meter: what follows is free until `MeterResumed`."""

    call: CallId
    stamp: Stamp


@dataclass(frozen=True, slots=True)
class MeterResumed:
    """The practitioner let the meter go on."""

    call: CallId
    stamp: Stamp


MediaFact = LegConnected | LegLost | BothAlive | MeterPaused | MeterResumed
Fact = (
    ConsultationPlanned
    | ConsultationCancelled
    | PatientWaiting
    | PatientAdmitted
    | PatientDeclined
    | PatientEntered
    | PatientSentBack
    | PatientLeft
    | CallOpened
    | CallEnded
    | PriceAgreed
    | HoldChanged
    | PaymentChanged
    | ReceiptIssued
    | MediaFact
)
