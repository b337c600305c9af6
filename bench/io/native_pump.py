"""The pump in C (`bench/generator/loop.c`), compiled at its first use."""

import functools
import re
import tempfile
from pathlib import Path
from typing import Any

import cffi
import numpy as np
import numpy.typing as npt
from pylibsrtp._binding import ffi as srtp_ffi

from bench.io.compiling import CannotCompile, compile_library
from bench.io.pump import HEAD, Bursts, Came, as_arrivals

_FOLDER = Path(__file__).parent.parent / "generator"
_SLOT = 256
# More than a generator core can receive between two looks.
_ROOM, _OTHER_ROOM = 65536, 4096
# Long enough for some packets at each visit to a socket, short enough for its buffer.
_CIRCLE = 10_000_000


class Native:
    """The compiled library. Raises `CannotCompile`."""

    def __init__(self) -> None:
        self.ffi = cffi.FFI()
        # cffi reads types and functions, but no preprocessor lines.
        self.ffi.cdef(re.sub(r"^#.*$", "", (_FOLDER / "loop.h").read_text(encoding="utf-8"), flags=re.MULTILINE))
        with tempfile.TemporaryDirectory(prefix="visavis-bench-") as folder:
            # What is mapped stays when its file goes.
            path = compile_library(_FOLDER / "loop.c", Path(folder), "The generator's loop in C")
            self.lib: Any = self.ffi.dlopen(str(path))

    def protect(self, function: Any, session: Any, rows: npt.NDArray[np.uint8], length: int) -> int:
        """Protect each row's first `length` bytes in place; return the length then, or minus libsrtp's error.

        `function` and `session` are pointers of pylibsrtp's.
        """
        ours = [self.ffi.cast("void *", int(srtp_ffi.cast("uintptr_t", theirs))) for theirs in (function, session)]
        start = self.ffi.cast("uint8_t *", rows.ctypes.data)
        return int(self.lib.generator_protect(ours[0], ours[1], start, rows.shape[1], len(rows), length))


@functools.cache
def native() -> Native | None:
    """Return the library; None where it cannot be compiled."""
    try:
        return Native()
    except CannotCompile:
        return None


def generator() -> str:
    """Return which generator runs here, for reports."""
    return "in Python: no C compiler" if native() is None else "in C"


class NativePump:
    """See `bench.io.pump.Pump`."""

    def __init__(self, library: Native, bursts: Bursts, start: int, descriptors: list[int]) -> None:
        self._lib = library.lib
        self._heads = np.zeros((_ROOM, HEAD), np.uint8)
        self._lengths = np.zeros(_ROOM, np.uint32)
        self._times = np.zeros(_ROOM, np.int64)
        self._others = np.zeros((_OTHER_ROOM, _SLOT), np.uint8)
        self._other_lengths = np.zeros(_OTHER_ROOM, np.uint32)
        self._other_sockets = np.zeros(_OTHER_ROOM, np.int32)
        self._kept = bursts, np.array(descriptors, np.int32)
        self._run = library.ffi.new("generator_run *")
        self._point(library.ffi, bursts, start)
        for descriptor in descriptors:
            self._lib.generator_prepare(descriptor)

    def _point(self, ffi: Any, bursts: Bursts, start: int) -> None:
        def at(array: Any, kind: str) -> Any:
            return ffi.cast(f"{kind} *", array.ctypes.data)

        run = self._run
        run.start, run.bursts = start, len(bursts.due)
        run.due, run.sent_at = at(bursts.due, "int64_t"), at(bursts.sent_at, "int64_t")
        run.descriptors, run.messages = at(bursts.descriptors, "int32_t"), at(bursts.messages, "int32_t")
        run.headers, run.taken = at(bursts.headers, "uint64_t"), at(bursts.taken, "int32_t")
        run.sockets, run.socket = len(self._kept[1]), at(self._kept[1], "int32_t")
        run.circle = _CIRCLE
        run.room, run.other_room = _ROOM, _OTHER_ROOM
        run.heads, run.lengths, run.times = (
            at(self._heads, "uint8_t"),
            at(self._lengths, "uint32_t"),
            at(self._times, "int64_t"),
        )
        run.others, run.other_lengths = at(self._others, "uint8_t"), at(self._other_lengths, "uint32_t")
        run.other_sockets = at(self._other_sockets, "int32_t")

    @property
    def next(self) -> int:
        return int(self._run.next)

    def go(self, until: int) -> None:
        self._lib.generator_go(self._run, until)

    def receive(self) -> bool:
        return bool(self._lib.generator_receive(self._run))

    def take(self) -> Came:
        run = self._run
        used, others = run.used, run.other_used
        media = as_arrivals(self._heads[:used], self._lengths[:used], self._times[:used])
        rest = [
            (int(self._other_sockets[i]), self._others[i, : min(int(self._other_lengths[i]), _SLOT)].tobytes())
            for i in range(others)
        ]
        run.used = run.other_used = 0
        return Came(media, rest)
