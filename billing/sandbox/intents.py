"""PaymentIntents: create, confirm, authenticate, capture, increase, cancel, expire.

Each function takes one step of `states.PAYMENT_INTENT`, writes what follows from it, and returns the new state.
A card's refusal is remembered first and raised then, as Stripe does.
"""

from datetime import datetime

from msgspec.structs import replace

from billing.sandbox import charges, wallet
from billing.sandbox.asks import CancelIntent, CaptureIntent, ConfirmIntent, CreateIntent, IncreaseIntent
from billing.sandbox.books import Books
from billing.sandbox.cards import CARDS, Challenge
from billing.sandbox.currencies import checked
from billing.sandbox.errors import ApiError, declined, unexpected
from billing.sandbox.events import announce
from billing.sandbox.records import Customer, PaymentIntent, PaymentMethod
from billing.sandbox.states import PAYMENT_INTENT, moved

_KIND = "payment_intent"


def create(books: Books, account: str, asked: CreateIntent, at: datetime) -> PaymentIntent:
    """Return a new intent, confirmed if asked for. Raises `ApiError`."""
    checked(asked.amount, asked.currency)
    acting = books.acting(account)
    if acting is not None and not acting.can_charge:
        raise ApiError(400, "capability_not_active", "This account cannot make charges at present.")
    _fee_allowed(account, asked.application_fee_amount, asked.amount)
    if asked.off_session and not asked.confirm:
        raise ApiError(400, "parameter_missing", "off_session needs confirm=true.", param="off_session")
    if asked.off_session and asked.setup_future_usage:
        raise ApiError(400, "parameter_unknown", "off_session excludes setup_future_usage.", param="setup_future_usage")
    if asked.customer:
        books.get(Customer, account, asked.customer, param="customer")
    method = wallet.payment_method(books, account, asked.payment_method, at).id if asked.payment_method else ""
    name = books.new_id(PaymentIntent)
    intent = PaymentIntent(
        id=name,
        account=account,
        created=at,
        status="requires_confirmation" if method else "requires_payment_method",
        client_secret=books.secret_of(name),
        metadata=asked.metadata,
        customer=asked.customer,
        payment_method=method,
        description=asked.description,
        amount=asked.amount,
        currency=asked.currency,
        manual=asked.capture_method == "manual",
        keep_card=bool(asked.setup_future_usage),
        grow=asked.payment_method_options.card.request_incremental_authorization == "if_available",
        application_fee=asked.application_fee_amount,
    )
    announce(books, "payment_intent.created", books.put(intent), at)
    if asked.confirm:
        token = ConfirmIntent(
            off_session=asked.off_session, confirmation_token=asked.confirmation_token, return_url=asked.return_url
        )
        return confirm(books, account, name, token, at)
    return intent


def _fee_allowed(account: str, fee: int, amount: int) -> None:
    if fee and not account:
        raise ApiError(400, "parameter_unknown", "Only with Stripe-Account.", param="application_fee_amount")
    if fee > amount:
        raise ApiError(400, "amount_too_large", "The fee is more than the amount.", param="application_fee_amount")


def confirm(books: Books, account: str, name: str, asked: ConfirmIntent, at: datetime) -> PaymentIntent:
    """Try the card. Raises `ApiError`, a card's refusal among them."""
    intent = books.get(PaymentIntent, account, name)
    if intent.status not in {"requires_payment_method", "requires_confirmation"}:
        raise unexpected(_KIND, intent.status)
    if intent.grow and not books.incremental:
        raise ApiError(
            400,
            "payment_intent_invalid_parameter",
            "This account is not eligible for the requested card features.",
            param="payment_method_options[card][request_incremental_authorization]",
        )
    if asked.confirmation_token:
        usage = "off_session" if intent.keep_card else ""
        method = wallet.use_token(books, account, asked.confirmation_token, name, usage)
    elif asked.payment_method or intent.payment_method:
        method = wallet.payment_method(books, account, asked.payment_method or intent.payment_method, at)
    else:
        raise ApiError(400, "parameter_missing", "There is no card to confirm with.", param="payment_method")
    if method.customer not in {"", intent.customer} or (asked.off_session and not method.customer):
        raise ApiError(400, "", "The card is not this customer's.")
    intent = books.put(
        replace(
            intent,
            payment_method=method.id,
            off_session=asked.off_session,
            return_url=asked.return_url or intent.return_url,
        )
    )
    return _try(books, intent, method, at)


def _try(books: Books, intent: PaymentIntent, method: PaymentMethod, at: datetime) -> PaymentIntent:
    card = CARDS[method.number]
    known = intent.off_session and method.authenticated
    if card.challenge is Challenge.ALWAYS or (card.challenge is Challenge.UNLESS_SET_UP and not known):
        if intent.off_session:
            raise _decline(books, intent, method, "authentication_required", at)
        intent = _move(books, intent, "challenged")
        announce(books, "payment_intent.requires_action", intent, at)
        return intent
    return _settle(books, intent, method, at, proven=False)


