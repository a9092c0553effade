"""`python -m tests.bench.guard`: fails if a typed call has become too dear.

The CPU time of a call, both sides together, is held against that of an echo over `websockets`
alone: many short phases of each in turn, and the median of the ratios of neighbours. What else the
machine does then disturbs both, or one pair among many. Tried again twice, in under half a minute.
"""

import statistics
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Final

from duologue.bench.comparison import Figures, calls
from duologue.bench.programs import Running
from tests.bench.environments import default_cache
from tests.bench.rows import PLAIN, WEBSOCKETS, start

MAX_RATIO: Final = 0.7
TRIES: Final = 3
PAIRS: Final = 24
SECONDS: Final = 0.1
"""Of each phase; a quarter of it more is warming up."""

_PHASE: Final = "64"
_ORDER: Final = calls("small", 64, SECONDS)


def paired_ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of the ratios of what was measured next to each other."""
    return statistics.median(one / other for one, other in zip(ours, theirs, strict=True))


def _cpu_us(programs: Running) -> float:
    figures = Figures()
    figures.note(_PHASE, programs.measure(_ORDER, 30))
    return figures.values[f"{_PHASE}.cpu_us"][0]


def _measure(ours: Running, theirs: Running) -> tuple[list[float], list[float]]:
    one: list[float] = []
    other: list[float] = []
    for number in range(PAIRS):
        # Who goes first takes turns, too.
        if number % 2:
            one.append(_cpu_us(ours))
            other.append(_cpu_us(theirs))
        else:
            other.append(_cpu_us(theirs))
            one.append(_cpu_us(ours))
    return one, other


def main() -> None:
    """Measure, again if need be, and say what came out."""
    with ExitStack() as stack:
        ours, theirs = (
            stack.enter_context(start(row, default_cache())) for row in (PLAIN, WEBSOCKETS)
        )
        for _ in range(TRIES):
            one, other = _measure(ours, theirs)
            ratio = paired_ratio(one, other)
            print(
                f"CPU per call: {statistics.median(one):.1f} µs, {ratio:.2f} times the "
                f"{statistics.median(other):.1f} µs of a raw `websockets` echo "
                f"(at most {MAX_RATIO})",
                flush=True,
            )
            if ratio <= MAX_RATIO:
                return
    sys.exit("a call has become too dear; where the time goes: python -m tests.bench.profiling")


if __name__ == "__main__":
    main()
