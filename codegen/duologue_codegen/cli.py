"""The commands of the compiler: `generate`, `check` and `init`.

What takes long to import, or belongs to the extra `tools`, is imported inside the commands.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from .configuration import BadConfiguration, Configuration, read_configuration
from .diagnostics import render_github, render_json, render_text
from .writing import Change, ForeignFiles

if TYPE_CHECKING:
    from .build import BuildResult

EXIT_FINDINGS: Final = 1
EXIT_USAGE: Final = 2
EXIT_BUG: Final = 3

_TOOLS: Final = frozenset({"yaml", "jinja2", "datamodel_code_generator", "ruff"})
"""Modules of the extra `tools`."""


class Format(StrEnum):
    """How findings are shown."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"


_Paths = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="[PATH]...",
        help="Contracts, or one folder of contracts. Without any: all below the schema folder.",
        show_default=False,
    ),
]
_Schema = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Folder that package paths start at.",
        show_default="from pyproject.toml",
    ),
]
_Format = Annotated[Format, typer.Option("--format", help="How findings are shown.")]


def generate(
    paths: _Paths = None,
    schema: _Schema = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where packages go.", show_default="from pyproject.toml"),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail if a byte would change.")
    ] = False,
    format_: _Format = Format.TEXT,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Say nothing when all is well.")
    ] = False,
) -> None:
    """Turn contracts into typed Python packages.

    Checks them first: with an error in one of them nothing is written. Packages whose contract is
    gone are removed; files that are not ours are never touched.
    """
    with _faults("generate"):
        from .build import build
        from .known_targets import TARGETS

        settings, asked = _settings(paths or (), schema, out)
        result = _contracts(
            lambda: build(
                settings.schema,
                settings.out,
                asked,
                targets=TARGETS,
                import_root=settings.import_root,
                off=settings.off,
                dry_run=check,
            )
        )
        failed = not result.ok or (check and bool(result.changes))
        if failed or not quiet:
            _report(result, format_, with_changes=True, dry_run=check)
    if failed:
        raise typer.Exit(EXIT_FINDINGS)


def check(paths: _Paths = None, schema: _Schema = None, format_: _Format = Format.TEXT) -> None:
    """Read contracts and report everything that is wrong with them, in file order."""
    with _faults("check"):
        from .build import judge

        settings, asked = _settings(paths or (), schema, None)
        result = _contracts(
            lambda: judge(
                settings.schema, asked, import_root=settings.import_root, off=settings.off
            )
        )
        _report(result, format_)
    if not result.ok:
        raise typer.Exit(EXIT_FINDINGS)


def init(
    folder: Annotated[
        Path, typer.Argument(metavar="[DIR]", help="Where the project goes; names it.")
    ] = Path("."),
    agent: Annotated[
        bool,
        typer.Option("--agent", help="An agent behind NAT that runs jobs, its hub, and a desk."),
    ] = False,
    name: Annotated[
        str | None, typer.Option(help="What it is called.", show_default="as the folder")
    ] = None,
) -> None:
    """Start a project: a contract, a service, a client and tests, ready to be installed.

    Refuses to overwrite: when one of the files is already there, nothing is written.
    """
    with _faults("init"):
        from .scaffold import AlreadyThere, Names, NoName, Template, next_commands, write_project

        template = Template.AGENT if agent else Template.SERVICE
        try:
            files = write_project(folder, template, name=name)
        except NoName as error:
            raise _WrongUse(f"{error}; choose another with --name") from None
        except AlreadyThere as error:
            for path in error.paths:
                typer.echo(f"{path} is already there", err=True)
            typer.echo("Nothing was written. Choose an empty folder.", err=True)
            raise typer.Exit(EXIT_USAGE) from None
        for path in files:
            typer.echo(f"  {path}")
        typer.echo("\nNext:\n")
        names = Names.of(folder.resolve().name if name is None else name)
        steps = next_commands(template, names)
        if folder != Path("."):
            steps.insert(0, f"cd {folder}")
        for step in steps:
            typer.echo(f"  {step}")


