"""Who has logged out while something of theirs was under way."""

from dataclasses import dataclass

from store.ids import PractitionerId


@dataclass(frozen=True, slots=True)
class LogIn:
    """A practitioner's log-in in one browser. `session` names it: the hash of the token in that browser's cookie."""

    practitioner: PractitionerId
    session: str


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """A log-in that was seen to last after `mark` was read."""

    practitioner: PractitionerId
    session: str
    mark: int


class Revocations:
    """A mark is read before somebody is asked who they are, and compared before anything is given to them."""

    def __init__(self) -> None:
        self._count = 0
        self._last: dict[str, int] = {}

    def mark(self) -> int:
        """Return where the count stands."""
        return self._count

    def note(self, practitioner: PractitionerId, session: str | None = None) -> None:
        """Note that the practitioner has logged out, in that session or (None) everywhere."""
        self._count += 1
        self._last[session or practitioner] = self._count

    def revoked(self, who: LoggedIn) -> bool:
        """Whether they have logged out since."""
        return max(self._last.get(name, 0) for name in (who.practitioner, who.session)) > who.mark
