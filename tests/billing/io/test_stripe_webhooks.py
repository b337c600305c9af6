"""Webhooks: rightly signed, or nothing."""

import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from billing.gateway import (
    BadSignature,
)
from tests.billing.io.stripe_practice import Practice, opened_practice


@pytest.fixture
async def practice() -> AsyncIterator[Practice]:
    async with opened_practice() as practice:
        yield practice


def letter(secret: str, at: float, **changes: Any) -> tuple[bytes, str]:
    event = {
        "id": "sbx_evt_1",
        "object": "event",
        "type": "payment_intent.canceled",
        "created": int(at),
        "account": "sbx_acct_1",
        "data": {"object": {"id": "sbx_pi_1"}},
        **changes,
    }
    body = json.dumps(event).encode()
    mac = hmac.new(secret.encode(), f"{int(at)}.".encode() + body, hashlib.sha256).hexdigest()
    return body, f"t={int(at)},v1={mac}"


async def test_a_signed_event_is_a_hint(practice: Practice) -> None:
    account, connect = practice.sandbox.webhook_secrets
    body, signature = letter(connect, time.time())
    notice = practice.gateway.read_notice(body, signature, connect=True)
    assert (notice.id, notice.kind, notice.object) == ("sbx_evt_1", "payment_intent.canceled", "sbx_pi_1")
    assert notice.account == "sbx_acct_1"
    body, signature = letter(account, time.time(), account=None)
    assert practice.gateway.read_notice(body, signature, connect=False).account == ""


@pytest.mark.parametrize("case", ["forged", "stale", "other endpoint", "changed", "unsigned", "no event", "no text"])
async def test_what_is_not_rightly_signed_is_no_event(practice: Practice, case: str) -> None:
    account, connect = practice.sandbox.webhook_secrets
    body, signature = letter(connect, time.time())
    body, signature = {
        "forged": letter("whsec_guess", time.time()),
        "stale": letter(connect, time.time() - 301),
        "other endpoint": letter(account, time.time()),
        "changed": (body.replace(b"sbx_pi_1", b"sbx_pi_2"), signature),
        "unsigned": (body, ""),
        "no event": letter(connect, time.time(), data=None),
        "no text": (b"\xff\xfe", signature),
    }[case]
    with pytest.raises(BadSignature):
        practice.gateway.read_notice(body, signature, connect=True)
