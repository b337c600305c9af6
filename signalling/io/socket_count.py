"""How many sockets are open for each client address."""


class SocketCount:
    """An address that has `most` gets no further one. None is a client of unknown address, and not counted."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._open: dict[str, int] = {}

    def take(self, address: str | None) -> bool:
        """Whether one more may be opened; if so it is counted until `give_back`."""
        if address is None:
            return True
        count = self._open.get(address, 0)
        if count >= self._most:
            return False
        self._open[address] = count + 1
        return True

    def give_back(self, address: str | None) -> None:
        """Note that one is closed."""
        if address is None:
            return
        self._open[address] -= 1
        if not self._open[address]:
            del self._open[address]
