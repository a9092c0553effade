"""The commands of the compiler, called in this process as from a command line."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import typer
from typer.testing import CliRunner

from duologue_codegen import cli, cli_changes, cli_texts

COMMANDS: Final[dict[str, Callable[..., None]]] = {
    "generate": cli.generate,
    "check": cli.check,
    "init": cli.init,
    "breaking": cli_changes.breaking,
    "image": cli_changes.image,
    "new-version": cli_changes.new_version,
    "fmt": cli_texts.fmt,
    "ids": cli_texts.ids,
    "explain": cli_texts.explain,
}


class Ran:
    """What a command said, and how it ended."""

    def __init__(self, *arguments: str | Path) -> None:
        app = typer.Typer(pretty_exceptions_enable=False)
        for name, command in COMMANDS.items():
            app.command(name)(command)
        result = CliRunner().invoke(app, [str(each) for each in arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        self.code = result.exit_code
        self.out = result.stdout
        self.err = result.stderr
