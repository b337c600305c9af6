"""How an opening message ends that begins no session."""

from signalling.protocol import Event


class Refused(Exception):
    """`reason` is what the page is told."""

    def __init__(self, reason: Event) -> None:
        super().__init__()
        self.reason = reason
