"""One page's conversation with the server: what is numbered, acknowledged, kept, and sent again.

Contract: `receive` a frame and carry out the request that it returns, which happens once and in order; `say` an
event and send the text that it returns; on a new socket `resume`, and send those texts. A session outlives its
sockets: `away_since` says since when it has had none. It has no clock and no socket of its own.
"""

from datetime import datetime, timedelta

from signalling.protocol import BadMessage, ClientFrame, Event, Opening, Request, ServerFrame, encode

# A page that was away for two minutes gets these or fewer: beyond that a snapshot is shorter than the replay.
KEPT_FRAMES = 256
KEPT_BYTES = 256 * 1024
# How long what was said is kept for a page without a socket.
KEPT_FOR = timedelta(seconds=120)


class Session:
    """`continued=False` is a session that only the database remembers: its page has frames that we do not know of."""

    __slots__ = ("_bytes", "_gap", "_kept", "_received", "_sent", "away_since")

    def __init__(self, *, continued: bool = True) -> None:
        self._sent = 0
        self._received: int | None = 0 if continued else None
        # Short nearly always, and an empty deque takes ten times as much.
        self._kept: list[tuple[int, Event, int]] = []
        self._bytes = 0
        self._gap = not continued
        self.away_since: datetime | None = None

    def say(self, event: Event) -> str:
        """Return the text of the next numbered frame, and keep the event until the page acknowledges it."""
        self._sent += 1
        text = encode(ServerFrame(self._sent, self._received or 0, event))
        self._kept.append((self._sent, event, len(text)))
        self._bytes += len(text)
        while len(self._kept) > KEPT_FRAMES or self._bytes > KEPT_BYTES:
            self._drop_oldest()
        return text

    def greet(self, event: Event) -> str:
        """Return the text of a frame that belongs to this socket only: it has `n` 0 and is never sent again."""
        return encode(ServerFrame(0, self._received or 0, event))

    def acknowledge(self) -> str:
        """Return the text of a frame that only says what was received."""
        return encode(ServerFrame(0, self._received or 0))

    def receive(self, frame: ClientFrame) -> Request | None:
        """Return the request to carry out, or None when there is none or it was received before.

        Raises `BadMessage` for a number that leaves a gap, an acknowledgement of what was never said, and an
        opening message in mid-conversation.
        """
        if frame.ack > self._sent:
            raise BadMessage("acknowledges a frame that was not sent")
        self._forget_up_to(frame.ack)
        body = frame.body
        if body is None:
            return None
        if isinstance(body, Opening):
            raise BadMessage("an opening message in mid-conversation")
        if frame.n == 0 or (self._received is not None and frame.n > self._received + 1):
            raise BadMessage("frames are numbered from 1 without gaps")
        if self._received is not None and frame.n <= self._received:
            return None
        self._received = frame.n
        return body

    def resume(self, ack: int) -> list[str] | None:
        """Return what a page that has seen frames up to `ack` has missed, oldest first; a socket is there again.

        None when that is not known any more. Then the numbers of what the server says begin anew at 1. The page
        goes on with its own; after a restart the first one that comes is taken, whatever it is.
        """
        self.away_since = None
        if self._gap or not self._sent - len(self._kept) <= ack <= self._sent:
            self._sent = 0
            self._kept.clear()
            self._bytes = 0
            self._gap = False
            return None
        self._forget_up_to(ack)
        return [encode(ServerFrame(n, self._received or 0, event)) for n, event, _ in self._kept]

    def lose_socket(self, at: datetime) -> None:
        """Note that the page has had no socket since `at`."""
        self.away_since = at

    def lapsed(self, at: datetime) -> bool:
        """Whether the page has been away for longer than what was said to it is kept."""
        return self.away_since is not None and at - self.away_since >= KEPT_FOR

    def forget(self) -> None:
        """Keep nothing of what was said: a page that comes back is given a snapshot."""
        self._kept.clear()
        self._bytes = 0
        self._gap = True

    def _forget_up_to(self, ack: int) -> None:
        while self._kept and self._kept[0][0] <= ack:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        self._bytes -= self._kept.pop(0)[2]
