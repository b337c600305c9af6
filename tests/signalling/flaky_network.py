"""A network between a page and the server that breaks every connection after a random number of bytes."""

import asyncio
import random
from urllib.parse import urlsplit


class FlakyNetwork:
    """Connections break while `breaking` is set: in mid-frame, in mid-handshake, in either direction."""

    def __init__(self, url: str, seed: int) -> None:
        parts = urlsplit(url)
        self._target = (parts.hostname, parts.port)
        self._dice = random.Random(seed)  # noqa: S311  # to be repeated, not secret
        self._tasks: set[asyncio.Task[None]] = set()
        self._ends: list[asyncio.StreamWriter] = []
        self.breaking = True
        self.broken = 0

    async def start(self) -> str:
        """Return the address under which the server is reached through this network."""
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()[:2]
        return f"http://{host}:{port}/ws"

    async def close(self) -> None:
        self._server.close()
        for end in self._ends:
            end.transport.abort()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection(*self._target)
        self._ends += [writer, there_writer]
        left = [self._dice.randrange(400, 4000)]

        def cut() -> None:
            for end in (writer, there_writer):
                end.transport.abort()

        async def one_way(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            try:
                while data := await source.read(self._dice.randrange(1, 300)):
                    if self.breaking and len(data) > left[0]:
                        sink.write(data[: left[0]])
                        await sink.drain()
                        self.broken += 1
                        break
                    left[0] -= len(data)
                    sink.write(data)
                    await sink.drain()
            except ConnectionError:
                pass
            cut()

        for way in (one_way(reader, there_writer), one_way(there_reader, writer)):
            task = asyncio.create_task(way)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
