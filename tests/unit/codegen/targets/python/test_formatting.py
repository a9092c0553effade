import os
from pathlib import Path

import pytest

from duologue_codegen.targets.python.formatting import Unformattable, format_all, format_python


def test_imports_are_sorted_and_unused_ones_go() -> None:
    text = "import os\nfrom generated.x import y\nfrom duologue import b\nz: y = b\n"
    assert format_python("a/client.py", text, first_party=("generated",)) == (
        "from duologue import b\n\nfrom generated.x import y\n\nz: y = b\n"
    )


def test_a_package_front_keeps_what_it_passes_on() -> None:
    text = "from .a import B as B\nfrom .a import C as C\n"
    assert format_python("a/__init__.py", text) == "from .a import B as B, C as C\n"


def test_imports_that_became_few_stand_in_one_line_again() -> None:
    names = [f"some_name_{number}" for number in range(10)]
    text = f"from duologue import {', '.join(names)}\nprint(some_name_1, some_name_2)\n"
    assert format_python("client.py", text).startswith(
        "from duologue import some_name_1, some_name_2\n"
    )


@pytest.mark.parametrize("text", ["def f(:\n", "x = nothing_defines_this\n"])
def test_what_is_no_python_stops_here_and_is_named(text: str) -> None:
    with pytest.raises(Unformattable, match=r"chat/v1/client\.py"):
        format_python("chat/v1/client.py", text)


def test_only_python_is_formatted() -> None:
    files = {"contract.json": "{ }", "a.py": "x=1"}
    assert format_all(files) == {"contract.json": "{ }", "a.py": "x = 1\n"}


def test_settings_of_the_working_directory_have_no_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "from generated.x import y\nfrom zzz import b\nx = ['" + "a" * 60 + "', y, b]\n"
    before = format_python("a.py", text, first_party=("generated",))
    (tmp_path / "ruff.toml").write_text("line-length = 40\n[format]\nquote-style = 'single'\n")
    (tmp_path / "zzz").mkdir()
    (tmp_path / "zzz" / "__init__.py").write_text("")
    monkeypatch.chdir(tmp_path)
    assert format_python("a.py", text, first_party=("generated",)) == before


def test_ruff_is_found_without_a_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.devnull)
    assert format_python("a.py", "x=1") == "x = 1\n"
