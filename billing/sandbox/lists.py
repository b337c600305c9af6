"""Lists: newest first, filtered, a page at a time (https://docs.stripe.com/api/pagination)."""

from collections.abc import Callable
from typing import Any

import msgspec

from billing.sandbox.books import Books
from billing.sandbox.errors import ApiError, missing_object
from billing.sandbox.records import Record
from billing.sandbox.shapes import Shape, epoch, listed, shown


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """`created`, in seconds since 1970."""

    gt: int | None = None
    gte: int | None = None
    lt: int | None = None
    lte: int | None = None

    def holds(self, seconds: int) -> bool:
        return (
            (self.gt is None or seconds > self.gt)
            and (self.gte is None or seconds >= self.gte)
            and (self.lt is None or seconds < self.lt)
            and (self.lte is None or seconds <= self.lte)
        )


class ListAll(msgspec.Struct, frozen=True, kw_only=True):
    """What every list takes."""

    limit: int = 10
    starting_after: str = ""
    created: Span = Span()
    expand: list[str] = []


class ListOfIntent(ListAll, frozen=True, kw_only=True):
    """Lists that can be narrowed to one PaymentIntent."""

    payment_intent: str = ""


class ListTransactions(ListAll, frozen=True, kw_only=True):
    """GET /v1/balance_transactions."""

    payout: str = ""
    type: str = ""
    source: str = ""


# By the parameter's name: what of a record it is compared with.
_FILTERS: dict[str, Callable[[Any], str]] = {
    "payment_intent": lambda record: str(record.intent),
    "payout": lambda record: str(record.payout),
    "type": lambda record: str(record.type),
    "source": lambda record: str(record.source),
}


def page(books: Books, kind: type[Record], account: str, asked: ListAll, url: str) -> Shape:
    """Return one page. Raises `ApiError`."""
    if not 1 <= asked.limit <= 100:
        raise ApiError(400, "parameter_invalid_integer", "limit must be from 1 to 100.", param="limit")
    found = [record for record in books.of(kind, account) if asked.created.holds(epoch(record.created) or 0)]
    for name, part in _FILTERS.items():
        wanted = getattr(asked, name, "")
        if wanted:
            found = [record for record in found if part(record) == wanted]
    found.reverse()
    if asked.starting_after:
        names = [record.id for record in found]
        if asked.starting_after not in names:
            raise missing_object(kind.KIND, asked.starting_after)
        found = found[names.index(asked.starting_after) + 1 :]
    chosen = found[: asked.limit]
    return listed(url, [shown(record, books) for record in chosen], more=len(found) > len(chosen))
