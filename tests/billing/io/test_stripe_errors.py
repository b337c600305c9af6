import aiohttp
import pytest
import stripe

from billing.gateway import GatewayBusy, GatewayRefused, GatewayUnclear, NoSuchObject
from billing.io.stripe_errors import translated


def body(**error: str) -> dict[str, dict[str, str]]:
    return {"error": error}


@pytest.mark.parametrize(
    ("raised", "meant", "code"),
    [
        (
            stripe.CardError(
                "m", None, "card_declined", None, 402, body(code="card_declined", decline_code="lost_card")
            ),
            GatewayRefused,
            "card_declined",
        ),
        (stripe.InvalidRequestError("m", None, "parameter_unknown", None, 400), GatewayRefused, "parameter_unknown"),
        (stripe.AuthenticationError("m", None, 401), GatewayRefused, "AuthenticationError"),
        (stripe.PermissionError("m", None, 403, body(code="account_invalid")), GatewayRefused, "account_invalid"),
        (stripe.RateLimitError("m", None, 429, body(code="lock_timeout")), GatewayBusy, "lock_timeout"),
        (stripe.InvalidRequestError("m", None, "lock_timeout", None, 400), GatewayBusy, "lock_timeout"),
        (
            stripe.APIError("m", None, 409, body(code="idempotency_key_in_use")),
            GatewayBusy,
            "idempotency_key_in_use",
        ),
        (stripe.IdempotencyError("m", None, 400), GatewayUnclear, "idempotency_error"),
        (stripe.APIError("m", None, 500), GatewayUnclear, "APIError 500"),
        (stripe.APIError("m", None, 503), GatewayUnclear, "APIError 503"),
        (stripe.APIConnectionError("m"), GatewayUnclear, "APIConnectionError None"),
        (aiohttp.ClientPayloadError("m"), GatewayUnclear, "ClientPayloadError"),
        (TimeoutError(), GatewayUnclear, "TimeoutError"),
        (ConnectionResetError(), GatewayUnclear, "ConnectionResetError"),
    ],
)
def test_each_error_means_refused_unclear_or_busy(raised: Exception, meant: type[Exception], code: str) -> None:
    with pytest.raises(meant) as met, translated():
        raise raised
    assert (type(met.value), str(met.value)) == (meant, code)


def test_a_decline_keeps_its_reason() -> None:
    error = stripe.CardError(
        "m", None, "card_declined", None, 402, body(code="card_declined", decline_code="lost_card")
    )
    with pytest.raises(GatewayRefused) as met, translated():
        raise error
    assert met.value.decline == "lost_card"


def test_what_is_not_there_is_missing_to_a_look_up_and_a_refusal_to_an_operation() -> None:
    error = stripe.InvalidRequestError("m", None, "resource_missing", None, 404)
    with pytest.raises(NoSuchObject), translated(looking_up=True):
        raise error
    with pytest.raises(GatewayRefused, match="resource_missing"), translated():
        raise error


def test_our_own_errors_pass() -> None:
    with pytest.raises(KeyError), translated():
        raise KeyError
