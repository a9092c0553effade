"""The command `duologue bench`."""

import sys
from enum import StrEnum
from typing import Annotated, Final

import typer

from duologue.bench.comparison import compare
from duologue.bench.machine import busy, describe
from duologue.bench.programs import command_of, running
from duologue.bench.report import BASELINE, DUOLOGUE, as_json, as_text, plan

EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2

INTRODUCTION: Final = """\
Typed calls of duologue beside a raw `websockets` echo, which has neither calls nor types.
Two processes on this machine; medians of {rounds} rounds of {seconds:g} s phases, taken in turn.
{machine}; {before} before, {after} after.
"""


class Format(StrEnum):
    """How the result is written."""

    text = "text"
    json = "json"


def bench(
    quick: Annotated[
        bool, typer.Option("--quick", help="A quarter of a minute; figures are rough.")
    ] = False,
    rounds: Annotated[
        int | None, typer.Option(min=1, help="Medians are of so many (5; quick: 3).")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(min=0.01, help="Of each phase (0.5; quick: 0.1).")
    ] = None,
    format: Annotated[Format, typer.Option("--format", help="json: one object.")] = Format.text,
) -> None:
    """Measure what calls cost on this machine.

    Calls per second and processor time per call against calls in flight and payload size, latency,
    time to connect and memory of an idle connection, with a raw `websockets` echo as the baseline.
    Trust the processor time first: wall time moves with whatever else the machine does. Takes
    about a minute; on a terminal it says what it is doing.
    """
    if sys.platform == "win32":
        typer.echo("duologue bench measures on Linux and macOS only.", err=True)
        raise typer.Exit(EXIT_USAGE)
    rounds = rounds or (3 if quick else 5)
    seconds = seconds or (0.1 if quick else 0.5)
    phases, measures = plan(seconds, 50 if quick else 200)
    before = busy()
    found = compare(
        [DUOLOGUE, BASELINE], phases, rounds, lambda subject: running(subject, command_of())
    )
    if format is Format.json:
        about = {"machine": describe(), "rounds": rounds, "seconds": seconds}
        typer.echo(as_json(measures, found, about))
    else:
        typer.echo(
            INTRODUCTION.format(
                rounds=rounds, seconds=seconds, machine=describe(), before=before, after=busy()
            )
        )
        typer.echo(as_text(measures, found))
    failures = [f"{name}: {each.failure}" for name, each in found.items() if each.failure]
    for failure in failures:
        typer.echo(failure, err=True)
    if failures:
        raise typer.Exit(EXIT_FAILED)
