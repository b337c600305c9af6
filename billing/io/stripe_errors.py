"""What Stripe's errors mean for us: refused, unclear, or come back later (https://docs.stripe.com/error-handling).

Messages, bodies and chains of an SDK error may hold client secrets: only codes get out of here.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp
import stripe

from billing.gateway import GatewayBusy, GatewayRefused, GatewayUnclear, NoSuchObject

# The same object or key is in the middle of another request (https://docs.stripe.com/rate-limits#object-lock-timeouts).
_LATER = frozenset({"lock_timeout", "idempotency_key_in_use", "rate_limit"})


@contextmanager
def translated(*, looking_up: bool = False) -> Iterator[None]:
    """Turn the SDK's errors into the gateway's. `looking_up`: what is not there raises `NoSuchObject`."""
    try:
        yield
    except stripe.StripeError as error:
        raise _meaning(error, looking_up=looking_up) from None
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        # The SDK wraps what happens before the answer's head, not what happens while its body is read.
        raise GatewayUnclear(type(error).__name__) from None


def _meaning(error: stripe.StripeError, *, looking_up: bool) -> Exception:
    code = error.code or (error.error.code if error.error is not None and "code" in error.error else "") or ""
    if isinstance(error, stripe.RateLimitError) or error.http_status in {409, 429} or code in _LATER:
        return GatewayBusy(code or "rate_limit")
    if isinstance(error, stripe.IdempotencyError):
        # The key went out with other parameters before (by an older release of ours, say): what it did is not known.
        return GatewayUnclear("idempotency_error")
    if isinstance(error, stripe.CardError):
        return GatewayRefused(code or "card_declined", _decline(error))
    if looking_up and error.http_status in {403, 404}:
        return NoSuchObject(code)
    if isinstance(error, stripe.InvalidRequestError | stripe.AuthenticationError | stripe.PermissionError):
        return GatewayRefused(code or type(error).__name__)
    return GatewayUnclear(f"{type(error).__name__} {error.http_status}")


def _decline(error: stripe.CardError) -> str:
    if error.error is None or "decline_code" not in error.error:
        return ""
    return str(error.error.decline_code or "")
