"""A leg's states and the one table of its transitions."""

from enum import StrEnum


class LegState(StrEnum):
    """Where a leg stands between its first offer and its end."""

    OFFERED = "offered"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    LOST = "lost"
    CLOSED = "closed"


class CloseReason(StrEnum):
    """Why a leg ended."""

    COMMAND = "command"
    REPLACED = "replaced"
    HANGUP = "hangup"
    HANDSHAKE = "handshake"
    CONSENT = "consent"


class LegEvent(StrEnum):
    """What moves a leg."""

    ANSWERED = "answered"
    SECURED = "secured"
    SILENT = "silent"
    HEARD = "heard"
    CLOSE = "close"


TRANSITIONS: dict[tuple[LegState, LegEvent], LegState] = {
    (LegState.OFFERED, LegEvent.ANSWERED): LegState.CONNECTING,
    (LegState.CONNECTING, LegEvent.ANSWERED): LegState.CONNECTING,
    (LegState.CONNECTED, LegEvent.ANSWERED): LegState.CONNECTED,
    (LegState.LOST, LegEvent.ANSWERED): LegState.LOST,
    (LegState.CONNECTING, LegEvent.SECURED): LegState.CONNECTED,
    (LegState.CONNECTED, LegEvent.SILENT): LegState.LOST,
    (LegState.LOST, LegEvent.HEARD): LegState.CONNECTED,
    (LegState.OFFERED, LegEvent.CLOSE): LegState.CLOSED,
    (LegState.CONNECTING, LegEvent.CLOSE): LegState.CLOSED,
    (LegState.CONNECTED, LegEvent.CLOSE): LegState.CLOSED,
    (LegState.LOST, LegEvent.CLOSE): LegState.CLOSED,
}


class InvalidTransition(Exception):
    """Ours: the code asked a leg for something its state does not allow."""
