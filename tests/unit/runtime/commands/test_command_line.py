"""The command itself: which subcommands it loads, and what it says of itself."""

import pytest
from typer.testing import CliRunner

from duologue.commands.cli import application
from duologue.version import VERSION


@pytest.mark.parametrize(
    ("words", "loaded"), [(["keygen", "x"], ["keygen"]), (["--version"], [])], ids=str
)
def test_only_the_subcommand_that_is_wanted_is_loaded(words: list[str], loaded: list[str]) -> None:
    assert [each.name for each in application(words).registered_commands] == loaded


def test_all_subcommands_are_there_for_the_help() -> None:
    names = {each.name for each in application(["--help"]).registered_commands}
    assert {"call", "doctor", "generate", "init", "relay"} <= names


def test_the_version_is_told() -> None:
    told = CliRunner().invoke(application(["--version"]), ["--version"])
    assert (told.exit_code, told.stdout) == (0, f"duologue {VERSION}\n")