def authenticate(books: Books, intent: PaymentIntent, at: datetime, *, success: bool) -> PaymentIntent:
    """Return the intent after the bank's question was answered. Raises `ApiError`."""
    if intent.status != "requires_action":
        raise unexpected(_KIND, intent.status)
    method = books.known(PaymentMethod, intent.payment_method)
    if not success:
        raise _decline(books, intent, method, "payment_intent_authentication_failure", at)
    return _settle(books, intent, method, at, proven=True)


def _settle(books: Books, intent: PaymentIntent, method: PaymentMethod, at: datetime, *, proven: bool) -> PaymentIntent:
    card = CARDS[method.number]
    if card.decline:
        raise _decline(books, intent, method, card.decline, at)
    if intent.keep_card and intent.customer:
        method = wallet.keep(books, method, intent.customer, at, proven=proven)
    event = "held" if intent.manual else "paid"
    status = moved(PAYMENT_INTENT, _KIND, intent.status, event)
    charge = charges.authorise(books, intent, method, at)
    intent = books.put(
        replace(
            intent,
            status=status,
            latest_charge=charge.id,
            decline="",
            capturable=intent.amount if intent.manual else 0,
            received=0 if intent.manual else intent.amount,
        )
    )
    if intent.manual:
        announce(books, "payment_intent.amount_capturable_updated", intent, at)
        return intent
    charges.take(books, charge, intent.amount, intent.application_fee, at)
    announce(books, "payment_intent.succeeded", intent, at)
    return intent


def _decline(books: Books, intent: PaymentIntent, method: PaymentMethod, decline: str, at: datetime) -> ApiError:
    charge = charges.refuse(books, intent, method, decline, at)
    status = moved(PAYMENT_INTENT, _KIND, intent.status, "declined")
    intent = books.put(replace(intent, status=status, decline=decline, latest_charge=charge.id, payment_method=""))
    announce(books, "payment_intent.payment_failed", intent, at)
    return declined(decline, intent.id)


def capture(books: Books, account: str, name: str, asked: CaptureIntent, at: datetime) -> PaymentIntent:
    """Take what was held, or less. Raises `ApiError`: one capture, of no more than is held."""
    intent = books.get(PaymentIntent, account, name)
    status = moved(PAYMENT_INTENT, _KIND, intent.status, "captured")
    amount = intent.capturable if asked.amount_to_capture is None else asked.amount_to_capture
    if amount <= 0:
        raise ApiError(400, "parameter_invalid_integer", "The amount must be positive.", param="amount_to_capture")
    if amount > intent.capturable:
        raise ApiError(400, "amount_too_large", "More than is held.", param="amount_to_capture")
    checked(amount, intent.currency)
    fee = intent.application_fee if asked.application_fee_amount is None else asked.application_fee_amount
    _fee_allowed(account, fee, amount)
    charges.take(books, charges.latest(books, intent), amount, fee, at)
    intent = books.put(replace(intent, status=status, capturable=0, received=amount, application_fee=fee))
    announce(books, "payment_intent.succeeded", intent, at)
    return intent


def increase(books: Books, account: str, name: str, asked: IncreaseIntent, at: datetime) -> PaymentIntent:
    """Hold a higher total, where the card's bank allows it. Raises `ApiError`."""
    intent = books.get(PaymentIntent, account, name)
    moved(PAYMENT_INTENT, _KIND, intent.status, "increased")
    charge = charges.latest(books, intent)
    if not charge.grows:
        raise ApiError(400, "", "This authorization cannot be incremented.")
    if asked.amount <= intent.amount:
        raise ApiError(400, "parameter_invalid_integer", "The amount must be greater than before.", param="amount")
    checked(asked.amount, intent.currency)
    books.put(replace(charge, amount=asked.amount))
    intent = books.put(replace(intent, amount=asked.amount, capturable=asked.amount))
    announce(books, "payment_intent.amount_capturable_updated", intent, at)
    return intent


def cancel(books: Books, account: str, name: str, asked: CancelIntent, at: datetime) -> PaymentIntent:
    """Give up an intent and free what it holds. Raises `ApiError`."""
    intent = books.get(PaymentIntent, account, name)
    return _end(books, intent, "cancelled", asked.cancellation_reason, at)


def expire(books: Books, intent: PaymentIntent, at: datetime) -> PaymentIntent:
    """Let a hold lapse that was not captured in time."""
    return _end(books, intent, "expired", "automatic", at)


def _end(books: Books, intent: PaymentIntent, event: str, reason: str, at: datetime) -> PaymentIntent:
    held = intent.capturable
    status = moved(PAYMENT_INTENT, _KIND, intent.status, event)
    intent = books.put(replace(intent, status=status, capturable=0, cancellation_reason=reason))
    if held:
        charge = charges.lapse(books, charges.latest(books, intent), at)
        announce(books, "charge.expired" if event == "expired" else "charge.refunded", charge, at)
    announce(books, "payment_intent.canceled", intent, at)
    return intent


def _move(books: Books, intent: PaymentIntent, event: str) -> PaymentIntent:
    return books.put(replace(intent, status=moved(PAYMENT_INTENT, _KIND, intent.status, event)))
