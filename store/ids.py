"""Names of things: every id is an opaque string with a prefix that says its kind.

Ids are made by `store.io.entropy`; here they are only named and checked, so that a core can hold them
without being able to make one.
"""

import re
from enum import StrEnum
from typing import NewType

PractitionerId = NewType("PractitionerId", str)
ConsultationId = NewType("ConsultationId", str)
AdmissionId = NewType("AdmissionId", str)
SessionId = NewType("SessionId", str)
CallId = NewType("CallId", str)
LegId = NewType("LegId", str)
WorkerId = NewType("WorkerId", str)
AdministratorId = NewType("AdministratorId", str)
PaymentId = NewType("PaymentId", str)
HoldId = NewType("HoldId", str)
OperationId = NewType("OperationId", str)
RefundId = NewType("RefundId", str)
CouponId = NewType("CouponId", str)
OrganisationId = NewType("OrganisationId", str)
ReceiptId = NewType("ReceiptId", str)
PostingId = NewType("PostingId", str)
LetterId = NewType("LetterId", str)


class Seat(StrEnum):
    """One of the two places of a call."""

    PRACTITIONER = "practitioner"
    PATIENT = "patient"

    @property
    def other(self) -> "Seat":
        return Seat.PATIENT if self is Seat.PRACTITIONER else Seat.PRACTITIONER


class Prefix(StrEnum):
    """The kind of thing an id names, as its first four characters."""

    PRACTITIONER = "pra_"
    CONSULTATION = "con_"
    ADMISSION = "adm_"
    SESSION = "ses_"
    CALL = "cal_"
    LEG = "leg_"
    WORKER = "wrk_"
    JOB = "job_"
    KEY = "key_"
    ADMINISTRATOR = "sup_"
    PAYMENT = "pay_"
    HOLD = "hol_"
    OPERATION = "opn_"
    REFUND = "rfd_"
    COUPON = "cpn_"
    ORGANISATION = "org_"
    RECEIPT = "rcp_"
    POSTING = "pst_"
    LETTER = "ltr_"
    DIFFERENCE = "dif_"


# 22 characters of URL-safe base64 carry 128 random bits: nobody can guess a neighbour's id.
_ID = re.compile(r"[a-z]{3}_[A-Za-z0-9_-]{22}")


def is_id(text: str, prefix: Prefix) -> bool:
    """Whether `text` has the form of an id of that kind; says nothing about its existence."""
    return text.startswith(prefix) and _ID.fullmatch(text) is not None
