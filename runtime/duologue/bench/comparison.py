"""Measuring rows in turn: A B C ... A B C ..., so that what disturbs one disturbs all."""

import statistics
import sys
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from typing import Final, TypeAlias, TypeVar

from duologue.bench.load import Json
from duologue.bench.programs import Cannot, ProgramFailed, Running, Subject

LARGE_IN_FLIGHT: Final = 16
"""Calls with 64 KiB that are in flight at once."""


@dataclass(frozen=True, slots=True)
class Phase:
    """One thing to measure: what to order, and under which name its figures are kept."""

    name: str
    order: Json
    first_round_only: bool = False


S = TypeVar("S", bound=Subject)

Start: TypeAlias = Callable[[S], AbstractContextManager[Running]]
"""Starts the programs of a subject; raises `ProgramFailed` if they do not come up."""


def calls(payload: str | int, in_flight: int, seconds: float, *, is_blob: bool = False) -> Json:
    """The order to call for so long, as `load.payload_of` reads it."""
    return {
        "what": "calls",
        "payload": payload,
        "is_blob": is_blob,
        "in_flight": in_flight,
        "seconds": seconds,
    }


def phases(seconds: float, idle_connections: int) -> list[Phase]:
    """All that a table has, each phase `seconds` long."""
    return [
        # First of all: a process that has been busy has freed memory left for new connections.
        Phase("idle", {"what": "idle", "connections": idle_connections}, first_round_only=True),
        Phase("seq", calls("small", 1, seconds)),
        Phase("64", calls("small", 64, seconds)),
        Phase("256", calls("small", 256, seconds)),
        Phase("large", calls("large", LARGE_IN_FLIGHT, seconds)),
        Phase("blob", calls("blob", LARGE_IN_FLIGHT, seconds)),
        *(
            Phase(flow, {"what": "items", "flow": flow, "seconds": seconds})
            for flow in ("stream", "upload", "exchange")
        ),
        Phase("trips", {"what": "trips", "seconds": seconds}),
        Phase("set-up", {"what": "set-up", "times": 20}),
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
            # The service comes last; a broker may be several processes.
            self.values[f"{phase}.broker_us"].append(sum(servers[:-1] or servers))
            self.values[f"{phase}.server_us"].append(sum(servers))
            self.values[f"{phase}.cpu_us"].append(sum(servers) + answer["client_us"])


def compare(
    subjects: Sequence[S],
    wanted: Sequence[Phase],
    rounds: int,
    start: Start[S],
    skipped: Collection[tuple[str, str]] = (),
) -> dict[str, Figures]:
    """Measure every phase of every subject, in turn, `rounds` times; one's trouble is its own.

    `skipped` are names of subjects and phases that are left out together.
    """
    found = {subject.name: Figures() for subject in subjects}
    absent = set(skipped)
    with ExitStack() as stack:
        up: dict[str, Running] = {}
        for subject in subjects:
            progress(f"starting {subject.name}")
            try:
                up[subject.name] = stack.enter_context(start(subject))
            except ProgramFailed as error:
                found[subject.name].failure = str(error)
        for number in range(rounds):
            for phase in wanted:
                if phase.first_round_only and number:
                    continue
                for name, programs in up.items():
                    if (name, phase.name) in absent:
                        continue
                    progress(f"round {number + 1} of {rounds}, {phase.name}, {name}")
                    try:
                        _measure(programs, phase, found[name])
                    except Cannot:
                        absent.add((name, phase.name))
                    except ProgramFailed as error:
                        found[name].failure = f"{phase.name}: {error}"
                        absent.add((name, phase.name))
        progress("ending the programs")
    progress("")
    return found


def _measure(programs: Running, phase: Phase, figures: Figures) -> None:
    seconds = float(phase.order.get("seconds", 0))
    figures.note(phase.name, programs.measure(phase.order, 30 + 10 * seconds))


def progress(text: str) -> None:
    """Say on a terminal what is being done, in the place of the last text; nothing elsewhere."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
