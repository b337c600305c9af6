"""A participant: one page's session, and the socket that it has at the moment, if any."""

import asyncio
from datetime import datetime
from typing import Protocol

from signalling.close_code import CloseCode
from signalling.protocol import CallState, Devices, Event, Meter, Peer, Welcome
from signalling.session import Session
from store.ids import AdmissionId, ConsultationId, PractitionerId, Seat, SessionId


class Socket(Protocol):
    """The way to one page. Both methods return at once and raise nothing; what cannot be sent closes the socket."""

    def send(self, text: str) -> None:
        """Send the text after those before it."""
        ...

    def close(self, code: CloseCode) -> None:
        """Close once everything before it was sent."""
        ...


class Participant:
    """`consultation` is None for a desk, `admission` for a practitioner. `over` is set once the last word was said.

    `log_in` is the session of a practitioner's log-in, "" while it is not known after a restart.
    `offers_told` is the highest number of an offer that the page knows of. One who waits has `waiting_since`, and was
    told the practitioner's state `host_told`. `devices` is what a patient reported last, if that is known.
    """

    __slots__ = (
        "_last_word",
        "_told",
        "admission",
        "consultation",
        "devices",
        "host_told",
        "log_in",
        "offers_told",
        "over",
        "practitioner",
        "role",
        "session",
        "socket",
        "talk",
        "token_hash",
        "turn",
        "waiting_since",
    )

    def __init__(
        self,
        session: SessionId,
        token_hash: str,
        role: Seat,
        *,
        practitioner: PractitionerId | None = None,
        consultation: ConsultationId | None = None,
        admission: AdmissionId | None = None,
        talk: Session | None = None,
    ) -> None:
        self.session = session
        self.token_hash = token_hash
        self.role = role
        self.practitioner = practitioner
        self.log_in = ""
        self.consultation = consultation
        self.admission = admission
        self.talk = talk or Session()
        self.socket: Socket | None = None
        self.over: CloseCode | None = None
        self._last_word: Event | None = None
        # What is carried out for one page is carried out in the order in which it asked, also across two sockets.
        self.turn = asyncio.Lock()
        self.waiting_since: datetime | None = None
        self.host_told = ""
        self.offers_told = 0
        self.devices: Devices | None = None
        self._told: dict[type[Peer | CallState | Meter], Event] = {}

    @property
    def attached(self) -> bool:
        return self.socket is not None

    def begin(self, socket: Socket, token: str) -> None:
        """Say the first frame of a new session."""
        self.socket = socket
        socket.send(self.talk.greet(Welcome(session=token, role=self.role, resumed=False)))

    def resume(self, socket: Socket, token: str, ack: int) -> bool:
        """Go on over a new socket, with what the page has missed. Returns False when that is not known any more."""
        if self.socket is not None:
            self.socket.close(CloseCode.RESUMED)
        self.socket = socket
        missed = self.talk.resume(ack)
        socket.send(self.talk.greet(Welcome(session=token, role=self.role, resumed=missed is not None)))
        for text in missed or ():
            socket.send(text)
        if missed is None:
            self.forget_news()
        if self.over is not None:
            if missed is None and self._last_word is not None:
                socket.send(self.talk.greet(self._last_word))
            socket.close(self.over)
        return missed is not None

    def tell(self, event: Event) -> None:
        """Say something, now or when the page is here again. Nothing is said after the last word."""
        if self.over is not None:
            return
        text = self.talk.say(event)
        if self.socket is not None:
            self.socket.send(text)

    def tell_news(self, event: Peer | CallState | Meter) -> None:
        """Say it unless it is what was said last."""
        if self._told.get(type(event)) != event:
            self._told[type(event)] = event
            self.tell(event)

    def forget_news(self) -> None:
        """Tell the next news whatever it is: what was said of the call before does not count any more."""
        self._told.clear()

    def acknowledge(self) -> None:
        """Let the page know what was received."""
        if self.socket is not None:
            self.socket.send(self.talk.acknowledge())

    def finish(self, code: CloseCode, at: datetime, last: Event | None = None) -> None:
        """Say the last word and close. A page that is away hears it when it resumes within the time it is kept."""
        if self.over is not None:
            return
        if last is None:
            self.acknowledge()
        else:
            self.tell(last)
        self.over, self._last_word = code, last
        if self.socket is not None:
            self.socket.close(code)
        elif self.talk.away_since is None:
            self.talk.lose_socket(at)

    def lose(self, socket: Socket, at: datetime) -> bool:
        """Note that the socket is gone. Returns whether it was the present one."""
        if self.socket is not socket:
            return False
        self.socket = None
        self.talk.lose_socket(at)
        return True
