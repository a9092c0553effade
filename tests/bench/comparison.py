"""Measuring rows in turn: A B C ... A B C ..., so that what disturbs one disturbs all."""

import statistics
import sys
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.bench.environments import CannotInstall, interpreter_of
from tests.bench.load import Json
from tests.bench.programs import Cannot, ProgramFailed, Running, running
from tests.bench.rows import Row

LARGE_IN_FLIGHT: Final = 16
"""Calls with 64 KiB of text that are in flight at once."""


@dataclass(frozen=True, slots=True)
class Phase:
    """One thing to measure: what to order, and under which name its figures are kept."""

    name: str
    order: Json
    first_round_only: bool = False


def phases(seconds: float, idle_connections: int) -> list[Phase]:
    """All that a table has, each phase `seconds` long."""

    def calls(payload: str, in_flight: int) -> Json:
        return {"what": "calls", "payload": payload, "in_flight": in_flight, "seconds": seconds}

    return [
        Phase("seq", calls("small", 1)),
        Phase("64", calls("small", 64)),
        Phase("256", calls("small", 256)),
        Phase("large", calls("large", LARGE_IN_FLIGHT)),
        Phase("stream", {"what": "stream", "seconds": seconds}),
        Phase("set-up", {"what": "set-up", "times": 20}),
        Phase("idle", {"what": "idle", "connections": idle_connections}, first_round_only=True),
    ]


@dataclass(slots=True)
class Figures:
    """What a row gave: a list per figure, one value per round, or why there is nothing."""

    values: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    failure: str = ""
    """In which phase it failed and what it said; empty if all went well."""

    def median(self, name: str) -> float | None:
        """The median of a figure such as `64.per_s`; None if there is none."""
        values = self.values.get(name)
        return statistics.median(values) if values else None

    def note(self, phase: str, answer: Json) -> None:
        """Keep the figures of one phase of one round."""
        servers = answer.pop("server_us", None)
        for name, value in answer.items():
            self.values[f"{phase}.{name}"].append(value)
        if servers is not None:
            self.values[f"{phase}.broker_us"].append(servers[0])
            self.values[f"{phase}.server_us"].append(sum(servers))
            self.values[f"{phase}.cpu_us"].append(sum(servers) + answer["client_us"])


def compare(
    rows: Sequence[Row], wanted: Sequence[Phase], rounds: int, cache: Path
) -> dict[str, Figures]:
    """Measure every phase of every row, in turn, `rounds` times; one row's trouble is its own."""
    found = {row.name: Figures() for row in rows}
    with ExitStack() as stack:
        up: dict[str, Running] = {}
        for row in rows:
            _tell(f"starting {row.name}")
            try:
                python = interpreter_of(row.environment, cache)
                up[row.name] = stack.enter_context(running(row, python))
            except (CannotInstall, ProgramFailed) as error:
                found[row.name].failure = str(error)
        absent: set[tuple[str, str]] = {(row.name, each) for row in rows for each in row.skipped}
        for number in range(rounds):
            for phase in wanted:
                if phase.first_round_only and number:
                    continue
                for row in rows:
                    if row.name not in up or (row.name, phase.name) in absent:
                        continue
                    _tell(f"round {number + 1} of {rounds}, {phase.name}, {row.name}")
                    try:
                        _measure(up[row.name], phase, found[row.name])
                    except Cannot:
                        absent.add((row.name, phase.name))
                    except ProgramFailed as error:
                        found[row.name].failure = f"{phase.name}: {error}"
                        absent.add((row.name, phase.name))
        _tell("ending the programs")
    _tell("")
    return found


def _measure(programs: Running, phase: Phase, figures: Figures) -> None:
    seconds = float(phase.order.get("seconds", 0))
    figures.note(phase.name, programs.measure(phase.order, 30 + 10 * seconds))


def _tell(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
    elif text:
        print(text, file=sys.stderr, flush=True)
