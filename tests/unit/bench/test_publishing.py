"""Putting a result into a file of Markdown."""

from pathlib import Path

import pytest

from tests.bench.publishing import BEGIN, END, NoPlace, publish, replaced


def test_what_is_between_the_marks_is_replaced() -> None:
    text = f"# Title\n\n{BEGIN}\nold\n{END}\n\nThe rest.\n"
    once = replaced(text, "new\n")
    assert once == f"# Title\n\n{BEGIN}\n\nnew\n\n{END}\n\nThe rest.\n"
    assert replaced(once, "new") == once


@pytest.mark.parametrize("text", ["", BEGIN, f"{END}{BEGIN}", f"{BEGIN}{BEGIN}{END}"])
def test_without_a_place_nothing_is_written(text: str, tmp_path: Path) -> None:
    file = tmp_path / "README.md"
    file.write_text(text)
    with pytest.raises(NoPlace):
        publish(file, "new")
    assert file.read_text() == text


def test_the_readme_has_a_place() -> None:
    readme = Path(__file__).parents[2] / "bench" / "README.md"
    assert "new" in replaced(readme.read_text(encoding="utf-8"), "new")
