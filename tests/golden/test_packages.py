"""Whole packages: what a contract must become, byte for byte.

A case is a folder: its `*.yaml` are the contracts, `expected/` is the output folder they give.
After a deliberate change of the output, write the new one with

    UPDATE_GOLDEN=1 pytest tests/golden/test_packages.py

and read the difference before it is committed.
"""

import os
import re
import shutil
from pathlib import Path

import pytest
from duologue_codegen.build import build
from duologue_codegen.known_targets import TARGETS
from duologue_codegen.writing import MANIFEST

CASES = Path(__file__).parent / "packages"
NAMES = sorted(path.name for path in CASES.iterdir() if path.is_dir())


def schema_of(case: Path, root: Path) -> Path:
    """The case's contracts below `root`, each where its package says."""
    for contract in case.glob("*.yaml"):
        text = contract.read_text()
        stated = re.search(r"^package: (.+)$", text, re.MULTILINE)
        assert stated is not None
        target = root / f"{stated[1].replace('.', '/')}.yaml"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    return root


def files_in(folder: Path) -> dict[str, str]:
    """Every generated file but the manifest, which changes with the generator's own source."""
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != MANIFEST and "__pycache__" not in path.parts
    }


@pytest.mark.parametrize("name", NAMES)
def test_a_contract_gives_the_expected_package(name: str, tmp_path: Path) -> None:
    case = CASES / name
    schema = schema_of(case, tmp_path / "schema")
    result = build(schema, tmp_path / "generated", targets=TARGETS, import_root="generated")
    # What only warns, such as of a type that stands there for its name, is no matter here.
    assert [found for found in result.diagnostics if found.level == "error"] == []
    met = files_in(tmp_path / "generated")
    expected = case / "expected"
    if os.environ.get("UPDATE_GOLDEN"):
        shutil.rmtree(expected, ignore_errors=True)
        for path, text in met.items():
            target = expected / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
    assert met == files_in(expected)


def test_every_case_has_something_to_compare_with() -> None:
    assert NAMES
    for name in NAMES:
        assert files_in(CASES / name / "expected"), name
