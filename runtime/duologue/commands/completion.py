"""The command `duologue completion`, and how a shell's question is told from a command."""

import os
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Final

import typer

QUESTION: Final = "_DUOLOGUE_COMPLETE"
"""The variable by which the scripts ask; typer makes its name from the command's."""


class Shell(StrEnum):
    """The shells that there are scripts for."""

    bash = "bash"
    zsh = "zsh"
    fish = "fish"
    powershell = "powershell"


def completion(
    shell: Annotated[Shell, typer.Argument(help="The shell that one types in.")],
) -> None:
    """Print the script that lets a shell complete commands, options, methods and their params.

    Methods are those of the contracts in the schema folder of the project that one stands in;
    nothing is dialled and nothing of the project is run. To install it:

    duologue completion bash > ~/.local/share/bash-completion/completions/duologue
    """
    # The script knows no more of a command than its name: any that typer has made will do.
    scripts = typer.Typer(add_completion=True)
    scripts.command("duologue")(lambda: None)
    os.environ[QUESTION] = f"source_{shell}"
    try:
        scripts(args=[], prog_name="duologue")
    finally:
        del os.environ[QUESTION]


def words_so_far(arguments: Sequence[str], environment: Mapping[str, str]) -> Sequence[str]:
    """The words after `duologue`: those of the command, or those that a shell asks about."""
    if QUESTION not in environment:
        return arguments
    line = environment.get("_TYPER_COMPLETE_ARGS") or environment.get("COMP_WORDS", "")
    return line.split()[1:]
