"""What a shell gets to complete: the real command is asked as the printed scripts ask it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def asked(line: str, *python: str, folder: Path = ROOT) -> str:
    """What Python, run with these arguments, says when bash asks for the last word of `line`."""
    done = subprocess.run(
        [sys.executable, *python],
        cwd=folder,
        env={
            **os.environ,
            "_DUOLOGUE_COMPLETE": "complete_bash",
            "COMP_WORDS": line,
            "COMP_CWORD": str(len(line.split(" ")) - 1),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    return done.stdout


def completed(line: str, folder: Path = ROOT) -> list[str]:
    """What bash is offered for the last word of `line`."""
    return asked(line, "-m", "duologue", folder=folder).split()


def test_commands_are_completed() -> None:
    assert completed("duologue ge") == ["generate"]


def test_options_of_a_command_are_completed() -> None:
    assert completed("duologue keygen --sh") == ["--show"]


def test_methods_come_from_the_contracts() -> None:
    assert "chat.rooms.v1.Rooms/join" in completed("duologue call ws://here chat.rooms.v1.Rooms/")


def test_short_names_are_offered_where_they_mean_one_method() -> None:
    assert completed("duologue call ws://here Rooms/jo") == ["Rooms/join"]
    assert completed("duologue call ws://here jo") == ["join"]


def test_params_of_the_method_are_completed_but_for_those_given() -> None:
    line = "duologue call ws://here chat.rooms.v1.Rooms/join room=lobby "
    assert "name=" in completed(line)
    assert "room=" not in completed(line)


def test_without_contracts_nothing_is_offered(tmp_path: Path) -> None:
    assert completed("duologue call ws://here x", tmp_path) == []


def test_a_contract_that_cannot_be_read_offers_nothing_and_says_nothing(tmp_path: Path) -> None:
    broken = tmp_path / "schema" / "broken" / "v1.yaml"
    broken.parent.mkdir(parents=True)
    broken.write_text("services: [")
    assert completed("duologue call ws://here b", tmp_path) == []


def test_to_complete_a_method_nothing_of_a_call_is_imported() -> None:
    """Else each press of the key would wait for it."""
    code = (
        "import runpy, sys\n"
        "try:\n    runpy.run_module('duologue', run_name='__main__')\n"
        "finally:\n    print(*(each for each in sys.modules if each.startswith('duologue.')))"
    )
    offered, imported = asked("duologue call ws://here jo", "-c", code).splitlines()
    assert offered == "join"
    parts = {each.split(".")[1] for each in imported.split()}
    assert parts == {"commands", "foreign_text", "version"}


def script(shell: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", "duologue", "completion", shell],
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_there_is_a_script_for_each_shell() -> None:
    for shell in ("bash", "zsh", "fish", "powershell"):
        assert "_DUOLOGUE_COMPLETE" in script(shell)


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_bash_completes_with_the_script(tmp_path: Path) -> None:
    command = tmp_path / "duologue"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m duologue "$@"\n')
    command.chmod(0o755)
    asked = (
        f"{script('bash')}\n"
        "COMP_WORDS=(duologue keyg); COMP_CWORD=1\n"
        f'_duologue_completion "{command}"; echo "${{COMPREPLY[@]}}"'
    )
    done = subprocess.run(["bash", "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["keygen"]
