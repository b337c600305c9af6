"""What can go wrong with a request: a code for programs, an HTTP status, and a sentence for people (a msgid).

Pages show the sentence in error.html; scripts and the REST API get it as problem+json (RFC 9457).
"""

import msgspec

from billing.money import BadAmount, UnknownCurrency
from billing.tariff import BadTariff


def sentence(text: str) -> str:
    """Return `text`. Marks a msgid, so that the test of the catalogues finds it."""
    return text


class Kind(msgspec.Struct, frozen=True):
    """One kind of problem."""

    status: int
    sentence: str


KINDS: dict[str, Kind] = {
    "bad_request": Kind(400, sentence("We could not read this request.")),
    "key_needed": Kind(401, sentence("This needs a valid API key.")),
    "not_our_page": Kind(
        403, sentence("This request did not come from a page of this site. Reload the page and retry.")
    ),
    "not_allowed": Kind(403, sentence("This API key may not do this.")),
    "not_found": Kind(404, sentence("There is nothing here, or it is not yours to see.")),
    "link_unknown": Kind(404, sentence("This link is not valid, or not any more.")),
    "method_not_allowed": Kind(405, sentence("This cannot be done at this address.")),
    "someone_else": Kind(409, sentence("Another practitioner is logged in here.")),
    "bad_signature": Kind(403, sentence("This is not signed by the payment provider.")),
    "unknown_payment": Kind(404, sentence("There is no such payment, or it is not yours to see.")),
    "card_brand": Kind(402, sentence("Only Visa, Mastercard and American Express are taken.")),
    "card_refused": Kind(402, sentence("The bank has declined this card.")),
    "provider_refused": Kind(402, sentence("The payment provider said no. Please try another card.")),
    "price_missing": Kind(409, sentence("This consultation is free of charge.")),
    "price_changed": Kind(409, sentence("The price has changed meanwhile. Please look at it again.")),
    "price_locked": Kind(409, sentence("This price was set by the platform and cannot be changed here.")),
    "price_fixed": Kind(
        409, sentence("The patient has agreed to the price, or the call has begun: it stays as it is.")
    ),
    "not_agreed": Kind(409, sentence("The patient has not agreed to the price yet.")),
    "already_agreed": Kind(409, sentence("The price was agreed to already, with another code or none.")),
    "coupon_taken": Kind(409, sentence("There is a coupon with this code already.")),
    "amount_over_holds": Kind(
        409,
        sentence(
            "This is more than the patient has authorised. Enter a smaller amount, or ask them to authorise more."
        ),
    ),
    "hold_expired": Kind(409, sentence("The hold on the card has lapsed: the patient has to authorise again.")),
    "no_hold": Kind(409, sentence("There is no hold on a card that could be raised.")),
    "call_running": Kind(409, sentence("The call is still going on: the amount is confirmed when it has ended.")),
    "already_invoiced": Kind(409, sentence("The amount has been confirmed already.")),
    "already_captured": Kind(409, sentence("The money has been taken already.")),
    "nothing_to_pay": Kind(409, sentence("There is nothing to pay here.")),
    "not_met": Kind(
        409, sentence("You have not met the patient yet. A missed appointment can be charged once it has begun.")
    ),
    "not_a_no_show": Kind(409, sentence("The patient was there, or the consultation has not begun yet.")),
    "no_account": Kind(
        409, sentence("The practitioner cannot be paid online yet. Please contact them to agree on another way.")
    ),
    "stale_payment": Kind(409, sentence("Somebody else has just changed this payment. Please look again.")),
    "not_refundable": Kind(409, sentence("Nothing of this has been paid.")),
    "refund_too_large": Kind(409, sentence("This is more than what was paid and not given back yet.")),
    "refunded_meanwhile": Kind(
        409, sentence("Nothing was given back now: a refund was made since this page was opened. Please look again.")
    ),
    "conflict": Kind(409, sentence("This cannot be done as things are.")),
    "too_late": Kind(409, sentence("This consultation is over or cancelled: this can no longer be done.")),
    "too_large": Kind(413, sentence("This is too large: 64 KiB at most.")),
    "media_type": Kind(415, sentence("The body's Content-Type is not the one expected here.")),
    "bad_body": Kind(422, sentence("The body does not have the form described in /api/openapi.json.")),
    "bad_patient_name": Kind(422, sentence("The patient's name takes 1 to 80 characters.")),
    "bad_minutes": Kind(422, sentence("A consultation lasts 5 to 240 minutes.")),
    "bad_start": Kind(422, sentence("A consultation starts within a year from now, or started at most an hour ago.")),
    "bad_time": Kind(422, sentence("This is not a date and time.")),
    "no_such_time": Kind(422, sentence("The clocks change on that day and skip this time: choose another.")),
    "practitioner_unknown": Kind(422, sentence("No practitioner with this e-mail can be planned for with this key.")),
    "bad_period": Kind(422, sentence("This is no period: the first day comes before the last, within ten years.")),
    "reason_needed": Kind(422, sentence("Say why the money is given back.")),
    "coupon_unknown": Kind(422, sentence("There is no coupon with this code.")),
    "coupon_expired": Kind(422, sentence("This coupon has expired.")),
    "coupon_used_up": Kind(422, sentence("This coupon has been used up.")),
    "coupon_currency": Kind(422, sentence("This coupon is for another currency.")),
    "coupon_open_price": Kind(422, sentence("No code can be used here: the price is only said at the end.")),
    "coupon_invalid": Kind(422, sentence("This makes no coupon: it pays 1 to 100 percent, or an amount.")),
    "bad_contact": Kind(422, sentence("This is not an e-mail address.")),
    "bad_amount": Kind(
        422, sentence("This is not an amount: write it like 45.00, with no more decimals than the currency has.")
    ),
    "price_zero": Kind(422, sentence("A price is more than zero. Choose “Free” where nothing is to be paid.")),
    "price_too_small": Kind(422, sentence("No card can be charged so little.")),
    "nothing_to_hold": Kind(
        422, sentence("Say an amount: it is what the bank is asked to set aside. Or let the patient pay afterwards.")
    ),
    "bad_duration": Kind(422, sentence("These are whole minutes, from 0 to 240.")),
    "bad_expiry": Kind(422, sentence("A code is good until a time that is still to come.")),
    "bad_code": Kind(422, sentence("A code has 4 to 32 letters and digits, without accents.")),
    "bad_organisation": Kind(422, sentence("The company's name takes 1 to 80 characters.")),
    "bad_receipt_lines": Kind(
        422, sentence("A receipt takes at most 6 lines of 80 characters, without control characters.")
    ),
    "unknown_currency": Kind(422, sentence("There is no such currency.")),
    "bad_tariff": Kind(422, sentence("These prices make no sense together.")),
    "too_soon": Kind(429, sentence("This was asked for less than a minute ago.")),
    "too_many": Kind(429, sentence("Too many tries. Wait a moment, then try again.")),
    "server_error": Kind(500, sentence("Something went wrong on our side. It has been noted.")),
    "provider_unavailable": Kind(
        503, sentence("The payment provider does not answer. Nothing is lost: please try again in a moment.")
    ),
    "not_ready": Kind(503, sentence("The service is not ready yet. Try again in a moment.")),
}

