"""What the commands say: findings in one of the formats, and what was done."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import typer

from ..diagnostics import LEVELS, render_github, render_json, render_text
from ..sarif import render_sarif
from ..writing import Change

if TYPE_CHECKING:
    from ..build import BuildResult


class Format(StrEnum):
    """How findings are shown."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"
    SARIF = "sarif"


def report(
    result: BuildResult,
    format_: Format,
    *,
    with_changes: bool = False,
    dry_run: bool = False,
    all_good: str = "all good",
    remedy: str = "duologue generate",
) -> None:
    """Print what came of a command.

    `all_good` is what the text form says without findings, `remedy` the command for what is not up
    to date.
    """
    changes = result.changes
    match format_:
        case Format.JSON:
            text = render_json(result.diagnostics)
            if with_changes:
                content = {
                    "findings": json.loads(text),
                    "changes": [
                        {"path": each.path.as_posix(), "change": each.kind} for each in changes
                    ],
                }
                text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
            typer.echo(text, nl=False)
        case Format.GITHUB:
            typer.echo(render_github(result.diagnostics), nl=False)
            for each in changes if dry_run else ():
                typer.echo(f"::error file={each.path.as_posix()}::{_would(each)}")
        case Format.SARIF:
            typer.echo(_sarif(result), nl=False)
        case Format.TEXT:
            text = render_text(result.diagnostics, result.sources, colour=_colour())
            typer.echo(text, nl=False)
            typer.echo(
                _summary(result, with_changes, dry_run, all_good, remedy),
                err=bool(result.diagnostics),
            )


def _sarif(result: BuildResult) -> str:
    from importlib.metadata import version

    from ..checks import purposes

    return render_sarif(result.diagnostics, purposes(), version("duologue"))


def _summary(
    result: BuildResult, with_changes: bool, dry_run: bool, all_good: str, remedy: str
) -> str:
    """The last lines of the text form: how many findings, or what was done."""
    counts = Counter(each.level for each in result.diagnostics)
    found = [_counted(counts[level], level) for level in LEVELS if counts[level]]
    if counts["error"]:
        return f"\n{', '.join(found)}{'; nothing was written' if with_changes else ''}"
    if not with_changes:
        contracts = _counted(len(result.project.judged), "contract")
        return f"{contracts}: {', '.join(found) or all_good}"
    packages = _counted(len(result.packages), "package")
    if not result.changes:
        return f"{packages}: up to date"
    if dry_run:
        lines = [_would(each) for each in result.changes]
        return "\n".join([*lines, f"{packages}: not up to date; run `{remedy}`"])
    lines = [f"{_DONE[each.kind]} {each.path}" for each in result.changes]
    return "\n".join([*lines, f"{packages}: {_done(result.changes)}"])


def _done(changes: Sequence[Change]) -> str:
    """How many files of each kind of change, as in "9 files created, 3 updated"."""
    counts = Counter[str](each.kind for each in changes)
    kinds = [kind for kind in _DONE if counts[kind]]
    first, *others = kinds
    parts = [f"{_counted(counts[first], 'file')} {_DONE[first]}"]
    return ", ".join([*parts, *(f"{counts[kind]} {_DONE[kind]}" for kind in others)])


_DONE: Final = {"create": "created", "update": "updated", "remove": "removed"}


def _would(change: Change) -> str:
    return f"{change.path} would be {_DONE[change.kind]}"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _colour() -> bool:
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ
