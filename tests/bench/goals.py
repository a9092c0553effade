"""The goals that the comparison is held against: ratios of medians of one run."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tests.bench import rows
from tests.bench.comparison import Figures
from tests.bench.rows import Row
from tests.bench.table import markdown


@dataclass(frozen=True, slots=True)
class Goal:
    """`ours` divided by `other`, in one figure of both."""

    what: str
    figure: str
    ours: Row
    other: Row
    bound: float
    is_at_most: bool = False
    other_figure: str = ""
    """Of `other`, where it is another one."""

    def met(self, ratio: float) -> bool:
        """Whether `ratio` is good enough."""
        return ratio <= self.bound if self.is_at_most else ratio >= self.bound


def _speed(other: Row, bound: float) -> Goal:
    return Goal("64 in flight, calls/s", "64.per_s", rows.PLAIN, other, bound)


def _at_most(what: str, figure: str, other: Row, bound: float) -> Goal:
    return Goal(what, figure, rows.PLAIN, other, bound, is_at_most=True)


GOALS: Final = (
    _speed(rows.GRPC, 18),
    _speed(rows.CONNECT, 11),
    _speed(rows.RIVER, 8),
    _speed(rows.AIORPCX, 5),
    _speed(rows.CAPNP, 3.5),
    _speed(rows.WEBSOCKETS, 1.6),
    _speed(rows.PICOWS, 0.7),
    Goal(
        "256 in flight, against 64 in flight",
        "256.per_s",
        rows.PLAIN,
        rows.PLAIN,
        0.95,
        other_figure="64.per_s",
    ),
    _at_most("CPU per call, both sides", "64.cpu_us", rows.GRPC, 0.055),
    _at_most("CPU per call, both sides", "64.cpu_us", rows.WEBSOCKETS, 0.6),
    _at_most("sequential p50", "seq.p50_us", rows.GRPC, 0.45),
    _at_most("sequential p50", "seq.p50_us", rows.CAPNP, 0.65),
    _at_most("sequential p50", "seq.p50_us", rows.WEBSOCKETS, 1.1),
    Goal("stream items/s", "stream.items_per_s", rows.PLAIN, rows.GRPC, 8),
    Goal("stream items/s", "stream.items_per_s", rows.PLAIN, rows.RIVER, 7),
    Goal("64 KiB, calls/s", "large.per_s", rows.PLAIN, rows.GRPC, 1.8),
    Goal("64 KiB, calls/s", "large.per_s", rows.PLAIN, rows.CONNECT, 1.3),
    Goal("64 KiB, calls/s", "large.per_s", rows.PLAIN, rows.CAPNP, 1.0),
    _at_most("set-up time", "set-up.set_up_ms", rows.WEBSOCKETS, 0.9),
)

IDLE_KIB: Final = 20.0
"""What an idle connection may cost at most."""


def judged(found: Mapping[str, Figures]) -> str:
    """Each goal with the ratio reached, as Markdown; goals without both figures say so."""
    lines: list[list[str]] = []
    for goal in GOALS:
        sign = "≤" if goal.is_at_most else "≥"
        against = "itself" if goal.other is goal.ours else goal.other.name
        ratio = _ratio(goal, found)
        reached = "–" if ratio is None else f"{ratio:.3g}x"
        verdict = "not measured" if ratio is None else "met" if goal.met(ratio) else "**missed**"
        lines.append([goal.what, against, f"{sign} {goal.bound:g}x", reached, verdict])
    idle = _median(rows.PLAIN, "idle.idle_kib", found)
    lines.append(
        [
            "KiB per idle connection",
            "",
            f"≤ {IDLE_KIB:g}",
            "–" if idle is None else f"{idle:.1f}",
            "not measured" if idle is None else "met" if idle <= IDLE_KIB else "**missed**",
        ]
    )
    return markdown(["goal", "against", "wanted", "reached", ""], lines)


def _ratio(goal: Goal, found: Mapping[str, Figures]) -> float | None:
    ours = _median(goal.ours, goal.figure, found)
    other = _median(goal.other, goal.other_figure or goal.figure, found)
    return None if ours is None or not other else ours / other


def _median(row: Row, figure: str, found: Mapping[str, Figures]) -> float | None:
    figures = found.get(row.name)
    return None if figures is None else figures.median(figure)
