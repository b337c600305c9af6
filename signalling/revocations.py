"""Who has logged out while something of theirs was under way."""

from dataclasses import dataclass

from store.ids import PractitionerId


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """A practitioner who was seen to be logged in after `mark` was read."""

    practitioner: PractitionerId
    mark: int


class Revocations:
    """A mark is read before somebody is asked who they are, and compared before anything is given to them."""

    def __init__(self) -> None:
        self._count = 0
        self._last: dict[PractitionerId, int] = {}

    def mark(self) -> int:
        """Return where the count stands."""
        return self._count

    def note(self, practitioner: PractitionerId) -> None:
        """Note that the practitioner has logged out."""
        self._count += 1
        self._last[practitioner] = self._count

    def revoked(self, who: LoggedIn) -> bool:
        """Whether they have logged out since."""
        return self._last.get(who.practitioner, 0) > who.mark
