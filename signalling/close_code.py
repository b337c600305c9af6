"""Why the server closes a WebSocket. `docs/protocol.md` says what a page does about each."""

from enum import IntEnum


class CloseCode(IntEnum):
    """4000 and above are this protocol's own (RFC 6455 §7.4.2)."""

    RESTARTING = 1012
    FAILED = 1011
    BAD_MESSAGE = 4000
    DISPLACED = 4001
    OVER = 4002
    LOGGED_OUT = 4003
    REFUSED = 4004
    RESUMED = 4005
    TOO_FAST = 4008
