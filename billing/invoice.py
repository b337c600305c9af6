"""What a consultation comes to: the reading during the call, the invoice at its end, what to take from which hold."""

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from billing import tariff as tariffs
from billing.agreement import Hold, Payment, Purpose, Timeline, When, left_by, live
from billing.fees import Rates, commission
from billing.hold import HoldState
from billing.money import smallest_charge
from billing.problems import AmountOverHolds
from billing.tariff import Basis, Discount, Quote, Tariff
from store.ids import HoldId

# How long the practitioner has to confirm the amount; then the metered one stands.
CONFIRM_WITHIN = timedelta(hours=24)
# A hold that nears its end is captured before: hours are enough for a provider that is away for a while.
CONFIRM_BEFORE_EXPIRY = timedelta(hours=12)
# A worker's last facts of a call come a moment after its end; one that was killed sends none at all.
LAST_FACTS_WITHIN = timedelta(seconds=3)
# Who has waited for so long after the start has missed nothing, whenever the practitioner came.
WAITED_LONG = timedelta(minutes=10)

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
        whole = tariffs.edited(payment.tariff, seconds, payment.entered, payment.discount, most_due)
    elif payment.no_show:
        whole = tariffs.with_price(payment.tariff, 0, 0, missed(payment), payment.discount, most_due)
    else:
        whole = tariffs.quote(payment.tariff, seconds, payment.discount, most_due)
    covered = min(whole.covered, _most_covered(payment, whole.price, most_due))
    return replace(whole, covered=covered, waived=whole.waived + whole.covered - covered)


def _most_covered(payment: Payment, price: int, most_due: int | None) -> int:
    """Return the most that the organisation behind a coupon pays of `price`.

    Its part of what was agreed to, or of the higher price that the patient has authorised their own part of since.
    """
    discount, most = payment.discount, payment.agreed_most
    if discount is None:
        return 0
    if most is not None and price > most:
        if most_due is not None and discount.percent < 100:
            most += bisect_left(range(most, price), most_due, key=lambda one: one - _covered(payment, one))
        price = most
    return _covered(payment, price)


def _covered(payment: Payment, price: int) -> int:
    return tariffs.with_price(payment.tariff, 0, 0, price, payment.discount, None).covered


def missed(payment: Payment) -> int:
    """Return the price of a consultation to which the patient did not come: as if it had taken its planned time."""
    price = tariffs.most(payment.tariff, payment.planned_seconds)
    return price if payment.agreed_most is None else min(price, payment.agreed_most)


def waited_in_vain(timeline: Timeline | None) -> bool:
    """Whether it was the practitioner who did not come: the patient waited for nobody, or for too long."""
    if timeline is None or timeline.waiting_since is None:
        return False
    return timeline.host_since is None or timeline.waited_seconds >= WAITED_LONG.total_seconds()


def check_entered(payment: Payment, amount: int, most_due: int | None) -> None:
    """Raise `AmountOverHolds` when the amount cannot be charged in full, `BadAmount` when it is none."""
    whole = tariffs.edited(payment.tariff, 0, amount, payment.discount, None)
    if (most_due is not None and whole.due > most_due) or whole.covered > _most_covered(payment, amount, most_due):
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

    No part is less than a card can be charged: older holds give way, and where they cannot, so little is not taken. The
    commission of the parts is that of the sum.
    """
    kept = live(holds, at)
    parts: list[Take] = []
    taken = 0
    for hold, amount in zip(kept, _shares(kept, due), strict=True):
        if amount > 0:
            parts.append(Take(hold.id, amount, fee_of_part(taken, amount, rates, hold.currency)))
            taken += amount
    return tuple(parts)


def _shares(kept: Iterable[Hold], due: int) -> list[int]:
    """Return how much each hold gives: nothing, or at least what a card can be charged."""
    shares: list[int] = []
    for hold in kept:
        least = smallest_charge(hold.currency)
        rest = due - sum(shares)
        if 0 < rest < least <= hold.amount:
            shares = _giving_way(shares, hold.amount, rest, least)
            rest = due - sum(shares)
        share = min(hold.amount, rest)
        shares.append(share if share >= least else 0)
    return shares


def _giving_way(shares: list[int], room: int, rest: int, least: int) -> list[int]:
    """Return the older holds' shares, so much less that what is left makes a part of its own; else as they were.

    `room`: what the next hold has; `rest`: what is left for it, less than `least`.
    """
    fewer, short = list(shares), least - rest
    for place in reversed(range(len(fewer))):
        given = min(short, max(fewer[place] - least, 0))
        fewer[place] -= given
        short -= given
    if short == 0:
        return fewer
    for place in reversed(range(len(shares))):
        if 0 < shares[place] <= room - rest:
            return [*shares[:place], 0, *shares[place + 1 :]]
    return shares


def fee_of_part(before: int, amount: int, rates: Rates, currency: str) -> int:
    """Return the commission on `amount` after `before` was taken: the parts' commissions sum up to the whole's."""
    return commission(before + amount, rates, currency) - commission(before, rates, currency)


def going_on(ends: Iterable[datetime | None], at: datetime, *, still_open: bool) -> bool:
    """Whether a call goes on, or has just ended and its last facts are on their way.

    `ends`: of each call, None while it goes on; `still_open`: the facts do not have the end of one yet.
    """
    return any(end is None or (still_open and at - end < LAST_FACTS_WITHIN) for end in ends)


def lapsed(payment: Payment, holds: Iterable[Hold], at: datetime) -> bool:
    """Whether there was a hold for this and none is left."""
    known = list(holds)
    if payment.when is When.AFTER or live(known, at):
        return False
    over = {HoldState.HELD, HoldState.EXPIRED}
    return any(hold.purpose is Purpose.HOLD and hold.state in over for hold in known)


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
