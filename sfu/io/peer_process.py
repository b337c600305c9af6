"""The process at the other end of a Unix socket, held so that it can be ended even when it is no child of ours."""

import asyncio
import contextlib
import os
import signal
import socket
import struct
import sys

# `struct ucred` of unix(7): pid, uid, gid.
_CREDENTIALS = struct.Struct("3i")
# A process that SIGKILL does not end at once waits for a disk; its port is waited for elsewhere.
_END_TIMEOUT = 1.0


class PeerProcess:
    """Held by a pidfd, so that no other process that gets the same number is ever meant. Only Linux can say who it is.

    Make it while the other end is known to live.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._descriptor: int | None = None
        if sys.platform == "linux":
            raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
            pid = _CREDENTIALS.unpack(raw)[0]
            # 0 for one in another container, whose processes are not ours to see.
            if pid > 0 and pid != os.getpid():
                with contextlib.suppress(OSError):
                    self._descriptor = os.pidfd_open(pid)

    async def kill(self) -> bool:
        """Kill it, wait for its end (a second at most), and let go of it. Returns whether it has ended."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None:
            return False
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()
        # A pidfd is readable once its process has ended (pidfd_open(2)).
        loop.add_reader(descriptor, ended.set)
        try:
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
            async with asyncio.timeout(_END_TIMEOUT):
                await ended.wait()
        except (OSError, TimeoutError):
            return False
        finally:
            loop.remove_reader(descriptor)
            os.close(descriptor)
        return True

    def release(self) -> None:
        """Let go of it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
