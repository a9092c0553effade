"""ARCHITECTURE.md names modules; each of them is there."""

import re
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[3]
PAGE: Final = ROOT / "runtime" / "ARCHITECTURE.md"
ROOTS: Final = (ROOT / "runtime" / "duologue", ROOT / "codegen" / "duologue_codegen", ROOT)

NAMED: Final = sorted(
    {
        name
        for name in re.findall(r"`([a-z_]+(?:/[a-z_]*)*)`", PAGE.read_text())
        if "/" in name or name in ("errors", "limits", "version", "identity", "build", "writing")
    }
)


def test_the_page_names_modules_of_every_floor() -> None:
    floors = {name.split("/")[0] for name in NAMED}
    folders = {each.name for each in ROOTS[0].iterdir() if (each / "__init__.py").exists()}
    assert folders <= floors


@pytest.mark.parametrize("name", NAMED)
def test_every_module_on_the_page_is_there(name: str) -> None:
    place = name.rstrip("/")
    assert any((root / f"{place}.py").is_file() or (root / place).is_dir() for root in ROOTS), (
        f"{PAGE.name} names {name}, which is gone: say where it is now"
    )


def test_the_page_can_be_read_at_a_sitting() -> None:
    assert len(PAGE.read_text().splitlines()) <= 130
