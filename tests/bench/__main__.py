"""`python -m tests.bench`: duologue beside its peers, in one table. See README.md here."""

import argparse
import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from duologue.bench.comparison import Figures, compare, phases, progress
from duologue.bench.machine import busy
from tests.bench.environments import default_cache
from tests.bench.goals import judged
from tests.bench.machine import describe
from tests.bench.publishing import RESULT, NoPlace, check_place, publish
from tests.bench.relay_listeners import Listeners, measure
from tests.bench.rows import ROWS, Group, Row, start
from tests.bench.table import listeners_table, tables


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """How much is measured."""

    rounds: int
    seconds: float
    idle_connections: int
    listeners: int
    listening_s: float
    phases: frozenset[str] | None = None
    """The names of those that are measured; None for all."""

    @property
    def only_costs(self) -> bool:
        """Whether nothing but processor time is worth telling: phases are too short for rates."""
        return self.phases is not None


FULL: Final = Extent(
    rounds=5, seconds=0.6, idle_connections=200, listeners=10_000, listening_s=120.0
)
QUICK: Final = Extent(
    rounds=3,
    seconds=0.1,
    idle_connections=50,
    listeners=500,
    listening_s=3.0,
    phases=frozenset({"64", "large", "stream", "set-up"}),
)


def main() -> None:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench", description="duologue beside its peers, in one table"
    )
    parser.add_argument("--quick", action="store_true", help="processor time alone, in two minutes")
    parser.add_argument("--rounds", type=int, help="medians are of so many (5; quick: 3)")
    parser.add_argument(
        "--only", action="append", metavar="NAME", help="rows whose names contain this; repeatable"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="all figures of all rounds")
    parser.add_argument(
        "--markdown", type=Path, metavar="FILE", help="put the tables between the marks in FILE"
    )
    parser.add_argument(
        "--cache", type=Path, default=default_cache(), help="where the peers are installed"
    )
    options = parser.parse_args()
    rows = chosen(options.only)
    if options.quick and not options.only:
        rows = [row for row in rows if row.group is not Group.PYTHONS]
    if not rows:
        parser.error(f"no such row; there are: {', '.join(row.name for row in ROWS)}")
    if options.markdown is not None:
        try:
            check_place(options.markdown, RESULT)
        except (NoPlace, OSError) as error:
            parser.error(str(error))
    extent = QUICK if options.quick else FULL
    rounds: int = options.rounds or extent.rounds
    machine, begun = describe(), time.perf_counter()
    found = compare(
        rows,
        [
            phase
            for phase in phases(extent.seconds, extent.idle_connections)
            if extent.phases is None or phase.name in extent.phases
        ],
        rounds,
        lambda row: start(row, options.cache),
        [(row.name, phase) for row in rows for phase in row.skipped],
    )
    listeners = None if options.only else many_listeners(extent)
    minutes = (time.perf_counter() - begun) / 60
    text = report(rows, found, listeners, machine, rounds, extent, minutes)
    print(text)
    if options.markdown is not None:
        publish(options.markdown, RESULT, text)
    if options.json is not None:
        options.json.write_text(as_json(machine, found, listeners), encoding="utf-8")
    # What befalls a peer stands in the table.
    ours = [row for row in rows if row.environment is None and not row.python]
    if any(found[row.name].failure for row in ours):
        sys.exit(1)


def chosen(names: list[str] | None) -> list[Row]:
    """The rows whose names contain one of `names`, in any case; all of them without any."""
    if not names:
        return list(ROWS)
    return [row for row in ROWS if any(name.lower() in row.name.lower() for name in names)]


def many_listeners(extent: Extent) -> Listeners:
    """What many idle listeners cost a relay."""
    progress(f"{extent.listeners} listeners at one relay, idle for {extent.listening_s:g} s")
    measured = asyncio.run(measure(extent.listeners, extent.listening_s))
    progress("")
    return measured


def report(
    rows: list[Row],
    found: dict[str, Figures],
    listeners: Listeners | None,
    machine: str,
    rounds: int,
    extent: Extent,
    minutes: float,
) -> str:
    """All that a run has found, as Markdown."""
    parts = [
        f"Machine: {machine} before, {busy()} after the run of {minutes:.1f} minutes.",
        f"Medians of {rounds} rounds of {extent.seconds:g} s phases, the rows in turn.",
    ]
    if extent.only_costs:
        parts.append("Phases so short tell processor time only; rates and latencies are left out.")
    parts.append(tables(rows, found, only_costs=extent.only_costs))
    if listeners is not None:
        parts += ["**Idle listeners at one `duologue relay`**", listeners_table([listeners])]
    return "\n\n".join(
        [*parts, "**Goals**", judged(found, listeners, only_costs=extent.only_costs)]
    )


def as_json(machine: str, found: dict[str, Figures], listeners: Listeners | None) -> str:
    """All figures of all rounds."""
    figures = {
        name: {"failure": each.failure, "figures": each.values} for name, each in found.items()
    }
    everything = {
        "machine": machine,
        "rows": figures,
        "listeners": None if listeners is None else asdict(listeners),
    }
    return json.dumps(everything, indent=1) + "\n"


if __name__ == "__main__":
    main()
