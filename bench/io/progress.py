"""Says how far a run is: one line that is redrawn on a terminal, plain lines every few seconds elsewhere."""

import sys
import time
from typing import TextIO

_REDRAW, _LINE_EVERY = 0.1, 5.0
_WIDTH = 30


class Progress:
    """Written to stderr, so that stdout holds the report alone."""

    def __init__(self, out: TextIO = sys.stderr) -> None:
        self._out = out
        self._terminal = out.isatty()
        self._said_at = 0.0
        self._step = ""

    def step(self, text: str) -> None:
        """Begin a step; the one before is done."""
        self._end_line()
        self._step, self._said_at = text, 0.0
        if not self._terminal:
            print(text, file=self._out, flush=True)

    def at(self, share: float, text: str = "") -> None:
        """Say that `share` (0..1) of the step is done; most calls write nothing."""
        now = time.monotonic()
        if now - self._said_at < (_REDRAW if self._terminal else _LINE_EVERY):
            return
        self._said_at = now
        share = min(1.0, max(0.0, share))
        if self._terminal:
            bar = "█" * round(share * _WIDTH) + "░" * (_WIDTH - round(share * _WIDTH))
            print(f"\r\x1b[K{bar} {share:4.0%} {self._step} {text}", end="", file=self._out, flush=True)
        else:
            print(f"  {share:4.0%} {text}".rstrip(), file=self._out, flush=True)

    def done(self) -> None:
        """Leave the terminal clean."""
        self._end_line()

    def _end_line(self) -> None:
        if self._terminal:
            print("\r\x1b[K", end="", file=self._out, flush=True)
