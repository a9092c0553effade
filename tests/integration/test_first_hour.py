"""What the pages tell a newcomer to type works, in a virtual environment that has nothing else."""

import os
from pathlib import Path

import pytest

from tests.first_hour import Failed, commands, first_hour, shell

POSIX = pytest.mark.skipif(os.name != "posix", reason="the pages are typed into a POSIX shell")


@POSIX
@pytest.mark.slow
def test_readme_and_agent_page_do_what_they_promise(tmp_path: Path) -> None:
    print(first_hour(tmp_path))


def test_the_commands_of_a_page_are_those_of_the_first_plain_block_below_a_heading() -> None:
    page = (
        "```\nno\n```\n## Here\n```yaml\na: b\n```\n```\none\n\ntwo &   # why\n```\n```\nno\n```\n"
    )
    assert commands(page, "## Here") == ["one", "two &   # why"]
    with pytest.raises(Failed, match="no code block below '## There'"):
        commands(page, "## There")


@POSIX
def test_a_line_that_fails_is_told_with_its_screen(tmp_path: Path) -> None:
    with (
        pytest.raises(Failed, match=r"exit code 3\nseen"),
        shell(tmp_path, dict(os.environ)) as one,
    ):
        one.type("echo seen; (exit 3)")


@POSIX
def test_a_line_waits_for_what_the_line_before_it_has_started(tmp_path: Path) -> None:
    with shell(tmp_path, dict(os.environ)) as one:
        one.type("mkdir here && cd here")
        one.type("{ sleep 0.2; echo yes > there; exec sleep 1000; } &   # a server")
        assert "yes" in one.type("cat there")
