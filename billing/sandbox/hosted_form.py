"""What the hosted card form does with what was typed, and what it shows of an intent."""

import re
from collections.abc import Mapping
from datetime import datetime

from billing.sandbox import intents, setups, wallet
from billing.sandbox.asks import ConfirmIntent, ConfirmSetup
from billing.sandbox.books import Books
from billing.sandbox.cards import ACCEPTED_BRANDS, CARDS, Challenge, TestCard
from billing.sandbox.currencies import places
from billing.sandbox.errors import ApiError
from billing.sandbox.records import BalanceTransaction, PaymentIntent, SetupIntent
from billing.sandbox.wallet import CardDetails, CreatePaymentMethod
from billing.sandbox.words import amount_text

Attempt = PaymentIntent | SetupIntent

_EXPIRY = re.compile(r"(\d{1,2})\s*/\s*(?:20)?(\d{2})")


def attempt(books: Books, account: str, name: str) -> Attempt:
    """Return the intent that a form is about. Raises `ApiError`."""
    if "_seti_" in name:
        return books.get(SetupIntent, account, name)
    return books.get(PaymentIntent, account, name)


def state_of(found: Attempt) -> str:
    """Return what is to be shown next: `card`, `challenge` or `done`."""
    if found.status == "requires_action":
        return "challenge"
    return "card" if found.status in {"requires_payment_method", "requires_confirmation"} else "done"


def kind_of(found: Attempt) -> str:
    """Return what the form is for: `hold`, `pay` or `save`."""
    if isinstance(found, SetupIntent):
        return "save"
    return "hold" if found.manual else "pay"


def enter(books: Books, found: Attempt, typed: Mapping[str, str], at: datetime) -> None:
    """Try the typed card on the intent. Raises `ApiError`: a brand that is not taken is refused before it is tried."""
    if state_of(found) != "card":
        return
    expiry = _EXPIRY.fullmatch(typed.get("expiry", "").strip())
    if expiry is None:
        raise ApiError(402, "invalid_expiry_month", "The expiry date is not a date.", kind="card_error")
    details = CardDetails(
        number=typed.get("number", ""),
        exp_month=int(expiry[1]),
        exp_year=2000 + int(expiry[2]),
        cvc=typed.get("cvc", "").strip(),
    )
    asked = CreatePaymentMethod(type="card", card=details)
    method = wallet.create_payment_method(books, found.account, asked, at)
    if CARDS[method.number].brand not in ACCEPTED_BRANDS:
        raise ApiError(402, "brand", "The brand is not taken.", kind="card_error")
    if isinstance(found, SetupIntent):
        setups.confirm(books, found.account, found.id, ConfirmSetup(payment_method=method.id), at)
    else:
        intents.confirm(books, found.account, found.id, ConfirmIntent(payment_method=method.id), at)


def answer(books: Books, found: Attempt, at: datetime, *, success: bool) -> None:
    """Take the cardholder's answer to their bank. Raises `ApiError`; without a question nothing happens."""
    if state_of(found) != "challenge":
        return
    if isinstance(found, SetupIntent):
        setups.authenticate(books, found, at, success=success)
    else:
        intents.authenticate(books, found, at, success=success)


# -- words for it --------------------------------------------------------------------------------------------


def challenge_word(found: Attempt) -> str:
    """Return the word for the bank's question."""
    return "challenge_save" if isinstance(found, SetupIntent) else "challenge_text"


def amount_of(found: Attempt, lang: str) -> str:
    """Return the amount for people; nothing for a setup."""
    return "" if isinstance(found, SetupIntent) else money(found.amount, found.currency, lang)


def money(amount: int, currency: str, lang: str) -> str:
    """Return an amount in Stripe's units for people."""
    return amount_text(amount, currency, places(currency), lang)


def balances(books: Books, account: str, lang: str) -> list[str]:
    """Return an account's balances for people, one a currency."""
    currencies = dict.fromkeys(entry.currency for entry in books.of(BalanceTransaction, account))
    return [money(books.balance(account, currency), currency, lang) for currency in currencies]


def spaced(number: str) -> str:
    """Return a card number in groups, as it stands on a card."""
    return " ".join(number[start : start + 4] for start in range(0, len(number), 4))


def effect_of(card: TestCard) -> str:
    """Return the word for what a test card does."""
    if card.brand not in ACCEPTED_BRANDS:
        return "card_brand"
    if card.setup_decline:
        return f"error_{card.setup_decline}" if card.setup_decline != "generic_decline" else "error_declined"
    if card.decline:
        return "card_later"
    if card.challenge is not Challenge.NEVER:
        return "card_challenge"
    return "card_disputed" if card.disputed else "card_ok"
