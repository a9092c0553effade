"""Packages made of contracts in a test, and imported there."""

import importlib
import itertools
import sys
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from duologue_codegen.build import build
from duologue_codegen.known_targets import TARGETS

_numbers = itertools.count()


@contextmanager
def made_package(text: str, package: str, folder: Path) -> Generator[Any]:
    """The package of the contract `text`, made below `folder` and imported: every warning is an
    error there."""
    root = f"made_{next(_numbers)}"
    contract = folder / "schema" / f"{package.replace('.', '/')}.yaml"
    contract.parent.mkdir(parents=True, exist_ok=True)
    contract.write_text(text, "utf-8")
    result = build(folder / "schema", folder / root, targets=TARGETS, import_root=root)
    errors = [found for found in result.diagnostics if found.level == "error"]
    assert [f"{found.at.line}: {found.message}" for found in errors] == []
    sys.path.insert(0, str(folder))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            yield importlib.import_module(f"{root}.{package}")
    finally:
        sys.path.remove(str(folder))
        for name in [name for name in sys.modules if name.partition(".")[0] == root]:
            del sys.modules[name]
