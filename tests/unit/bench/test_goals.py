"""Goals: what counts as reached."""

from duologue.bench.comparison import Figures
from tests.bench import rows
from tests.bench.goals import GOALS, judged
from tests.bench.relay_listeners import Listeners
from tests.bench.rows import Row


def with_figure(figure: str, values: dict[Row, float]) -> dict[str, Figures]:
    found: dict[str, Figures] = {}
    for row, value in values.items():
        found[row.name] = Figures()
        found[row.name].values[figure].append(value)
    return found


def line(text: str, *parts: str) -> str:
    (chosen,) = (each for each in text.splitlines() if all(part in each for part in parts))
    return chosen


def listeners(count: int) -> Listeners:
    return Listeners(
        listeners=count,
        register_s=39.0,
        relay_mib=300.0,
        kib_per_listener=28.0,
        idle_cpu=0.1,
        lost=0,
        request_p99_ms=5.0,
    )


def test_at_least_and_at_most() -> None:
    found = with_figure("64.cpu_us", {rows.PLAIN: 12.0, rows.WEBSOCKETS: 20.0, rows.GRPC: 100.0})
    text = judged(found)
    assert line(text, "CPU per call, both sides", "raw `websockets`").endswith("| 0.6x | met |")
    assert line(text, "CPU per call, both sides", "grpc.aio").endswith("| 0.12x | **missed** |")
    found = with_figure("64.per_s", {rows.PLAIN: 17.0, rows.WEBSOCKETS: 10.0})
    assert line(judged(found), "64 in flight, calls/s", "raw `websockets`").endswith("| met |")


def test_what_was_not_measured_is_neither() -> None:
    goals = judged({}).splitlines()[2:]
    assert len(goals) > len(GOALS)
    assert all(each.endswith("| – | not measured |") for each in goals)


def test_idle_listeners_are_judged_only_if_there_were_enough() -> None:
    assert line(judged({}, listeners(500)), "listeners, memory").endswith("not measured |")
    text = judged({}, listeners(10_000))
    assert line(text, "listeners, memory").endswith("| 315 MB | **missed** |")
    assert line(text, "listeners, registered").endswith("| 39 s | met |")
    assert line(text, "listeners, lost").endswith("| 0 of them | met |")


def test_a_goal_that_was_raised_tells_both_bounds() -> None:
    assert line(judged({}), "64 in flight, calls/s", "aiorpcX").startswith(
        "| 64 in flight, calls/s | aiorpcX | ≥ 5x | ≥ 5.5x |"
    )


def test_of_costs_alone_only_what_was_measured_is_told() -> None:
    found = with_figure("64.cpu_us", {rows.PLAIN: 12.0, rows.WEBSOCKETS: 20.0})
    found[rows.PLAIN.name].values["64.per_s"].append(1.0)
    found[rows.WEBSOCKETS.name].values["64.per_s"].append(1.0)
    (only,) = judged(found, only_costs=True).splitlines()[2:]
    assert only.startswith("| CPU per call, both sides | raw `websockets` echo |")
