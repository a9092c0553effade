"""`python -m tests.bench.guard`: fails if a typed call has become too dear.

The CPU time of a call, both sides together, is held against that of an echo over `websockets`
alone, measured in turn in one run: the one figure that a busy machine does not spoil. Each try
takes about five seconds; there are three.
"""

import statistics
import sys
from contextlib import ExitStack
from typing import Final

from tests.bench.comparison import Figures, phases
from tests.bench.programs import Running, running
from tests.bench.rows import PLAIN, WEBSOCKETS

MAX_RATIO: Final = 0.7
TRIES: Final = 3
ROUNDS: Final = 5
SECONDS: Final = 0.3

_PHASE: Final = next(each for each in phases(SECONDS, 0) if each.name == "64")


def cpu_ratio() -> tuple[float, float, float]:
    """CPU µs per call of ours, per echo of `websockets`, and the median of the rounds' ratios."""
    with ExitStack() as stack:
        ours, theirs = (
            stack.enter_context(running(row, sys.executable)) for row in (PLAIN, WEBSOCKETS)
        )
        pairs = [(_cpu_us(ours), _cpu_us(theirs)) for _ in range(ROUNDS)]
    return (
        statistics.median(ours for ours, _ in pairs),
        statistics.median(theirs for _, theirs in pairs),
        statistics.median(ours / theirs for ours, theirs in pairs),
    )


def _cpu_us(programs: Running) -> float:
    figures = Figures()
    figures.note(_PHASE.name, programs.measure(_PHASE.order, 30))
    return figures.values["64.cpu_us"][0]


def main() -> None:
    """Measure, again if need be, and say what came out."""
    for _ in range(TRIES):
        ours, theirs, ratio = cpu_ratio()
        print(
            f"CPU per call: {ours:.1f} µs, {ratio:.2f} times the {theirs:.1f} µs of a raw "
            f"`websockets` echo (at most {MAX_RATIO})"
        )
        if ratio <= MAX_RATIO:
            return
    sys.exit("a call has become too dear; python -m tests.bench --only duologue --only websockets")


if __name__ == "__main__":
    main()
