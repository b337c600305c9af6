"""The REST API's bodies. The OpenAPI document is generated from these and served at /api/openapi.json."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from web.views import State


class NewPrice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the consultation costs. Amounts in minor units of `currency` (8000 is 80.00 EUR), durations in seconds.

    `basis`: `fixed` (the amount `fixed`), `per_minute` (`per_minute`, and `fixed` on top), `at_end` (the practitioner
    says it; `fixed` is their suggestion). `pay`: `hold` asks for a card before the consultation, `after` sends a link
    when it has ended. `locked`: the practitioner cannot change it; a platform's key only.
    """

    basis: Literal["fixed", "per_minute", "at_end"]
    currency: Annotated[str, Meta(min_length=3, max_length=3, description="ISO 4217.")] = "EUR"
    fixed: Annotated[int, Meta(ge=0, le=10**9)] = 0
    per_minute: Annotated[int, Meta(ge=0, le=10**9)] = 0
    free_seconds: Annotated[int, Meta(ge=0, le=14400)] = 0
    minimum_seconds: Annotated[int, Meta(ge=0, le=14400)] = 0
    granularity: Annotated[int, Meta(ge=1, le=3600, description="Seconds in one counted step.")] = 1
    minimum: Annotated[int, Meta(ge=0, le=10**9)] = 0
    cap: Annotated[int, Meta(ge=0, le=10**9)] | None = None
    pay: Literal["hold", "after"] = "hold"
    locked: bool = False


class NewConsultation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A consultation to plan. A practitioner's own key may leave `practitioner` out."""

    patient_name: Annotated[str, Meta(min_length=1, max_length=80, description="As the practitioner calls them.")]
    practitioner: Annotated[str, Meta(max_length=254, description="The practitioner's e-mail.")] | None = None
    starts_at: Annotated[datetime, Meta(tz=True, description="ISO 8601 with an offset; now when left out.")] | None = (
        None
    )
    minutes: Annotated[int, Meta(ge=5, le=240, description="Planned length.")] = 30
    price: Annotated[NewPrice, Meta(description="Free of charge when left out.")] | None = None


class PaymentAnswer(msgspec.Struct, frozen=True):
    """How a consultation's payment stands, in minor units. `due` is null until the amount is confirmed."""

    state: str
    currency: str
    due: int | None
    paid: int
    refunded: int


class MeterAnswer(msgspec.Struct, frozen=True):
    """How long both have really been there so far, over all calls of a consultation; what a price per minute counts.

    `running`: they are there now. `paused`: the practitioner has stopped the meter.
    """

    milliseconds: int
    running: bool
    paused: bool


class ConsultationAnswer(msgspec.Struct, frozen=True):
    """A planned consultation. `patient_url` is to be given to the patient only; it is null once cancelled or past."""

    id: str
    practitioner: Annotated[str, Meta(description="The practitioner's e-mail.")]
    patient_name: str
    starts_at: Annotated[datetime, Meta(tz=True)]
    minutes: int
    state: State
    patient_url: str | None
    practitioner_url: str
    meter: MeterAnswer
    payment: Annotated[PaymentAnswer, Meta(description="Null until the patient has agreed to a price.")] | None = None


class Entry(msgspec.Struct, frozen=True):
    """A link that logs the practitioner in and leads to the consultation: once, and until `expires_at`."""

    url: str
    expires_at: Annotated[datetime, Meta(tz=True)]


class Invitation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the patient's page asks about: the token of the link that was followed."""

    invitation: Annotated[str, Meta(min_length=1, max_length=256)]


class Look(msgspec.Struct, frozen=True):
    """What an invitation leads to. `obstacles`: `too_early`, `too_late`, `cancelled`, `ended`, or none.

    The patient is named only while the link may still lead to the consultation.
    """

    practitioner: str
    patient_name: str | None
    starts_at: datetime
    minutes: int
    opens_at: datetime
    closes_at: datetime
    obstacles: list[str]


class LoginLink(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The token of a one-time log-in link. `replace`: also when another practitioner is logged in."""

    token: Annotated[str, Meta(min_length=1, max_length=256)]
    replace: bool = False


class Opened(msgspec.Struct, frozen=True):
    """Logged in: where to go on."""

    location: str


class Readiness(msgspec.Struct, frozen=True):
    """Whether the service can take a consultation now, and what each of its parts says."""

    ready: bool
    checks: dict[str, bool]


class Alive(msgspec.Struct, frozen=True):
    """The web process answers."""

    alive: bool
