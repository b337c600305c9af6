"""The messages on the WebSocket: JSON text frames, checked here only. Over 300 lines: a vocabulary is read as a whole.

`docs/protocol.md` defines the words and walks through the exchanges; a test compares it with this file.
A frame is at most 32 KiB. `n` numbers the sender's frames from 1; `ack` is the highest `n` the sender has
received from the other side. An opening message (`Attend`, `Enter`, `Knock`, `Resume`) comes first, has
`n` 0 and is not numbered; a frame without a body only acknowledges.
"""

import json
from typing import Annotated

import msgspec
from msgspec import Meta

MAX_FRAME = 32 * 1024

Id = Annotated[str, Meta(min_length=26, max_length=26, pattern=r"^[a-z]{3}_[A-Za-z0-9_-]{22}$")]
Token = Annotated[str, Meta(min_length=16, max_length=256, pattern=r"^[A-Za-z0-9_.~-]+$")]
Name = Annotated[str, Meta(min_length=1, max_length=80)]
Sdp = Annotated[str, Meta(min_length=1, max_length=16 * 1024)]
Number = Annotated[int, Meta(ge=0, le=2**53 - 1)]


class Devices(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the device check found: each is `ok`, `off` (chosen by the user), `denied`, `missing` or `unknown`."""

    camera: Annotated[str, Meta(pattern="^(ok|off|denied|missing|unknown)$")] = "unknown"
    microphone: Annotated[str, Meta(pattern="^(ok|off|denied|missing|unknown)$")] = "unknown"


class Sending(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a participant sends at the moment."""

    microphone: bool = False
    camera: bool = False
    screen: bool = False


# -- from the browser: opening messages ----------------------------------------------------------------------


class Attend(msgspec.Struct, frozen=True, tag="attend", forbid_unknown_fields=True):
    """A logged-in practitioner's desk wants the waiting lists of all their consultations."""


class Enter(msgspec.Struct, frozen=True, tag="enter", forbid_unknown_fields=True):
    """A logged-in practitioner takes their seat; who held it in another tab is told `displaced`."""

    consultation: Id
    sending: Sending = Sending()


class Knock(msgspec.Struct, frozen=True, tag="knock", forbid_unknown_fields=True):
    """A patient with an invitation arrives. With the ticket of an earlier arrival it resumes that place or seat."""

    invitation: Token
    name: Name
    devices: Devices = Devices()
    ticket: Token | None = None


class Resume(msgspec.Struct, frozen=True, tag="resume", forbid_unknown_fields=True):
    """The same page on a new socket: `session` as in `Welcome`; the frame's `ack` says what it has seen."""

    session: Token


# -- from the browser ---------------------------------------------------------------------------------------


class DevicesChanged(msgspec.Struct, frozen=True, tag="devices", forbid_unknown_fields=True):
    """The waiting patient's devices changed."""

    devices: Devices


class Admit(msgspec.Struct, frozen=True, tag="admit", forbid_unknown_fields=True):
    """Let this one in. `version` as last seen in `Lobby`: the loser of a race is told `stale`."""

    admission: Id
    version: Number


class Decline(msgspec.Struct, frozen=True, tag="decline", forbid_unknown_fields=True):
    """Refuse this one."""

    admission: Id
    version: Number


class SendBack(msgspec.Struct, frozen=True, tag="send_back", forbid_unknown_fields=True):
    """Send the patient from the call back to the waiting room."""


class Answer(msgspec.Struct, frozen=True, tag="answer", forbid_unknown_fields=True):
    """The answer to the offer with the same `negotiation`."""

    negotiation: Number
    sdp: Sdp


class RestartIce(msgspec.Struct, frozen=True, tag="restart_ice", forbid_unknown_fields=True):
    """The network changed or ICE was disconnected: send an offer with new ICE credentials."""


class SendingChanged(msgspec.Struct, frozen=True, tag="sending", forbid_unknown_fields=True):
    """Microphone, camera or screen was switched."""

    sending: Sending


class PauseMeter(msgspec.Struct, frozen=True, tag="pause_meter", forbid_unknown_fields=True):
    """The practitioner lets the time that follows be free."""


class ResumeMeter(msgspec.Struct, frozen=True, tag="resume_meter", forbid_unknown_fields=True):
    """The practitioner lets the meter go on."""


class Leave(msgspec.Struct, frozen=True, tag="leave", forbid_unknown_fields=True):
    """Give up the place or the seat. The practitioner's leaving ends the call for both."""


class Alive(msgspec.Struct, frozen=True, tag="alive", forbid_unknown_fields=True):
    """Nothing new: the server acknowledges. Sent after 5 s of silence."""


Opening = Attend | Enter | Knock | Resume
Request = (
    DevicesChanged
    | Admit
    | Decline
    | SendBack
    | Answer
    | RestartIce
    | SendingChanged
    | PauseMeter
    | ResumeMeter
    | Leave
    | Alive
)

# -- from the server ----------------------------------------------------------------------------------------


class Welcome(msgspec.Struct, frozen=True, tag="welcome"):
    """First frame of every session. `resumed` says that no frame was lost; else the page starts from what follows."""

    session: str
    role: str
    resumed: bool


class Waiting(msgspec.Struct, frozen=True, tag="waiting"):
    """You are in the waiting room. Keep `ticket`: it is your place. `host` is `absent`, `present` or `in_call`."""

    ticket: str
    since: str
    practitioner: str
    starts_at: str
    host: str


class NotYet(msgspec.Struct, frozen=True, tag="not_yet"):
    """You cannot enter the waiting room: `obstacles` are of `lobby.gate.Obstacle`. Times are ISO 8601 UTC."""

    obstacles: list[str]
    opens_at: str
    closes_at: str


class Admitted(msgspec.Struct, frozen=True, tag="admitted"):
    """The practitioner let you in; an `Offer` follows."""

    ticket: str


class Declined(msgspec.Struct, frozen=True, tag="declined"):
    """The practitioner refused; the place is gone."""


class SentBack(msgspec.Struct, frozen=True, tag="sent_back"):
    """You are in the waiting room again: stop media; a `Waiting` follows."""


class Lapsed(msgspec.Struct, frozen=True, tag="lapsed"):
    """The ticket no longer holds a place; knock again without it."""


class LobbyEntry(msgspec.Struct, frozen=True):
    """One who waits. `connected` is false while their page is away; `same_link` when the seat is held by this link."""

    admission: str
    version: int
    consultation: str
    name: str
    since: str
    devices: Devices
    connected: bool
    same_link: bool


class Lobby(msgspec.Struct, frozen=True, tag="lobby"):
    """To the practitioner: everybody who waits, oldest first; replaces the list sent before."""

    entries: list[LobbyEntry]


class Offer(msgspec.Struct, frozen=True, tag="offer"):
    """Set as remote description and answer. `fresh` asks for a new RTCPeerConnection: the media side began anew."""

    negotiation: int
    sdp: str
    fresh: bool


class Peer(msgspec.Struct, frozen=True, tag="peer"):
    """The other one. Send media only while `connected`; `name` is shown under their picture."""

    present: bool
    connected: bool
    name: str
    sending: Sending


class CallState(msgspec.Struct, frozen=True, tag="call"):
    """The call's state: `open`, `connecting`, `live`, `interrupted`; `live_since` once both were heard."""

    state: str
    live_since: str | None


class Meter(msgspec.Struct, frozen=True, tag="meter"):
    """What the call costs so far; none is sent in one that is free. Fields as in `signalling.metering.MeterReading`."""

    seconds: int
    running: bool
    paused: bool
    currency: str
    exponent: int
    cost: int
    next_costs: list[int]
    ends_in: int | None


class Ended(msgspec.Struct, frozen=True, tag="ended"):
    """The call is over: `hung_up`, `peer_lost`, `never_joined`, `worker_lost`. `by` is a role or empty."""

    reason: str
    by: str


class Displaced(msgspec.Struct, frozen=True, tag="displaced"):
    """Your seat is taken elsewhere: `same_person` in another tab, or `moved` by the practitioner. The socket closes."""

    how: str


class Rejoin(msgspec.Struct, frozen=True, tag="rejoin"):
    """The media side was lost: drop the RTCPeerConnection; a fresh `Offer` follows."""


class Problem(msgspec.Struct, frozen=True, tag="problem"):
    """What you sent could not be done; the page has a sentence for each `code` (see `PROBLEM_CODES`)."""

    code: str


Event = (
    Welcome
    | Waiting
    | NotYet
    | Admitted
    | Declined
    | SentBack
    | Lapsed
    | Lobby
    | Offer
    | Peer
    | CallState
    | Meter
    | Ended
    | Displaced
    | Rejoin
    | Problem
)

PROBLEM_CODES = (
    "bad_message",
    "not_found",
    "log_in",
    "stale",
    "busy",
    "seat_taken",
    "bad_answer",
    "too_fast",
    "session_unknown",
    "unpaid",
)


class ClientFrame(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a browser sends."""

    n: Number
    ack: Number
    body: Opening | Request | None = None


class ServerFrame(msgspec.Struct, frozen=True):
    """What the server sends."""

    n: int
    ack: int
    body: Event | None = None


class BadMessage(Exception):
    """Theirs: a frame that is too large, no JSON, or no message of this protocol."""


_decoder = msgspec.json.Decoder(ClientFrame)
_encoder = msgspec.json.Encoder()


def decode(data: bytes | str) -> ClientFrame:
    """Return the frame. Raises `BadMessage` for anything that is not one (size counted in UTF-8 bytes)."""
    raw = data.encode(errors="replace") if isinstance(data, str) else data
    if len(raw) > MAX_FRAME:
        raise BadMessage("frame over 32 KiB")
    try:
        frame = _decoder.decode(raw)
        # msgspec takes the last of two equal keys; what went in between may have read the first.
        json.loads(raw, object_pairs_hook=_each_key_once)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise BadMessage("not a message of this protocol") from error
    return frame


def _each_key_once(pairs: list[tuple[str, object]]) -> None:
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("a key said twice")


def encode(frame: ServerFrame) -> str:
    """Return the frame's JSON text."""
    return _encoder.encode(frame).decode()