# ---- what is asked for ---------------------------------------------------------------------------


class _WrongUse(Exception):
    """The command line asks for something that cannot be."""


def _settings(
    paths: Sequence[Path], schema: Path | None, out: Path | None
) -> tuple[Configuration, Sequence[Path]]:
    """The configuration, and which contracts are meant.

    A folder that is not below the configured schema folder is a schema folder itself.
    """
    settings = read_configuration().with_options(schema=schema, out=out)
    folders = [path for path in paths if path.is_dir() and not _lies_in(path, settings.schema)]
    if folders:
        if len(paths) > 1 or schema is not None:
            raise _WrongUse(f"{folders[0]} is a schema folder of its own; name it alone")
        settings, paths = settings.with_options(schema=folders[0], out=None), ()
    if not settings.schema.is_dir():
        raise _WrongUse(f"there is no schema folder {settings.schema}; name one with --schema")
    if len(paths) == 1 and paths[0].resolve() == settings.schema.resolve():
        paths = ()
    return settings, paths


def _lies_in(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


# ---- what is said --------------------------------------------------------------------------------


def _report(
    result: BuildResult, format_: Format, *, with_changes: bool = False, dry_run: bool = False
) -> None:
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
        case Format.TEXT:
            text = render_text(result.diagnostics, result.sources, colour=_colour())
            typer.echo(text, nl=False)
            typer.echo(_summary(result, with_changes, dry_run), err=bool(result.diagnostics))


def _summary(result: BuildResult, with_changes: bool, dry_run: bool) -> str:
    """The last lines of the text form: how many findings, or what was done."""
    errors = sum(each.level == "error" for each in result.diagnostics)
    warnings = len(result.diagnostics) - errors
    found = [_counted(n, noun) for n, noun in ((errors, "error"), (warnings, "warning")) if n]
    if errors:
        return f"\n{', '.join(found)}{'; nothing was written' if with_changes else ''}"
    if not with_changes:
        contracts = _counted(len(result.project.judged), "contract")
        return f"{contracts}: {', '.join(found) or 'all good'}"
    packages = _counted(len(result.packages), "package")
    if not result.changes:
        return f"{packages}: up to date"
    if dry_run:
        lines = [_would(each) for each in result.changes]
        return "\n".join([*lines, f"{packages}: not up to date; run `duologue generate`"])
    return "\n".join(f"{_DONE[each.kind]} {each.path}" for each in result.changes)


_DONE: Final = {"create": "created", "update": "updated", "remove": "removed"}


def _would(change: Change) -> str:
    return f"{change.path} would be {_DONE[change.kind]}"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _colour() -> bool:
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ


@contextmanager
def _faults(command: str) -> Generator[None]:
    """Turns what may go wrong around a command into one clear line and the right exit code."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in _TOOLS:
            raise
        typer.echo(
            f"duologue {command} needs the code generator: pip install 'duologue[tools]'", err=True
        )
        raise typer.Exit(EXIT_USAGE) from None
    except ForeignFiles as error:
        for path in error.paths:
            typer.echo(f"{path} was not generated by duologue", err=True)
        typer.echo("Nothing was written. Move these files away, or choose another --out.", err=True)
        raise typer.Exit(EXIT_USAGE) from None
    except (_WrongUse, BadConfiguration, OSError) as error:
        typer.echo(f"duologue {command}: {error}", err=True)
        raise typer.Exit(EXIT_USAGE) from None


def _contracts(read: Callable[[], BuildResult]) -> BuildResult:
    """What `read` gives, or wrong use when it was asked for what is no contract."""
    from .reading.project import PathOutsideSchema

    try:
        return read()
    except PathOutsideSchema as error:
        raise _WrongUse(str(error)) from None