_BY_STATUS = {
    403: "not_allowed",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "media_type",
    429: "too_many",
}


class Refused(Exception):
    """Theirs: the answer is the problem `code`. `field` names the culprit, `retry_after` is in seconds."""

    def __init__(self, code: str, *, field: str | None = None, retry_after: float | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.field = field
        self.retry_after = retry_after

    @property
    def status(self) -> int:
        return KINDS[self.code].status


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """An error (RFC 9457). `detail` is a sentence in the language asked for, `code` is for programs."""

    title: str
    status: int
    detail: str
    code: str
    field: str | None = None
    reference: str | None = None


def code_of_status(status: int) -> str:
    """Return the code for an error status that the server itself answered with."""
    return _BY_STATUS.get(status, "server_error" if status >= 500 else "bad_request")


def code_of_money(error: Exception) -> str:
    """Return the code of what billing refuses."""
    if isinstance(error, BadAmount):
        return "bad_amount"
    if isinstance(error, UnknownCurrency):
        return "unknown_currency"
    if isinstance(error, BadTariff):
        return "bad_tariff"
    code = getattr(error, "code", "")
    return code if code in KINDS else "conflict"


_IN_JSON = frozenset(
    {"/join/look", "/pay/look", "/pay/seen", "/pay/card", "/card/confirm", "/healthz", "/readyz", "/metrics"}
)


def answers_in_json(method: str, path: str) -> bool:
    """Whether a program, not a person, reads the answer."""
    return (
        path.startswith(("/api/", "/join/price", "/webhooks/"))
        or path.endswith(("/invoice", "/invoice/confirm", "/no-show"))
        or path in _IN_JSON
        or (method == "POST" and path in {"/open", "/admin/open"})
    )
