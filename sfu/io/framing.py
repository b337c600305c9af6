"""Messages of `sfu.control` on a Unix socket: msgpack behind a 32-bit big-endian length."""

import asyncio
import struct
from typing import Any, TypeVar

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


def write_message(writer: asyncio.StreamWriter, message: Any) -> None:
    """Queue a message; the stream's buffer grows while the other side does not read."""
    data = _encoder.encode(message)
    writer.write(_LENGTH.pack(len(data)) + data)
