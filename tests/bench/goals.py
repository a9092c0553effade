"""The goals that a run is held against: ratios of medians of one run, and a few plain bounds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from duologue.bench.comparison import Figures
from tests.bench import rows
from tests.bench.relay_listeners import Listeners
from tests.bench.rows import Row
from tests.bench.table import markdown


@dataclass(frozen=True, slots=True)
class Goal:
    """`ours` divided by `other`, in one figure of both.

    `first` is the bound that was set before anything was measured, where it was raised since.
    """

    what: str
    figure: str
    ours: Row
    other: Row
    bound: float
    is_at_most: bool = False
    other_figure: str = ""
    """Of `other`, where it is another one."""
    first: float | None = None

    @property
    def is_cost(self) -> bool:
        """Whether it is about processor time, which short phases tell, too."""
        return self.figure.endswith(("cpu_us", "broker_us", "cpu_ms"))

    def met(self, ratio: float) -> bool:
        """Whether `ratio` is good enough."""
        return ratio <= self.bound if self.is_at_most else ratio >= self.bound


Wanted: TypeAlias = float | tuple[float, float]
"""A bound, or the first one and that of now."""


def _at_least(
    what: str, figure: str, bounds: Mapping[Row, Wanted], ours: Row = rows.PLAIN
) -> list[Goal]:
    return [_goal(what, figure, ours, other, wanted, False) for other, wanted in bounds.items()]


def _at_most(
    what: str, figure: str, bounds: Mapping[Row, Wanted], ours: Row = rows.PLAIN
) -> list[Goal]:
    return [_goal(what, figure, ours, other, wanted, True) for other, wanted in bounds.items()]


def _goal(what: str, figure: str, ours: Row, other: Row, wanted: Wanted, is_at_most: bool) -> Goal:
    first, bound = wanted if isinstance(wanted, tuple) else (None, wanted)
    return Goal(what, figure, ours, other, bound, is_at_most, first=first)


GOALS: Final = (
    *_at_least(
        "64 in flight, calls/s",
        "64.per_s",
        {
            rows.GRPC: 18,
            rows.CONNECT: 11,
            rows.RIVER: 8,
            rows.AIORPCX: (5, 5.5),
            rows.CAPNP: 3.5,
            rows.WEBSOCKETS: (1.6, 1.7),
            rows.PICOWS: (0.7, 0.85),
        },
    ),
    Goal(
        "256 in flight, against 64 in flight",
        "256.per_s",
        rows.PLAIN,
        rows.PLAIN,
        0.95,
        other_figure="64.per_s",
    ),
    *(
        Goal("`async def` against `def`, 64 in flight, calls/s", "64.per_s", late, plain, 0.85)
        for plain, late in zip(rows.ON_OTHERS[::2], rows.ON_OTHERS[1::2], strict=True)
    ),
    *_at_most("CPU per call, both sides", "64.cpu_us", {rows.GRPC: 0.055, rows.WEBSOCKETS: 0.6}),
    *_at_most(
        "sequential p50",
        "seq.p50_us",
        {rows.GRPC: 0.45, rows.CAPNP: 0.65, rows.WEBSOCKETS: 1.1},
    ),
    *_at_least(
        "items/s from the server",
        "stream.items_per_s",
        {rows.GRPC: 12, rows.GRPCLIB: 5, rows.CONNECT: 5, rows.RIVER: 5},
    ),
    *_at_least(
        "items/s to the server",
        "upload.items_per_s",
        {rows.GRPC: 12, rows.GRPCLIB: 5, rows.CONNECT: 5, rows.RIVER: 5},
    ),
    *_at_least("items/s both ways", "exchange.items_per_s", {rows.GRPC: 4, rows.GRPCLIB: 4}),
    Goal(
        # An item wakes a task, as the call of an `async def` handler does.
        "an item and back, p50, against a call's",
        "trips.p50_us",
        rows.ASYNC,
        rows.ASYNC,
        1.1,
        is_at_most=True,
        other_figure="seq.p50_us",
    ),
    *_at_least(
        "64 KiB of text, calls/s",
        "large.per_s",
        {rows.GRPC: 1.8, rows.CONNECT: 1.3, rows.CAPNP: 1.0},
    ),
    *_at_least(
        "routed, encrypted, calls/s",
        "64.per_s",
        {rows.NATS: (1.15, 1.3), rows.MET: (0.6, 0.7)},
        rows.SEALED,
    ),
    *_at_least(
        "routed, unencrypted, calls/s",
        "64.per_s",
        {rows.NATS: 1.6, rows.CROSSBAR: 8, rows.HYPHA: 10},
        rows.MET,
    ),
    *_at_most(
        "relay CPU per routed call, unencrypted",
        "64.broker_us",
        {rows.NATS: 1.4, rows.PLAIN_RELAY: 0.35},
        rows.MET,
    ),
    *_at_most(
        "relay CPU per routed call, encrypted",
        "64.broker_us",
        {rows.NATS: 1.4, rows.PLAIN_RELAY: 0.35},
        rows.SEALED,
    ),
    *_at_most("CPU of two nodes per call", "64.broker_us", {rows.SEALED: 1.6}, rows.CROSSED),
    *_at_most("CPU of two nodes per 64 KiB", "large.broker_us", {rows.SEALED: 1.9}, rows.CROSSED),
    *_at_most("set-up time", "set-up.set_up_ms", {rows.WEBSOCKETS: 0.9}),
)


@dataclass(frozen=True, slots=True)
class Bound:
    """What a figure may be at most."""

    what: str
    at_most: float
    reached: float | None
    unit: str


IDLE_KIB: Final = 20.0
SEALED_SET_UP_CPU_MS: Final = 2.5
LISTENERS: Final = 10_000
"""The bounds of idle listeners are for so many."""


def judged(
    found: Mapping[str, Figures], listeners: Listeners | None = None, *, only_costs: bool = False
) -> str:
    """Each goal with what was reached, as Markdown; goals without their figures say so.

    `only_costs` leaves out the goals that are not about processor time, and what was not measured.
    """
    lines: list[list[str]] = []
    for goal in GOALS:
        if only_costs and not goal.is_cost:
            continue
        sign = "≤" if goal.is_at_most else "≥"
        against = "itself" if goal.other is goal.ours else goal.other.name
        ratio = _ratio(goal, found)
        reached = "–" if ratio is None else f"{ratio:.3g}x"
        met = None if ratio is None else goal.met(ratio)
        first = "" if goal.first is None else f"{sign} {goal.first:g}x"
        wanted = f"{sign} {goal.bound:g}x"
        lines.append([goal.what, against, first, wanted, reached, _verdict(met)])
    for bound in _bounds(found, listeners):
        reached = "–" if bound.reached is None else f"{bound.reached:.3g} {bound.unit}"
        met = None if bound.reached is None else bound.reached <= bound.at_most
        wanted = f"≤ {bound.at_most:g} {bound.unit}"
        lines.append([bound.what, "", "", wanted, reached, _verdict(met)])
    if only_costs:
        lines = [line for line in lines if line[-1] != _verdict(None)]
    return markdown(["goal", "against", "at first", "wanted", "reached", ""], lines)


def _bounds(found: Mapping[str, Figures], listeners: Listeners | None) -> list[Bound]:
    idle = _median(rows.PLAIN, "idle.idle_kib", found)
    sealed = _median(rows.SEALED, "set-up.set_up_cpu_ms", found)
    many = f"{LISTENERS:,} idle listeners"

    def of_many(figure: Callable[[Listeners], float]) -> float | None:
        if listeners is None or listeners.listeners < LISTENERS:
            return None
        return figure(listeners)

    return [
        Bound("memory per idle connection", IDLE_KIB, idle, "KiB"),
        Bound("set-up, encrypted, CPU of all", SEALED_SET_UP_CPU_MS, sealed, "ms"),
        Bound(f"{many}, memory", 250, of_many(lambda at: at.relay_mib * 2**20 / 1e6), "MB"),
        Bound(f"{many}, registered in", 40, of_many(lambda at: at.register_s), "s"),
        Bound(f"{many}, CPU of one core", 20, of_many(lambda at: at.idle_cpu * 100), "%"),
        Bound(f"{many}, request p99", 50, of_many(lambda at: at.request_p99_ms), "ms"),
        Bound(f"{many}, lost", 0, of_many(lambda at: at.lost), "of them"),
    ]


def _verdict(met: bool | None) -> str:
    return "not measured" if met is None else "met" if met else "**missed**"


def _ratio(goal: Goal, found: Mapping[str, Figures]) -> float | None:
    ours = _median(goal.ours, goal.figure, found)
    other = _median(goal.other, goal.other_figure or goal.figure, found)
    return None if ours is None or not other else ours / other


def _median(row: Row, figure: str, found: Mapping[str, Figures]) -> float | None:
    figures = found.get(row.name)
    return None if figures is None else figures.median(figure)
