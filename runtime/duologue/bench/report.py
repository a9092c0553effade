"""What `duologue bench` measures, and how it says what came out."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from duologue.bench.comparison import LARGE_IN_FLIGHT, Figures, Phase, calls
from duologue.bench.programs import Subject

DUOLOGUE: Final = Subject(name="duologue", module="duologue.bench.duologue_echo")
BASELINE: Final = Subject(name="websockets", module="duologue.bench.websockets_echo", is_alone=True)

IN_FLIGHT: Final = (8, 64, 256)
TEXT_KIB: Final = (1, 16, 64, 256)
BLOB_KIB: Final = (16, 64)


@dataclass(frozen=True, slots=True)
class Measure:
    """One line of the report."""

    what: str
    unit: str
    figure: str
    """As `Figures` calls it."""
    digits: int = 0


def plan(seconds: float, idle_connections: int) -> tuple[list[Phase], list[Measure]]:
    """What to order, each phase `seconds` long, and what to say of it."""
    phases = [
        # First of all: a process that has been busy has freed memory left for new connections.
        Phase("idle", {"what": "idle", "connections": idle_connections}, first_round_only=True),
        Phase("1", calls("small", 1, seconds)),
    ]
    measures = [
        Measure("one call after the other", "calls/s", "1.per_s"),
        Measure("", "p50 µs", "1.p50_us"),
        Measure("", "p99 µs", "1.p99_us"),
    ]

    def add(name: str, what: str, order: dict[str, Any]) -> None:
        phases.append(Phase(name, order))
        measures.append(Measure(what, "calls/s", f"{name}.per_s"))
        measures.append(Measure("", "CPU µs/call", f"{name}.cpu_us", 1))

    for number in IN_FLIGHT:
        add(f"{number}", f"{number} in flight", calls("small", number, seconds))
    for kib in TEXT_KIB:
        order = calls(kib * 1024, LARGE_IN_FLIGHT, seconds)
        add(f"text-{kib}", f"{kib} KiB of text, {LARGE_IN_FLIGHT} in flight", order)
    for kib in BLOB_KIB:
        order = calls(kib * 1024, LARGE_IN_FLIGHT, seconds, is_blob=True)
        add(f"bytes-{kib}", f"{kib} KiB of bytes, {LARGE_IN_FLIGHT} in flight", order)
    phases.append(Phase("set-up", {"what": "set-up", "times": 20}))
    measures += [
        Measure("connecting and a first call", "ms", "set-up.set_up_ms", 2),
        Measure("", "CPU ms", "set-up.set_up_cpu_ms", 2),
        Measure("an idle connection, at the server", "KiB", "idle.idle_kib", 1),
    ]
    return phases, measures


def as_text(measures: Sequence[Measure], found: Mapping[str, Figures]) -> str:
    """A table for people."""
    names = (DUOLOGUE.name, BASELINE.name)
    lines = [["", "", *names, "ratio"]]
    for measure in measures:
        ours, theirs = (found[name].median(measure.figure) for name in names)
        cells = ["–" if each is None else f"{each:,.{measure.digits}f}" for each in (ours, theirs)]
        ratio = f"{ours / theirs:.2f}" if ours is not None and theirs else ""
        lines.append([measure.what, measure.unit, *cells, ratio])
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column < 2 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def as_json(
    measures: Sequence[Measure], found: Mapping[str, Figures], about: Mapping[str, Any]
) -> str:
    """One object; `about` goes in front."""
    values: list[dict[str, Any]] = []
    what = ""
    for measure in measures:
        what = measure.what or what
        medians = {name: each.median(measure.figure) for name, each in found.items()}
        values.append({"what": what, "unit": measure.unit, **medians})
    failures = {name: each.failure for name, each in found.items() if each.failure}
    return json.dumps({**about, "measures": values, "failures": failures}, indent=1)
