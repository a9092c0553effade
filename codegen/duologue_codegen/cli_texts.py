"""The commands of the compiler about texts: `fmt`, `ids` and `explain`."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .command_line.faults import EXIT_FINDINGS, faults
from .command_line.options import Paths, Schema, WrongUse, contracts_of, settings_of
from .command_line.report import Format, report

if TYPE_CHECKING:
    from .reading.project import Project

Check = Annotated[bool, typer.Option("--check", help="Write nothing; fail if a byte would change.")]


def fmt(paths: Paths = None, schema: Schema = None, check: Check = False) -> None:
    """Put contracts into their one form: levels, spaces, empty lines. Comments stay.

    What is no YAML is left as it is, and told.
    """
    with faults("fmt"):
        from .build import BuildResult
        from .reading.project import load_project
        from .text.form import formed
        from .text.source import read_source

        settings, asked = settings_of(paths or (), schema, None)
        project = contracts_of(lambda: load_project(settings.schema, asked))
        unreadable = tuple(each for each in project.diagnostics if each.rule in UNREADABLE)
        changed: dict[str, str] = {}
        for contract in project.contracts:
            file = contract.at.file
            source, _ = read_source(file, Path(file).read_bytes())
            text = formed(source)
            if text.encode() != Path(file).read_bytes():
                changed[file] = text
        _write(changed, check)
        for file in changed:
            typer.echo(f"{file} would be formatted" if check else f"formatted {file}")
        if unreadable:
            report(BuildResult(project, unreadable), Format.TEXT)
    if unreadable or (check and changed):
        raise typer.Exit(EXIT_FINDINGS)


UNREADABLE = frozenset({"yaml-syntax", "yaml-subset", "duplicate-key"})
"""Rules whose findings say that there is no tree of a text."""


def ids(paths: Paths = None, schema: Schema = None, check: Check = False) -> None:
    """Give an id to every method and event that has none, and show what was written."""
    with faults("ids"):
        from .fixing import ids as missing_ids
        from .reading.project import load_project
        from .text.edits import edited

        settings, asked = settings_of(paths or (), schema, None)
        project = contracts_of(lambda: load_project(settings.schema, asked))
        changed = edited(project.sources, missing_ids(project))
        show_difference(project, changed)
        _write(changed, check)
    if check and changed:
        raise typer.Exit(EXIT_FINDINGS)


def show_difference(project: Project, changed: Mapping[str, str]) -> None:
    """Print what changes in contracts, line by line."""
    for file, text in changed.items():
        before = list(project.sources[file])
        lines = difflib.unified_diff(before, text.split("\n"), file, file, lineterm="", n=1)
        for line in lines:
            typer.echo(line)


def _write(changed: Mapping[str, str], check: bool) -> None:
    if not check:
        for file, text in changed.items():
            Path(file).write_text(text, encoding="utf-8", newline="")


def explain(
    rule: Annotated[
        str | None, typer.Argument(metavar="[RULE]", help="As it stands in brackets.")
    ] = None,
) -> None:
    """Tell what a rule is for, with contracts that break it and keep it; or list all rules."""
    with faults("explain"):
        from .checks import purposes
        from .explaining import page_of
        from .spelling import nearest

        if rule is None:
            width = max(map(len, purposes()))
            for name in sorted(purposes()):
                typer.echo(f"{name:{width}}  {purposes()[name]}")
            return
        page = page_of(rule)
        if page is None:
            meant = nearest(rule, purposes())
            hint = f"did you mean {meant}?" if meant else "`duologue explain` lists all"
            raise WrongUse(f"there is no rule {rule}; {hint}")
        typer.echo(page.text, nl=False)
