"""The `duologue` command.

Subcommands come from the entry-point group `duologue.commands`, so that the runtime's command line
need not import the compiler. A subcommand is a function with typer's annotations.
"""

import atexit
import gc
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import Annotated, Any, Final

import typer

from duologue.commands.completion import QUESTION, words_so_far
from duologue.commands.outcome import EXIT_BUG, EXIT_USAGE
from duologue.foreign_text import shown
from duologue.version import VERSION

GROUP: Final = "duologue.commands"


def _print_version(asked: bool) -> None:
    if asked:
        print(f"duologue {VERSION}")
        raise typer.Exit


def _about(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Typed conversations between two programs, neither of which has to be a server.

    Exit codes: 0 good, 1 findings or a failed call, 2 wrong use, 3 a bug of ours, 130 Ctrl-C.
    """


def _load(entry: EntryPoint) -> Callable[..., Any]:
    try:
        return entry.load()  # type: ignore[no-any-return]
    except ModuleNotFoundError as error:
        missing = error.name
        # The compiler is an extra of its own; what else may be missing belongs to the relay.
        extra = "tools" if entry.module.startswith("duologue_codegen") else "relay"

        def explain() -> None:
            typer.echo(
                f"duologue {entry.name} needs `{missing}`, which is not installed.\n"
                f"Install it: pip install 'duologue[{extra}]'",
                err=True,
            )
            raise typer.Exit(EXIT_USAGE)

        explain.__doc__ = f"Not installed: needs `{missing}`, from duologue[{extra}]."
        return explain


def _named(name: str) -> Callable[..., Any]:
    def command() -> None:
        raise AssertionError(f"{name} was loaded to be completed, not to be run")

    return command


def application(words: Sequence[str] = ()) -> typer.Typer:
    """The command with every subcommand that is installed.

    Of a line of `words` that begins with one of them, only that one, and where the version is asked
    for, none: importing all takes long.
    """
    is_asked = QUESTION in os.environ
    app = typer.Typer(
        name="duologue",
        no_args_is_help=True,
        # This adds options to the help; what a shell asks is answered by it all the same.
        add_completion=is_asked,
        pretty_exceptions_enable=False,
        # Else the lines of a docstring stay as long as they are in the source.
        rich_markup_mode="markdown",
    )
    app.callback()(_about)
    entries = {each.name: each for each in entry_points(group=GROUP)}
    wanted = [each for each in words[:1] if each in entries]
    for name in wanted or ([] if words[:1] == ["--version"] else sorted(entries)):
        lenient = {"allow_extra_args": True, "ignore_unknown_options": True}
        # A shell that completes the name of a command wants no more than names.
        command = _named(name) if is_asked and not wanted else _load(entries[name])
        settings = lenient if command.__module__ == __name__ else {}
        app.command(name, context_settings=settings)(command)
    return app


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; ends the process."""
    # What is left at the end goes with the process. To look for garbage in it first takes as long
    # as many a command.
    atexit.register(gc.freeze)
    given = sys.argv[1:] if arguments is None else arguments
    try:
        application(words_so_far(given, os.environ))(args=given, prog_name="duologue")
    except Exception as error:
        # The outermost frame of the process: say whose fault it is, keep the traceback.
        lines = "".join(traceback.format_exception(error))
        typer.echo(shown(lines, keep="\n"), err=True, nl=False)
        typer.echo("This is a bug in duologue; please report it with the lines above.", err=True)
        sys.exit(EXIT_BUG)
