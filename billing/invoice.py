"""What a consultation comes to: the reading during the call, the invoice at its end, what to take from which hold."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from billing import tariff as tariffs
from billing.agreement import Hold, Payment, Timeline, When, left_by, live
from billing.fees import Rates, commission
from billing.problems import AmountOverHolds
from billing.tariff import Basis, Discount, Quote, Tariff
from store.ids import HoldId

# How long the practitioner has to confirm the amount; then the metered one stands.
CONFIRM_WITHIN = timedelta(hours=24)
# A hold that nears its end is captured before: hours are enough for a provider that is away for a while.
CONFIRM_BEFORE_EXPIRY = timedelta(hours=12)
# A worker's last facts may be on their way when the call ends.
LAST_FACTS_WITHIN = timedelta(seconds=5)

_LONGEST = 24 * 3600


@dataclass(frozen=True, slots=True)
class Reading:
    """What a consultation's calls come to so far.

    `ends_in_seconds`: billable seconds until no hold covers what follows, None without such an end. `entered` is the
    amount that the practitioner has put in, which `quote` is then made of; `can_extend`: there is a live hold that
    another can be added to.
    """

    tariff: Tariff
    discount: Discount | None
    ceiling: int | None
    quote: Quote
    running: bool
    paused: bool
    ends_in_seconds: int | None
    entered: int | None
    can_extend: bool

    def costs_after(self, seconds: int) -> int:
        """Return the patient's cost when `seconds` more have passed."""
        if self.entered is not None:
            return self.quote.due
        return tariffs.quote(self.tariff, self.quote.seconds + seconds, self.discount, self.ceiling).due


@dataclass(frozen=True, slots=True)
class Take:
    """Capture `amount` of the hold, of which `fee` goes to the platform."""

    hold: HoldId
    amount: int
    fee: int


def ceiling(payment: Payment, holds: Iterable[Hold], at: datetime) -> int | None:
    """Return the most that the patient can be charged: the sum of the live holds, else what they agreed to.

    None: nothing was said of how much it would be. Never more than the live holds as long as there is one.
    """
    held = sum(hold.amount for hold in live(holds, at))
    if payment.when is When.HOLD and held:
        return held
    if payment.agreed_most is None:
        return None
    return left_by(payment.discount, payment.tariff, payment.agreed_most)


def quoted(payment: Payment, seconds: int, most_due: int | None) -> Quote:
    """Return the price of so many seconds, or of the amount that was entered. The invoice is this and nothing else."""
    if payment.entered is not None:
        return tariffs.edited(payment.tariff, seconds, payment.entered, payment.discount, most_due)
    if payment.no_show:
        return tariffs.with_price(payment.tariff, 0, 0, missed(payment), payment.discount, most_due)
    return tariffs.quote(payment.tariff, seconds, payment.discount, most_due)


def missed(payment: Payment) -> int:
    """Return the price of a consultation to which the patient did not come: as if it had taken its planned time."""
    price = tariffs.most(payment.tariff, payment.planned_seconds)
    return price if payment.agreed_most is None else min(price, payment.agreed_most)


def waited_in_vain(timeline: Timeline | None) -> bool:
    """Whether it was the practitioner who did not come: the patient waited, and nobody was ever there."""
    return timeline is not None and timeline.waiting_since is not None and timeline.host_since is None


def check_entered(payment: Payment, amount: int, most_due: int | None) -> None:
    """Raise `AmountOverHolds` when the amount cannot be charged in full, `BadAmount` when it is none."""
    due = tariffs.edited(payment.tariff, 0, amount, payment.discount, None).due
    if most_due is not None and due > most_due:
        raise AmountOverHolds


def ends_in(payment: Payment, seconds: int, most_due: int | None) -> int | None:
    """Return for how many more billable seconds `most_due` is enough; None when it is for any (a day)."""
    if most_due is None or payment.entered is not None:
        return None

    def enough(some: int) -> bool:
        return tariffs.quote(payment.tariff, some, payment.discount).due <= most_due

    if enough(_LONGEST):
        return None
    low, high = 0, _LONGEST
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if enough(middle) else (low, middle)
    return max(low - seconds, 0)


def unagreed(tariff: Tariff, seconds: int) -> Reading:
    """Return the reading of a price that nobody has agreed to yet."""
    return Reading(tariff, None, None, tariffs.quote(tariff, seconds), False, False, None, None, False)


def same_as_invoiced(payment: Payment, anew: Quote) -> bool:
    """Whether an amount that was computed anew is the one that was invoiced."""
    kept = (payment.seconds, payment.price, payment.covered, payment.waived, payment.due)
    return kept == (anew.seconds, anew.price, anew.covered, anew.waived, anew.due)


def takes(holds: Iterable[Hold], due: int, rates: Rates, at: datetime) -> tuple[Take, ...]:
    """Return what to capture: the oldest hold first, as much as it has. What is not named here is released.

    The commission of the parts is that of the sum.
    """
    parts: list[Take] = []
    taken = 0
    for hold in live(holds, at):
        amount = min(hold.amount, due - taken)
        if amount > 0:
            parts.append(Take(hold.id, amount, fee_of_part(taken, amount, rates, hold.currency)))
            taken += amount
    return tuple(parts)


def fee_of_part(before: int, amount: int, rates: Rates, currency: str) -> int:
    """Return the commission on `amount` after `before` was taken: the parts' commissions sum up to the whole's."""
    return commission(before + amount, rates, currency) - commission(before, rates, currency)


def confirm_at(payment: Payment, holds: Iterable[Hold], ended_at: datetime) -> datetime:
    """Return when the amount is confirmed by itself, unless the practitioner has done it."""
    if payment.entered is not None:
        return ended_at + LAST_FACTS_WITHIN
    lapses = [hold.capture_before - CONFIRM_BEFORE_EXPIRY for hold in live(holds, ended_at) if hold.capture_before]
    return max(min([ended_at + CONFIRM_WITHIN, *lapses]), ended_at + LAST_FACTS_WITHIN)


def confirms_itself(payment: Payment, seconds: int) -> bool:
    """Whether there is an amount without anybody's word: not for a call that never was, nor a price said at the end."""
    if payment.entered is not None:
        return True
    return seconds > 0 and payment.tariff.basis is not Basis.AT_END
