"""Which packet loop runs: the one in C where it was built and the socket allows it, else the one in Python."""

from collections.abc import Callable

from sfu.io.loop import ControlPlane, PacketLoop, PythonLoop
from sfu.io.socket import BatchSocket, MultiMessageSocket

NativeLoop: "type[PythonLoop] | None"
try:
    from sfu.io.native_loop import NativeLoop
except ImportError:
    NativeLoop = None


# What may be asked for; the first is the default.
LOOPS = ("auto", "native", "python")


class LoopUnavailable(Exception):
    """The loop that was asked for cannot run here."""


def make_loop(wanted: str, socket: BatchSocket, clock: Callable[[], float], control: ControlPlane) -> PacketLoop:
    """Return the loop named `wanted`: `native`, `python`, or `auto` for the best there is.

    Raises `LoopUnavailable` for `native` where it was not built.
    """
    fits = NativeLoop is not None and isinstance(socket, MultiMessageSocket)
    if wanted == "native" and not fits:
        raise LoopUnavailable(wanted)
    if NativeLoop is not None and fits and wanted != "python":
        return NativeLoop(socket, clock, control)
    return PythonLoop(socket, clock, control)
