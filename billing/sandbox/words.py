"""Which word of the hosted pages says what; the words themselves stand in `locales/`, in English and in French."""

LANGUAGES = ("en", "fr")

# What is worth saying of a card; a bank gives no reason for the rest.
_SAID = frozenset(
    {
        "insufficient_funds",
        "expired_card",
        "incorrect_number",
        "live_mode_test_card",
        "invalid_expiry_month",
        "invalid_expiry_year",
        "invalid_cvc",
        "brand",
    }
)

_AUTHENTICATION = frozenset({"payment_intent_authentication_failure", "setup_intent_authentication_failure"})


def language(asked: str, accepted: str) -> str:
    """Return `asked` where it is one of ours, else the first of the browser's languages (RFC 9110, 12.5.4) that is."""
    wanted = [asked, *(part.split(";")[0].strip() for part in accepted.split(","))]
    return next((tag[:2].lower() for tag in wanted if tag[:2].lower() in LANGUAGES), "en")


def error_key(code: str, decline: str) -> str:
    """Return the word for a card's refusal."""
    if code in _AUTHENTICATION:
        return "error_authentication"
    return next((f"error_{name}" for name in (decline, code) if name in _SAID), "error_declined")


def amount_text(amount: int, currency: str, places: int, lang: str) -> str:
    """Return an amount for people: 86.25 EUR, 86,25 EUR. `amount` has `places` decimals."""
    whole, rest = divmod(amount, 10**places)
    decimals = f"{rest:0{places}d}" if places else ""
    mark = ("," if lang == "fr" else ".") if places else ""
    return f"{whole}{mark}{decimals}\N{NO-BREAK SPACE}{currency.upper()}"
