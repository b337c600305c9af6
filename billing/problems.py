"""What can be wrong with a request about money. Each has a `code` that never changes, for the API and its callers.

Whatever is raised here, nothing was changed. `status` is the HTTP status that fits.
"""

from billing.money import BadAmount, UnknownCurrency
from billing.tariff import BadTariff


class Problem(Exception):
    """Theirs: the request cannot be carried out as things are."""

    code = "conflict"
    status = 409


class UnknownPayment(Problem):
    """There is no such payment, or not for the one who asks."""

    code = "unknown_payment"
    status = 404


class PriceMissing(Problem):
    """The consultation is free: there is nothing to agree to, to hold or to charge."""

    code = "price_missing"


class PriceChanged(Problem):
    """What the patient was shown is not the price any more."""

    code = "price_changed"


class PriceLocked(Problem):
    """The price was set by a platform, and its practitioner may not change it."""

    code = "price_locked"


class PriceFixed(Problem):
    """The patient has agreed to the price, or the call has begun: it stays as it is."""

    code = "price_fixed"


class CalledOff(Problem):
    """The consultation was cancelled: nobody agrees to its price any more."""

    code = "too_late"


class NotAgreed(Problem):
    """The patient has not agreed to the price yet."""

    code = "not_agreed"


class AlreadyAgreed(Problem):
    """The patient has agreed already, with another coupon or none."""

    code = "already_agreed"


class BadCoupon(Problem):
    """The coupon cannot be used; `code` says why."""

    status = 422

    def __init__(self, code: str) -> None:
        """`code`: `coupon_` and what is wrong: `unknown`, `expired`, `used_up`, `currency`, `invalid`, `open_price`."""
        super().__init__(code)
        self.code = code


class CouponTaken(Problem):
    """Another coupon has this code."""

    code = "coupon_taken"


class BadContact(Problem):
    """The patient's e-mail address is none, or the language is not one that we write in."""

    code = "bad_contact"
    status = 422


class AmountOverHolds(Problem):
    """More than the holds that are live, or than what the patient agreed to."""

    code = "amount_over_holds"


class HoldExpired(Problem):
    """The hold has lapsed: the patient has to authorise again."""

    code = "hold_expired"


class NoHold(Problem):
    """There is no live hold that could be extended."""

    code = "no_hold"


class CallRunning(Problem):
    """The call goes on: the amount is confirmed when it has ended."""

    code = "call_running"


class AlreadyInvoiced(Problem):
    """The amount has been confirmed."""

    code = "already_invoiced"


class NotInvoiced(Problem):
    """The amount has not been confirmed yet."""

    code = "not_invoiced"


class FactsMissing(Problem):
    """Ours: facts that an amount was made of are not there any more, or are not what they were."""

    code = "facts_missing"


class AlreadyCaptured(Problem):
    """The money has been taken already."""

    code = "already_captured"


class NothingToPay(Problem):
    """The payment does not wait for its patient: it is paid, cancelled, or was never asked for."""

    code = "nothing_to_pay"


class NotMet(Problem):
    """The two have not met: what is held is taken for a missed consultation, or not at all."""

    code = "not_met"


class NotANoShow(Problem):
    """The patient was there, in the call or waiting for a practitioner who was not; or it has not begun."""

    code = "not_a_no_show"


class TooSoon(Problem):
    """The same was asked for less than a minute ago."""

    code = "too_soon"
    status = 429


class NoAccount(Problem):
    """The practitioner cannot be paid yet: the payment provider still asks for something."""

    code = "no_account"


class StalePayment(Problem):
    """Somebody else has changed the payment at the same moment; look again."""

    code = "stale_payment"


class NotRefundable(Problem):
    """Nothing of it has been paid."""

    code = "not_refundable"


class RefundTooLarge(Problem):
    """More than what was paid and not given back yet."""

    code = "refund_too_large"


class RefundedMeanwhile(Problem):
    """Something else was given back since the one who asks has looked."""

    code = "refunded_meanwhile"


class ProviderSilent(Problem):
    """The payment provider does not answer; what was asked for goes on by itself. Look again in a moment."""

    code = "provider_unavailable"
    status = 503


class ProviderRefused(Problem):
    """The payment provider said no. `reason` is its own code."""

    code = "provider_refused"
    status = 402

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


# Everything that a request about money may be answered with; each has a `code`.
THEIRS: tuple[type[Exception], ...] = (Problem, BadAmount, UnknownCurrency, BadTariff)
