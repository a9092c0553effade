"""The command that makes identities."""

import json
import os
import stat
from pathlib import Path

import pytest
from typer import Typer
from typer.testing import CliRunner, Result

from duologue.commands.keygen import keygen
from duologue.identity import Identity


def run(*arguments: str) -> Result:
    app = Typer()
    app.command()(keygen)
    return CliRunner().invoke(app, list(arguments))


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_it_prints_the_public_key_of_the_file_it_makes() -> None:
    result = run("me.key")
    assert result.exit_code == 0
    assert result.stdout.strip() == str(Identity.load("me.key"))
    assert stat.S_IMODE(Path("me.key").stat().st_mode) == 0o600


def test_the_secret_is_never_printed() -> None:
    result = run("me.key")
    secret = Path("me.key").read_text().split()[1]
    assert secret not in result.output
    assert secret not in result.stderr


def test_without_a_name_the_file_is_duologue_key() -> None:
    assert run().exit_code == 0
    Identity.load("duologue.key")


def test_as_json() -> None:
    result = run("me.key", "--format", "json")
    assert json.loads(result.stdout) == {
        "file": "me.key",
        "publicKey": str(Identity.load("me.key")),
    }


def test_a_file_that_exists_is_wrong_use_and_stays() -> None:
    run("me.key")
    before = Path("me.key").read_bytes()
    result = run("me.key")
    assert result.exit_code == 2
    assert "me.key exists" in result.stderr
    assert Path("me.key").read_bytes() == before


def test_a_folder_that_is_missing_is_a_failure() -> None:
    result = run(os.path.join("nowhere", "me.key"))
    assert result.exit_code == 1
    assert "cannot be written" in result.stderr


def test_show_prints_the_public_key_of_a_file_and_makes_nothing() -> None:
    run("me.key")
    shown = run("me.key", "--show")
    assert shown.stdout.strip() == str(Identity.load("me.key"))
    assert (shown.exit_code, shown.stderr) == (0, "")


def test_show_of_a_file_that_is_not_there_says_what_makes_one() -> None:
    shown = run("other.key", "--show")
    assert shown.exit_code == 2
    assert shown.stderr == "there is no key file other.key; duologue keygen other.key makes one\n"
    assert not Path("other.key").exists()


def test_show_of_a_file_that_is_no_key_says_so() -> None:
    Path("other.key").write_text("secret\n")
    Path("other.key").chmod(0o600)
    shown = run("other.key", "--show")
    assert shown.exit_code == 2
    assert "other.key" in shown.stderr
