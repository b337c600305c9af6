"""The data folder: made once, kept to its owner, held by one web process at a time."""

import contextlib
import fcntl
import os
import secrets
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import msgspec

from app.language import Refused, say

KEY_BYTES = 32
# A Unix socket's path holds 103 bytes on macOS and 107 on Linux; `/worker-255.sock` takes 16 of them.
LONGEST_RUN_DIR = 103 - 16
# The doctor looks at the lock for an instant, and a service manager may start a process while the last one ends.
LOCK_PATIENCE = 1.0


class WebProcess(msgspec.Struct, frozen=True):
    """The web process that holds a data folder: where it listens, and whether stopping it stops the workers."""

    pid: int
    host: str
    port: int
    url: str


def prepare(data: Path) -> None:
    """Make the folder and its run folder, for their owner alone. Raises `Refused` where that is impossible."""
    run_dir = data / "run"
    if len(os.fsencode(run_dir)) > LONGEST_RUN_DIR:
        raise Refused(
            say(
                "The path of the data folder {folder} is too long for the sockets in it: choose a shorter one.",
                folder=data,
            )
        )
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        run_dir.mkdir(mode=0o700, exist_ok=True)
        probe = run_dir / f"probe-{os.getpid()}"
        probe.touch(mode=0o600)
        probe.unlink()
    except OSError as error:
        raise Refused(
            say(
                "The data folder {folder} cannot be written: choose another with --data, or give this user the right.",
                folder=data,
            )
        ) from error


def secret_key(data: Path) -> bytes:
    """Return the key of 32 random bytes behind invitations and tickets; it is made at the first call.

    Raises `Refused` when others may read the file or when it is not a key.
    """
    path = data / "secret.key"
    if not path.exists():
        _make_key(path)
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise Refused(
            say("Other users may read {file}, which would let them make invitations: run chmod 600 on it.", file=path)
        )
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise Refused(say("{file} is damaged: put back the copy from your backup.", file=path))
    return key


@contextlib.contextmanager
def held(data: Path) -> Iterator[IO[str]]:
    """Hold the folder for one web process; the kernel lets go of it when the process ends, however it ends.

    Gives the lock's file, for `announce`. Raises `Refused` while another one holds it.
    """
    with _lock_path(data).open("a+") as file:
        deadline = time.monotonic() + LOCK_PATIENCE
        while not _try_lock(file, fcntl.LOCK_EX):
            if time.monotonic() > deadline:
                raise Refused(
                    say(
                        "Visavis is already running on the data folder {folder}: "
                        "stop it first, or choose another with --data.",
                        folder=data,
                    )
                )
            time.sleep(0.05)
        file.truncate(0)
        yield file


def announce(file: IO[str], web: WebProcess) -> None:
    """Write into the lock's file who holds it and where it listens."""
    file.truncate(0)
    file.write(msgspec.json.encode(web).decode())
    file.flush()


def running_web(data: Path) -> WebProcess | None:
    """Return the web process that holds the folder, or None."""
    try:
        with _lock_path(data).open("r") as file:
            if _try_lock(file, fcntl.LOCK_SH):
                return None
            return msgspec.json.decode(file.read(), type=WebProcess)
    except (OSError, msgspec.DecodeError):
        return None


def _lock_path(data: Path) -> Path:
    return data / "run" / "web.lock"


def _try_lock(file: IO[str], kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _make_key(path: Path) -> None:
    # Written aside and linked, so that a crash leaves no half of a key and of two processes one wins.
    draft = path.with_name(f"secret.key.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(descriptor, secrets.token_bytes(KEY_BYTES))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    with contextlib.suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()
