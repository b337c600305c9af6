"""What time does by itself: holds lapse, payouts are sent and arrive. Worked off in the order of their moments."""

from datetime import datetime, timedelta

import msgspec
from msgspec.structs import replace

from billing.sandbox import balance, charges, intents
from billing.sandbox.books import Books
from billing.sandbox.errors import ApiError
from billing.sandbox.records import PaymentIntent, Payout
from billing.sandbox.shapes import Shape, epoch

_DAY = timedelta(days=1)


class Advance(msgspec.Struct, frozen=True, kw_only=True):
    """POST /v1/sandbox/advance, which Stripe has not: let time pass."""

    seconds: float
    expand: list[str] = []


def advance(books: Books, _account: str, _name: str, asked: Advance, at: datetime) -> Shape:
    """Put the clock ahead and do what was due until then. Raises `ApiError`: it never goes back."""
    if asked.seconds < 0:
        raise ApiError(400, "", "Time does not go back.", param="seconds")
    books.put(replace(books.install, ahead_seconds=books.install.ahead_seconds + asked.seconds))
    now = at + timedelta(seconds=asked.seconds)
    settle(books, now)
    return {"object": "sandbox.clock", "now": epoch(now)}


def settle(books: Books, at: datetime) -> None:
    """Do all that was due until `at`. Time that was settled before is not settled again."""
    while (moment := _next(books)) <= at:
        for intent in books.timed(PaymentIntent):
            if _lapses(books, intent) <= moment:
                intents.expire(books, intent, moment)
        for payout in books.timed(Payout):
            if payout.arrival <= moment:
                balance.arrive(books, payout, moment)
        if moment == balance.midnight(moment):
            balance.send_payouts(books, moment)
        books.put(replace(books.install, settled_until=moment))


def _next(books: Books) -> datetime:
    until = books.install.settled_until
    moments = [balance.midnight(until) + _DAY]
    moments += [payout.arrival for payout in books.timed(Payout)]
    moments += [_lapses(books, intent) for intent in books.timed(PaymentIntent)]
    return max(until, min(moments))


def _lapses(books: Books, intent: PaymentIntent) -> datetime:
    until = charges.latest(books, intent).capture_before
    if until is None:
        raise AssertionError(f"{intent.id} is held without an end")
    return until
