"""Time as it passes for what is measured: what a busy machine gave to others is not counted."""

import os
import time
from pathlib import Path
from typing import Final

PATIENCE_S: Final = 60.0
"""How long anything may take that must happen: whoever waits longer has found a fault."""


def queued_s(process: int) -> float:
    """How long the main thread of a process was ready to run and had no processor; Linux only.

    0 where the system does not say: there the machine has to be quiet.
    """
    try:
        return int(Path(f"/proc/{process}/schedstat").read_text().split()[1]) / 1e9
    except (OSError, IndexError):
        return 0.0


class Stopwatch:
    """Runs from when it is made. Knows how late the machine was for this process and for others."""

    def __init__(self, *others: int) -> None:
        """`others` are ids of processes that take part in what is measured."""
        self._queued_s = {each: queued_s(each) for each in (os.getpid(), *others)}
        self._begun_s = time.perf_counter()

    @property
    def wall_s(self) -> float:
        """What a clock on the wall says."""
        return time.perf_counter() - self._begun_s

    @property
    def late_s(self) -> float:
        """How much of it one of the processes waited for a processor."""
        return sum(self._waited_s())

    @property
    def seconds(self) -> float:
        """What it would have taken on a machine with nothing else to do."""
        return max(0.0, self.wall_s - self.late_s)

    @property
    def punctuality(self) -> float:
        """The part of the time that was not lost so: 1 on a quiet machine, 0.05 on the busiest."""
        return max(0.05, 1 - max(self._waited_s()) / self.wall_s)

    def _waited_s(self) -> list[float]:
        # A process that has ended says nothing any more.
        return [max(0.0, queued_s(each) - before) for each, before in self._queued_s.items()]
