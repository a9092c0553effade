"""Putting a result into a file of Markdown."""

from pathlib import Path

import pytest

from tests.bench.publishing import (
    PROFILE,
    RESULT,
    NoPlace,
    check_place,
    marks,
    publish,
    replaced,
)

BEGIN, END = marks(RESULT)


def test_what_is_between_the_marks_is_replaced() -> None:
    text = f"# Title\n\n{BEGIN}\nold\n{END}\n\nThe rest.\n"
    once = replaced(text, RESULT, "new\n")
    assert once == f"# Title\n\n{BEGIN}\n\nnew\n\n{END}\n\nThe rest.\n"
    assert replaced(once, RESULT, "new") == once


@pytest.mark.parametrize("text", ["", BEGIN, f"{END}{BEGIN}", f"{BEGIN}{BEGIN}{END}"])
def test_without_a_place_nothing_is_written(text: str, tmp_path: Path) -> None:
    file = tmp_path / "README.md"
    file.write_text(text)
    with pytest.raises(NoPlace):
        check_place(file, RESULT)
    with pytest.raises(NoPlace):
        publish(file, RESULT, "new")
    assert file.read_text() == text


@pytest.mark.parametrize("name", [RESULT, PROFILE])
def test_the_readme_has_a_place(name: str) -> None:
    check_place(Path(__file__).parents[2] / "bench" / "README.md", name)
