"""Which packet loop runs: the one in C where it was built and the socket allows it, else the one in Python."""

from collections.abc import Callable

from sfu.io.loop import ControlPlane, PacketLoop
from sfu.io.multi_message import MultiMessageSocket
from sfu.io.python_loop import PythonLoop
from sfu.io.socket import BatchSocket

NativeLoop: "Callable[[MultiMessageSocket, Callable[[], float], ControlPlane], PacketLoop] | None"
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
    if wanted != "python" and NativeLoop is not None and isinstance(socket, MultiMessageSocket):
        return NativeLoop(socket, clock, control)
    if wanted == "native":
        raise LoopUnavailable(wanted)
    return PythonLoop(socket, clock, control)
