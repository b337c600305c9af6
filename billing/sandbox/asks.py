"""The parameters of payment and setup intents; what stands in no struct is refused as Stripe refuses it."""

import msgspec


class CardOptions(msgspec.Struct, frozen=True, kw_only=True):
    """`payment_method_options.card`."""

    request_incremental_authorization: str = "never"


class PaymentMethodOptions(msgspec.Struct, frozen=True, kw_only=True):
    """`payment_method_options`."""

    card: CardOptions = CardOptions()


class CreateIntent(msgspec.Struct, frozen=True, kw_only=True):
    """POST /v1/payment_intents."""

    amount: int
    currency: str
    allowed_payment_method_types: list[str] = []
    application_fee_amount: int = 0
    capture_method: str = "automatic_async"
    confirm: bool = False
    confirmation_token: str = ""
    customer: str = ""
    description: str = ""
    metadata: dict[str, str] = {}
    off_session: bool = False
    payment_method: str = ""
    payment_method_options: PaymentMethodOptions = PaymentMethodOptions()
    return_url: str = ""
    setup_future_usage: str = ""
    expand: list[str] = []


class ConfirmIntent(msgspec.Struct, frozen=True, kw_only=True):
    """POST /v1/payment_intents/:id/confirm."""

    confirmation_token: str = ""
    off_session: bool = False
    payment_method: str = ""
    return_url: str = ""
    expand: list[str] = []


class CaptureIntent(msgspec.Struct, frozen=True, kw_only=True):
    """POST /v1/payment_intents/:id/capture."""

    amount_to_capture: int | None = None
    application_fee_amount: int | None = None
    expand: list[str] = []


class IncreaseIntent(msgspec.Struct, frozen=True, kw_only=True):
    """POST /v1/payment_intents/:id/increment_authorization."""

    amount: int
    expand: list[str] = []


class CancelIntent(msgspec.Struct, frozen=True, kw_only=True):
    """POST /v1/payment_intents/:id/cancel, and of a setup intent."""

    cancellation_reason: str = ""
    expand: list[str] = []


class CreateSetup(msgspec.Struct, frozen=True, kw_only=True):
    """POST /v1/setup_intents."""

    allowed_payment_method_types: list[str] = []
    confirm: bool = False
    confirmation_token: str = ""
    customer: str = ""
    description: str = ""
    metadata: dict[str, str] = {}
    payment_method: str = ""
    return_url: str = ""
    usage: str = "off_session"
    expand: list[str] = []


class ConfirmSetup(msgspec.Struct, frozen=True, kw_only=True):
    """POST /v1/setup_intents/:id/confirm."""

    confirmation_token: str = ""
    payment_method: str = ""
    return_url: str = ""
    expand: list[str] = []
