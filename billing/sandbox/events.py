"""Events: what a webhook will carry (https://docs.stripe.com/api/events)."""

from datetime import datetime

from billing.sandbox import records
from billing.sandbox.books import Books
from billing.sandbox.records import Record
from billing.sandbox.shapes import shown


def announce(books: Books, kind: str, record: Record, at: datetime, *, account: str | None = None) -> None:
    """Make an event of that type, with the object as it is now; `account`: whose it is, if not the object's."""
    owner = record.account if account is None else account
    name = books.new_id(records.Event)
    books.put(records.Event(id=name, account=owner, created=at, type=kind, data=shown(record, books), object=record.id))
