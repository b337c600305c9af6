"""Faults on order, for crash tests: what a network and a provider do on a bad day."""

from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase


class Fault(StrEnum):
    """What happens to one request. `…_BEFORE`: it was not carried out; `…_AFTER`: it was."""

    FAIL_BEFORE = "fail_before"
    FAIL_AFTER = "fail_after"
    HANG_BEFORE = "hang_before"
    HANG_AFTER = "hang_after"
    DROP_BEFORE = "drop_before"
    DROP_AFTER = "drop_after"
    BUSY = "busy"
    KEY_IN_USE = "key_in_use"


@dataclass(slots=True)
class _Order:
    fault: Fault
    path: str
    left: int


@dataclass(slots=True)
class Faults:
    """The faults ordered and not yet met, in their order."""

    _orders: list[_Order] = field(default_factory=list)

    def order(self, fault: Fault, path: str = "*", times: int = 1) -> None:
        """Let the next `times` changing requests whose path fits (`/v1/payment_intents/*/capture`) meet the fault."""
        self._orders.append(_Order(fault, path, times))

    def clear(self) -> None:
        self._orders.clear()

    def meet(self, method: str, path: str) -> Fault | None:
        """Return the fault that this request meets, and count it."""
        if method != "POST":
            return None
        for order in self._orders:
            if fnmatchcase(path, order.path):
                order.left -= 1
                if order.left == 0:
                    self._orders.remove(order)
                return order.fault
        return None
