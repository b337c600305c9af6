"""Refusals in Stripe's shape (https://docs.stripe.com/api/errors, https://docs.stripe.com/error-codes)."""

from typing import Any


class ApiError(Exception):
    """Theirs: a request that Stripe would answer with an error. `intent` is shown in the error as Stripe does."""

    def __init__(
        self, status: int, code: str, message: str, *, kind: str = "invalid_request_error", param: str = ""
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.kind = kind
        self.param = param
        self.decline = ""
        self.intent = ""

    def body(self) -> dict[str, Any]:
        """Return the `error` object."""
        parts = {
            "type": self.kind,
            "code": self.code,
            "decline_code": self.decline,
            "message": self.message,
            "param": self.param,
        }
        return {name: value for name, value in parts.items() if value}


# The cardholder failed, not the card: its bank was never asked, and there is no decline code.
_FAILED_AUTHENTICATION = frozenset({"payment_intent_authentication_failure", "setup_intent_authentication_failure"})
_CODES_OF_THEIR_OWN = _FAILED_AUTHENTICATION | {"expired_card", "authentication_required"}


def code_of(decline: str) -> str:
    """Return the error code of a card's refusal: Stripe has codes of its own for some, the rest is `card_declined`."""
    return decline if decline in _CODES_OF_THEIR_OWN else "card_declined"


def decline_code_of(decline: str) -> str:
    """Return the decline code of a card's refusal, "" where the bank has said nothing."""
    return "" if decline in _FAILED_AUTHENTICATION else decline


def declined(decline: str, intent: str) -> ApiError:
    """Return a card's refusal."""
    error = ApiError(402, code_of(decline), f"The card said {decline}.", kind="card_error")
    error.decline, error.intent = decline_code_of(decline), intent
    return error


def missing_object(kind: str, name: str) -> ApiError:
    """Return the answer for an object that is not there, or is another account's."""
    return ApiError(404, "resource_missing", f"No such {kind}: '{name}'", param="id")


def unexpected(kind: str, status: str) -> ApiError:
    """Return the answer for a change that the object's status does not allow. `kind`: payment_intent or the like."""
    return ApiError(400, f"{kind}_unexpected_state", f"This {kind} is {status} and cannot be changed so.")
