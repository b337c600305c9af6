"""How long silence may last. Seconds."""

# RFC 7675 §5.1: without an authenticated binding for 30 s, stop sending.
CONSENT = 30.0
# Browsers check connectivity every 2.5 s at least, also when they send no media.
ALIVE = 3.0
# A crash of the worker loses at most this much of what both sides were charged for.
BOTH_ALIVE_PERIOD = 5.0
# An offer that nobody answered, or a handshake that nobody finished.
SETUP = 60.0
