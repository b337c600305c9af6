"""All that the sandbox remembers, and the one way to change it: `put`. The shell takes what changed, and saves it."""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from billing.sandbox import records
from billing.sandbox.errors import ApiError, missing_object
from billing.sandbox.records import AnyRecord, Record

R = TypeVar("R", bound=Record)

# The states that time alone ends; few records are in one, so that time need not look at all of them.
_TIMED = frozenset({"requires_capture", "in_transit"})


class Books:
    """`mint` returns an unguessable word for each id and secret. `incremental`: its accounts may raise holds."""

    def __init__(self, install: records.Install, mint: Callable[[], str], *, incremental: bool = False) -> None:
        self.incremental = incremental
        self._mint = mint
        self._kinds: dict[type[Record], dict[str, Any]] = {}
        self._timed: dict[str, Record] = {}
        self._changed: dict[str, AnyRecord] = {}
        self.put(install)

    # -- change ----------------------------------------------------------------------------------------------

    def new_id(self, kind: type[Record]) -> str:
        return f"sbx_{kind.PREFIX}_{self._mint()}"

    def secret_of(self, name: str) -> str:
        return f"{name}_secret_{self._mint()}"

    def put(self, record: R) -> R:
        """Remember a new record or a new state of one; return it."""
        self.restore(record)
        self._changed[record.id] = record  # type: ignore[assignment]  # every Record is one of AnyRecord
        return record

    def restore(self, record: Record) -> None:
        """Take a record that was saved before."""
        self._kinds.setdefault(type(record), {})[record.id] = record
        if getattr(record, "status", None) in _TIMED:
            self._timed[record.id] = record
        else:
            self._timed.pop(record.id, None)

    def take_changes(self) -> list[AnyRecord]:
        """Return what is new since the last call, in the order of its making."""
        changed = list(self._changed.values())
        self._changed.clear()
        return changed

    # -- look up ---------------------------------------------------------------------------------------------

    @property
    def install(self) -> records.Install:
        return next(self.all(records.Install))

    def all(self, kind: type[R]) -> Iterator[R]:
        """Yield the records of a kind, oldest first."""
        yield from list(self._kinds.get(kind, {}).values())

    def timed(self, kind: type[R]) -> Iterator[R]:
        """Yield the records of a kind that end by themselves: holds, and payouts on their way."""
        return (record for record in list(self._timed.values()) if isinstance(record, kind))

    def of(self, kind: type[R], account: str) -> Iterator[R]:
        """Yield an account's records of a kind, oldest first."""
        return (record for record in self.all(kind) if record.account == account)

    def known(self, kind: type[R], name: str) -> R:
        """Return the record. Raises `KeyError`: for ids that the sandbox itself wrote."""
        found: R = self._kinds.get(kind, {})[name]
        return found

    def get(self, kind: type[R], account: str, name: str, param: str = "id") -> R:
        """Return an account's record. Raises `ApiError` (resource_missing), for another account's too."""
        record = self._kinds.get(kind, {}).get(name)
        if record is None or record.account != account:
            error = missing_object(kind.KIND, name)
            error.param = param
            if param != "id":
                error.status = 400
            raise error
        found: R = record
        return found

    def named(self, name: str) -> Record | None:
        """Return the record with that id, whatever its kind."""
        for held in self._kinds.values():
            if name in held:
                record: Record = held[name]
                return record
        return None

    def acting(self, account: str) -> records.Account | None:
        """Return the connected account that a request is for; None is the platform. Raises `ApiError`."""
        if not account:
            return None
        found = self._kinds.get(records.Account, {}).get(account)
        if found is None:
            raise ApiError(
                403, "account_invalid", f"The key has no access to account '{account}', or it does not exist."
            )
        held: records.Account = found
        return held

    # -- for tests and for the operator ----------------------------------------------------------------------

    @property
    def intents(self) -> list[records.PaymentIntent]:
        return list(self.all(records.PaymentIntent))

    @property
    def charges(self) -> list[records.Charge]:
        """Those that went through, held or captured."""
        return [charge for charge in self.all(records.Charge) if not charge.failed]

    @property
    def refunds(self) -> list[records.Refund]:
        return list(self.all(records.Refund))

    @property
    def transactions(self) -> list[records.BalanceTransaction]:
        return list(self.all(records.BalanceTransaction))

    @property
    def operations(self) -> list[records.Performed]:
        """Every request that asked for a change and was carried out once: replays are not repeated."""
        return list(self.all(records.Performed))

    def balance(self, account: str, currency: str) -> int:
        """Return what an account has, in Stripe's units, available or not."""
        return sum(t.net for t in self.of(records.BalanceTransaction, account) if t.currency == currency)
