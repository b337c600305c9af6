"""Balances: what each movement writes, when it becomes available, and the payouts that empty it.

A balance is the sum of its balance transactions; nothing else is kept.
"""

from datetime import datetime, timedelta

from msgspec.structs import replace

from billing.sandbox import records
from billing.sandbox.books import Books
from billing.sandbox.errors import ApiError
from billing.sandbox.events import announce
from billing.sandbox.records import BalanceTransaction, Payout
from billing.sandbox.states import PAYOUT, moved

# The card networks' time in the European Union (https://docs.stripe.com/payouts#payout-speed); a first payout's.
AVAILABLE_AFTER = timedelta(days=7)
ARRIVES_AFTER = timedelta(days=2)


def entry(  # one movement has that many sides
    books: Books,
    account: str,
    kind: str,
    amount: int,
    currency: str,
    source: str,
    at: datetime,
    *,
    application_fee: int = 0,
    stripe_fee: int = 0,
    available: datetime | None = None,
) -> BalanceTransaction:
    """Write a balance transaction and return it. Without `available` it counts at once."""
    return books.put(
        BalanceTransaction(
            id=books.new_id(BalanceTransaction),
            account=account,
            created=at,
            type=kind,
            amount=amount,
            application_fee=application_fee,
            stripe_fee=stripe_fee,
            currency=currency,
            source=source,
            available_on=available or at,
        )
    )


def midnight(at: datetime) -> datetime:
    """Return the beginning of the day (UTC), when Stripe makes money available and sends payouts."""
    return at.replace(hour=0, minute=0, second=0, microsecond=0)


def available_on(at: datetime) -> datetime:
    """Return when what is earned now may be paid out."""
    return midnight(at) + AVAILABLE_AFTER


def send_payouts(books: Books, at: datetime) -> None:
    """Empty each balance that may be paid out, as every midnight does."""
    blocked = {account.id for account in books.all(records.Account) if account.due}
    ready: dict[tuple[str, str], list[BalanceTransaction]] = {}
    for transaction in books.all(BalanceTransaction):
        if transaction.account not in blocked and not transaction.payout and transaction.available_on <= at:
            ready.setdefault((transaction.account, transaction.currency), []).append(transaction)
    for (account, currency), transactions in ready.items():
        amount = sum(transaction.net for transaction in transactions)
        if amount > 0:
            _send(books, account, currency, amount, transactions, at)


def _send(
    books: Books, account: str, currency: str, amount: int, transactions: list[BalanceTransaction], at: datetime
) -> None:
    name = books.new_id(Payout)
    written = entry(books, account, "payout", -amount, currency, name, at)
    payout = Payout(
        id=name,
        account=account,
        created=at,
        amount=amount,
        currency=currency,
        status="pending",
        arrival=midnight(at) + ARRIVES_AFTER,
        balance_transaction=written.id,
    )
    announce(books, "payout.created", books.put(payout), at)
    for transaction in [*transactions, written]:
        books.put(replace(transaction, payout=name))
    _move(books, payout, "sent", "payout.updated", at)


def arrive(books: Books, payout: Payout, at: datetime) -> None:
    """Let the bank take a payout that is on its way, or send it back."""
    if payout.will_fail:
        bounce(books, payout, at)
    else:
        _move(books, payout, "arrived", "payout.paid", at)


def bounce(books: Books, payout: Payout, at: datetime) -> Payout:
    """Let the bank send the money back, on its way or after it had come. Raises `ApiError`."""
    moved(PAYOUT, "payout", payout.status, "refused")
    back = entry(books, payout.account, "payout_failure", payout.amount, payout.currency, payout.id, at)
    payout = books.put(replace(payout, failure_transaction=back.id))
    return _move(books, payout, "refused", "payout.failed", at)


def make_next_payout_fail(books: Books, account: str) -> Payout:
    """Choose the payout that is on its way to be sent back when it arrives. Raises `ApiError` where there is none."""
    for payout in books.of(Payout, account):
        if payout.status == "in_transit" and not payout.will_fail:
            return books.put(replace(payout, will_fail=True))
    raise ApiError(400, "payouts_not_allowed", "No payout of this account is on its way.")


def _move(books: Books, payout: Payout, event: str, announcement: str, at: datetime) -> Payout:
    payout = books.put(replace(payout, status=moved(PAYOUT, "payout", payout.status, event)))
    announce(books, announcement, payout, at)
    return payout
