"""SetupIntents: a card is checked and kept, nothing is held (https://docs.stripe.com/payments/setup-intents)."""

from datetime import datetime

from msgspec.structs import replace

from billing.sandbox import wallet
from billing.sandbox.asks import CancelIntent, ConfirmSetup, CreateSetup
from billing.sandbox.books import Books
from billing.sandbox.cards import CARDS, Challenge
from billing.sandbox.errors import ApiError, declined, unexpected
from billing.sandbox.events import announce
from billing.sandbox.records import Customer, PaymentMethod, SetupIntent
from billing.sandbox.states import SETUP_INTENT, moved

_KIND = "setup_intent"


def create(books: Books, account: str, asked: CreateSetup, at: datetime) -> SetupIntent:
    """Return a new intent, confirmed if asked for. Raises `ApiError`."""
    if asked.customer:
        books.get(Customer, account, asked.customer, param="customer")
    method = wallet.payment_method(books, account, asked.payment_method, at).id if asked.payment_method else ""
    name = books.new_id(SetupIntent)
    intent = SetupIntent(
        id=name,
        account=account,
        created=at,
        status="requires_confirmation" if method else "requires_payment_method",
        client_secret=books.secret_of(name),
        metadata=asked.metadata,
        customer=asked.customer,
        payment_method=method,
        description=asked.description,
    )
    announce(books, "setup_intent.created", books.put(intent), at)
    if asked.confirm:
        return confirm(books, account, name, ConfirmSetup(confirmation_token=asked.confirmation_token), at)
    return intent


def confirm(books: Books, account: str, name: str, asked: ConfirmSetup, at: datetime) -> SetupIntent:
    """Check the card. Raises `ApiError`, a card's refusal among them."""
    intent = books.get(SetupIntent, account, name)
    if intent.status not in {"requires_payment_method", "requires_confirmation"}:
        raise unexpected(_KIND, intent.status)
    if asked.confirmation_token:
        method = wallet.use_token(books, account, asked.confirmation_token, name, "off_session")
    elif asked.payment_method or intent.payment_method:
        method = wallet.payment_method(books, account, asked.payment_method or intent.payment_method, at)
    else:
        raise ApiError(400, "parameter_missing", "There is no card to confirm with.", param="payment_method")
    intent = books.put(replace(intent, payment_method=method.id))
    if CARDS[method.number].challenge is not Challenge.NEVER:
        status = moved(SETUP_INTENT, _KIND, intent.status, "challenged")
        intent = books.put(replace(intent, status=status))
        announce(books, "setup_intent.requires_action", intent, at)
        return intent
    return _settle(books, intent, method, at, proven=False)


def authenticate(books: Books, intent: SetupIntent, at: datetime, *, success: bool) -> SetupIntent:
    """Return the intent after the bank's question was answered. Raises `ApiError`."""
    if intent.status != "requires_action":
        raise unexpected(_KIND, intent.status)
    if not success:
        raise _decline(books, intent, "setup_intent_authentication_failure", at)
    return _settle(books, intent, books.known(PaymentMethod, intent.payment_method), at, proven=True)


def _settle(books: Books, intent: SetupIntent, method: PaymentMethod, at: datetime, *, proven: bool) -> SetupIntent:
    refusal = CARDS[method.number].setup_decline
    if refusal:
        raise _decline(books, intent, refusal, at)
    if intent.customer:
        wallet.keep(books, method, intent.customer, at, proven=proven)
    intent = books.put(replace(intent, status=moved(SETUP_INTENT, _KIND, intent.status, "saved"), decline=""))
    announce(books, "setup_intent.succeeded", intent, at)
    return intent


def _decline(books: Books, intent: SetupIntent, decline: str, at: datetime) -> ApiError:
    status = moved(SETUP_INTENT, _KIND, intent.status, "declined")
    intent = books.put(replace(intent, status=status, decline=decline, payment_method=""))
    announce(books, "setup_intent.setup_failed", intent, at)
    return declined(decline, intent.id)


def cancel(books: Books, account: str, name: str, asked: CancelIntent, at: datetime) -> SetupIntent:
    """Give up an intent that has kept no card yet. Raises `ApiError`."""
    intent = books.get(SetupIntent, account, name)
    status = moved(SETUP_INTENT, _KIND, intent.status, "cancelled")
    intent = books.put(replace(intent, status=status, cancellation_reason=asked.cancellation_reason))
    announce(books, "setup_intent.canceled", intent, at)
    return intent
