"""What every scenario is given: how to get a server, how to say progress, and when to stop."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

from bench.io.processes import Pinning
from bench.io.progress import Progress
from bench.io.target import Target, TargetProblem
from bench.report import ScenarioResult


@dataclass(slots=True)
class Context:
    """`stopping` is set by Ctrl-C or SIGTERM: end your step and return what there is, with `complete=False`.

    `keep` a result after each step, so that a second signal, or a failure, still leaves something to report.
    """

    url: str | None = None
    key: str | None = None
    loop: str = "auto"
    pinning: Pinning = field(default_factory=Pinning.off)
    progress: Progress = field(default_factory=Progress)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    kept: ScenarioResult | None = None

    async def target(self, *, workers: int = 1, options: Iterable[str] = ()) -> Target:
        """Return the server given by `--url`, or a fresh one. Use it in `async with`. Raises `TargetProblem`.

        `options` are command-line options of `visavis up` for a server that is started here.
        """
        if self.url is not None:
            if not self.key:
                raise TargetProblem("--url needs --key: an API key of that server (visavis admin makes one).")
            return Target.at(self.url, self.key)
        if self.key:
            raise TargetProblem("--key says nothing without --url.")
        self.progress.step("starting a server")
        extra = () if self.loop == "auto" else ("--loop", self.loop)
        target = await Target.started(workers=workers, pinning=self.pinning, options=(*extra, *options))
        self.pinning.take_generator()
        return target

    def keep(self, result: ScenarioResult) -> None:
        """Remember what is known so far."""
        self.kept = result

    async def sleep(self, seconds: float) -> bool:
        """Sleep, or until stopped. Returns whether the time passed in full."""
        try:
            await asyncio.wait_for(self.stopping.wait(), seconds)
        except TimeoutError:
            return True
        return False
