"""A file of stamped facts. Each stands behind its length and CRC-32, so that a tail torn by a crash is known as such.

A file belongs to the process that holds its lock; the kernel lets go of it when that process ends, however it ends.
What a dead one left can then be adopted.
"""

import contextlib
import fcntl
import os
import struct
import zlib
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from sfu.control import Stamped

ENDING = ".log"
_HEAD = struct.Struct("!II")
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Stamped)


def framed(fact: Stamped) -> bytes:
    """Return a fact as it stands in the file."""
    body = _encoder.encode(fact)
    return _HEAD.pack(len(body), zlib.crc32(body)) + body


def unframed(data: bytes) -> Iterator[Stamped]:
    """Give the facts in the bytes of a file, up to the first that is not whole."""
    place = 0
    while place + _HEAD.size <= len(data):
        length, checksum = _HEAD.unpack_from(data, place)
        body = data[place + _HEAD.size : place + _HEAD.size + length]
        if len(body) < length or zlib.crc32(body) != checksum:
            return
        try:
            yield _decoder.decode(body)
        except msgspec.MsgspecError:
            return
        place += _HEAD.size + length


class Segment:
    """Part of a boot's facts. `facts` are those in its file that nobody has acknowledged, if they are `loaded`.

    `size`: how many bytes of the file hold whole facts. Methods that touch the disk block and raise `OSError`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.facts: deque[Stamped] = deque()
        self.loaded = True
        self.size = 0
        self._torn = False
        self._descriptor = -1

    @property
    def boot(self) -> str:
        """Whose facts these are."""
        return self.path.name.split(".")[0]

    def write(self, facts: Iterable[Stamped]) -> None:
        """Append facts and wait until they are on the disk. What a failed attempt left is cut off by the next."""
        if self._descriptor < 0:
            self._create()
        if self._torn:
            os.ftruncate(self._descriptor, self.size)
            os.lseek(self._descriptor, self.size, os.SEEK_SET)
        data = b"".join(map(framed, facts))
        self._torn = True
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
        os.fsync(self._descriptor)
        self._torn = False
        self.size += len(data)

    def _create(self) -> None:
        # It gets its name only when it is locked: nobody adopts it in between.
        draft = self.path.with_suffix(".new")
        descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            draft.rename(self.path)
            _sync_folder(self.path.parent)
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor

    def adopt(self) -> bool:
        """Make a dead process's file ours; its facts are to be loaded. False when it lives or the file is gone."""
        try:
            descriptor = os.open(self.path, os.O_RDWR)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        self.loaded = False
        return True

    def load(self) -> None:
        """Read the facts that are whole."""
        self.facts = deque(unframed(self.path.read_bytes()))
        self.loaded = True

    def forget(self) -> None:
        """Leave the facts to the file, until they are loaded."""
        self.facts = deque()
        self.loaded = False

    def remove(self) -> None:
        """Delete the file: its facts are recorded elsewhere."""
        with contextlib.suppress(OSError):
            self.path.unlink()
        self.release()

    def release(self) -> None:
        """Let go of the file; what it holds may be adopted."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
