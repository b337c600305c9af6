"""Messages of `sfu.control` on a Unix socket: msgpack behind a 32-bit big-endian length."""

import asyncio
import struct
from collections.abc import Iterator
from typing import Any, Generic, TypeVar

import msgspec

M = TypeVar("M")
# An offer is about 6 KiB; statistics of 1,000 legs stay below this.
MAX_MESSAGE = 8 * 1024 * 1024
_LENGTH = struct.Struct("!I")
_encoder = msgspec.msgpack.Encoder()


async def read_message(reader: asyncio.StreamReader, decoder: msgspec.msgpack.Decoder[M]) -> M | None:
    """Return the next message, or None at the end of the stream. Raises `ValueError` for what is not one."""
    try:
        (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
        if length > MAX_MESSAGE:
            raise ValueError("message too long")
        return decoder.decode(await reader.readexactly(length))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    except msgspec.MsgspecError as error:
        raise ValueError("not a message of this protocol") from error


def write_message(writer: asyncio.WriteTransport | asyncio.StreamWriter, message: Any) -> None:
    """Queue a message; the stream's buffer grows while the other side does not read."""
    data = _encoder.encode(message)
    writer.write(_LENGTH.pack(len(data)) + data)


class Messages(Generic[M]):
    """The messages in a stream that comes in pieces: for a reader that must not cost a task and two waits for each."""

    def __init__(self, decoder: msgspec.msgpack.Decoder[M]) -> None:
        self._decoder = decoder
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[M]:
        """Give the messages that are whole now. Raises `ValueError` for what is not one."""
        data = self._rest + data if self._rest else data
        view, place = memoryview(data), 0
        while len(data) - place >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(data, place)
            if length > MAX_MESSAGE:
                raise ValueError("message too long")
            end = place + _LENGTH.size + length
            if end > len(data):
                break
            try:
                message = self._decoder.decode(view[place + _LENGTH.size : end])
            except msgspec.MsgspecError as error:
                raise ValueError("not a message of this protocol") from error
            place = end
            yield message
        self._rest = data[place:]
