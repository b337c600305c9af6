"""Processes of this machine: their CPU time, memory and descriptors, and the cores they run on."""

import contextlib
import os
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

_NICE = -20


@dataclass(frozen=True, slots=True)
class Usage:
    """What processes have used together. CPU in seconds since their start, memory in bytes."""

    cpu: float
    rss: int
    descriptors: int
    threads: int


def usage(pids: Iterable[int]) -> Usage:
    """Return what the processes have used; one that has gone counts nothing."""
    cpu, rss, descriptors, threads = 0.0, 0, 0, 0
    for pid in pids:
        try:
            process = psutil.Process(pid)
            cpu += cpu_seconds(pid)
            rss += process.memory_info().rss
            descriptors += process.num_fds()
            threads += process.num_threads()
        except (psutil.Error, OSError):
            continue
    return Usage(cpu, rss, descriptors, threads)


def cpu_seconds(pid: int) -> float:
    """Return user and system time. `schedstat` counts nanoseconds where `stat` has ticks of 10 ms.

    Raises `OSError` when the process has gone.
    """
    total = 0
    try:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            total += int((thread / "schedstat").read_text(encoding="ascii").split()[0])
    except (FileNotFoundError, IndexError):
        total = 0
    if total:
        return total / 1e9
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def sockets(pid: int) -> frozenset[int]:
    """Return the inodes of a process's sockets; empty when it may not be looked at."""
    found = set()
    with contextlib.suppress(OSError):
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                name = str(entry.readlink())
                if name.startswith("socket:["):
                    found.add(int(name[8:-1]))
    return frozenset(found)


def overruns(inodes: Collection[int]) -> int:
    """Return how many datagrams the kernel threw away since these UDP sockets were opened, their buffers being full."""
    total = 0
    for name in ("udp", "udp6"):
        with contextlib.suppress(OSError):
            for line in Path("/proc/net", name).read_text(encoding="ascii").splitlines()[1:]:
                fields = line.split()
                if int(fields[9]) in inodes:
                    total += int(fields[12])
    return total


def descendants(pid: int, part: str = "") -> list[int]:
    """Return the children and theirs, lowest first, whose command line contains `part`."""
    found = []
    with contextlib.suppress(psutil.Error):
        for child in psutil.Process(pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                if part in " ".join(child.cmdline()):
                    found.append(child.pid)
    return sorted(found)


@dataclass(frozen=True, slots=True)
class Pinning:
    """Which cores the server and the generator keep to; empty sets pin nothing."""

    server: frozenset[int]
    generator: frozenset[int]

    @classmethod
    def off(cls) -> "Pinning":
        """Return one that pins nothing."""
        return cls(frozenset(), frozenset())

    @classmethod
    def on(cls) -> "Pinning":
        """Return the server on the first core and the generator on the others, where there are two at least."""
        cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        if len(cores) < 2:
            return cls.off()
        return cls(frozenset(cores[:1]), frozenset(cores[1:]))

    @contextlib.contextmanager
    def for_server(self) -> Iterator[None]:
        """Let processes that are started inside run on the server's core; a child inherits its parent's."""
        if not self.server:
            yield
            return
        cores, nice = os.sched_getaffinity(0), os.getpriority(os.PRIO_PROCESS, 0)
        os.sched_setaffinity(0, self.server)
        _go_first(0)
        try:
            yield
        finally:
            os.setpriority(os.PRIO_PROCESS, 0, nice)
            os.sched_setaffinity(0, cores)

    def take_generator(self) -> None:
        """Keep this process, with all its threads, to the generator's cores from now on."""
        if self.generator:
            for thread in Path("/proc/self/task").iterdir():
                with contextlib.suppress(ProcessLookupError):
                    os.sched_setaffinity(int(thread.name), self.generator)
                    _go_first(int(thread.name))


def _go_first(thread: int) -> None:
    """Let it run before what else the machine does on its core, where that is allowed."""
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, thread, _NICE)
