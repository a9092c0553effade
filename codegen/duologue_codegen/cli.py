"""The commands of the compiler that make something: `generate`, `check` and `init`.

What takes long to import, or belongs to the extra `tools`, is imported inside the commands.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .command_line.faults import EXIT_BUG, EXIT_FINDINGS, EXIT_USAGE, faults
from .command_line.options import (
    Paths,
    Schema,
    Shape,
    WrongUse,
    contracts_of,
    judged_contracts,
    settings_of,
)
from .command_line.progress import PackageProgress
from .command_line.report import Format, report

if TYPE_CHECKING:
    from .build import BuildResult

__all__ = ["EXIT_BUG", "EXIT_FINDINGS", "EXIT_USAGE", "check", "generate", "init"]


def generate(
    paths: Paths = None,
    schema: Schema = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where packages go.", show_default="from pyproject.toml"),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail if a byte would change.")
    ] = False,
    format_: Shape = Format.TEXT,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Say nothing when all is well.")
    ] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Go on until Ctrl-C: again whenever a contract changes.")
    ] = False,
    plugins: Annotated[
        bool,
        typer.Option("--plugins", help="Run the programs of [tool.duologue.plugins], too."),
    ] = False,
) -> None:
    """Turn contracts into typed Python packages.

    Checks them first: with an error in one of them nothing is written. Packages whose contract is
    gone are removed; files that are not ours are never touched. Nothing of the project is run, but
    for what --plugins says.
    """
    with faults("generate"):
        from .build import build
        from .known_targets import TARGETS
        from .plugins import must_have_plugins, not_run, with_plugins

        if watch and check:
            raise WrongUse("--watch writes, and --check does not: choose one")
        settings, asked = settings_of(paths or (), schema, out)
        settings.refuse_stray("out")
        if plugins:
            must_have_plugins(settings)

        def once() -> bool:
            with PackageProgress() as progress:
                result = contracts_of(
                    lambda: build(
                        settings.schema,
                        settings.out,
                        asked,
                        targets=TARGETS,
                        import_root=settings.import_root,
                        off=settings.off,
                        on=settings.on,
                        dry_run=check,
                        on_package=progress.tell,
                    )
                )
                if plugins:
                    result = with_plugins(result, settings, complete=not asked, dry_run=check)
            failed = not result.ok or (check and bool(result.changes))
            if failed or not quiet:
                remedy = "duologue generate --plugins" if plugins else "duologue generate"
                report(result, format_, with_changes=True, dry_run=check, remedy=remedy)
            if settings.plugins and not (plugins or quiet):
                typer.echo(not_run(settings), err=True)
            return failed

        failed = _again_and_again(once, settings.schema) if watch else once()
    if failed:
        raise typer.Exit(EXIT_FINDINGS)


def _again_and_again(once: Callable[[], bool], schema: Path) -> bool:
    """`once` now, and whenever a contract has changed, until Ctrl-C; what it said last."""
    from .watching import changes, looks_at

    failed = False
    try:
        for _ in changes(looks_at(schema)):
            failed = once()
    except KeyboardInterrupt:
        pass
    return failed


def check(
    paths: Paths = None,
    schema: Schema = None,
    breaking: Annotated[
        bool, typer.Option("--breaking", help="As `duologue breaking`, too.")
    ] = False,
    fix: Annotated[
        bool, typer.Option("--fix", help="Mend what can be mended, and show what was written.")
    ] = False,
    format_: Shape = Format.TEXT,
) -> None:
    """Read contracts and report everything that is wrong with them, in file order."""
    with faults("check"):
        from .cli_changes import compared
        from .mending import mended

        settings, asked = settings_of(paths or (), schema, None)

        def judged() -> BuildResult:
            return judged_contracts(settings, asked)

        result = judged()
        if fix:
            result = mended(result, judged, quiet=format_ is not Format.TEXT)
        if breaking and result.ok:
            upgrade = compared(result, settings)
            findings = sorted(
                (*result.diagnostics, *upgrade.diagnostics), key=lambda found: found.at
            )
            result = replace(upgrade, diagnostics=tuple(findings))
        report(result, format_)
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
    with faults("init"):
        from .new_files import AlreadyThere
        from .scaffold import Names, NoName, Template, next_commands, write_project

        template = Template.AGENT if agent else Template.SERVICE
        try:
            files = write_project(folder, template, name=name)
        except NoName as error:
            raise WrongUse(f"{error}; choose another with --name") from None
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
