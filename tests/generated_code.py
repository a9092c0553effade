"""Packages made in a test, run and looked at by both type checkers as a user would."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]


def run_python(folder: Path, *arguments: str) -> None:
    """Run Python in `folder`; fails with what it printed."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        # What lies in `folder` is found before what is in the root.
        env={**os.environ, "MYPYPATH": str(ROOT / "runtime"), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def mypy_cache(settings: str) -> str:
    """The folder where mypy keeps what it knows of all that is not made anew in each test.

    To learn that takes it ten times as long as to check a package. One for each process, since they
    write to it, and for each kind of `settings`, since others make what is kept there void.
    """
    process = os.environ.get("PYTEST_XDIST_WORKER", "alone")
    return str(ROOT / ".mypy_cache" / f"tests-{settings}-{process}")


def check_types(folder: Path, package: str) -> None:
    """mypy and pyright, both strict, find nothing in `package` below `folder`."""
    kept = ("--cache-dir", mypy_cache("strict"))
    run_python(folder, "-m", "mypy", "--strict", "--explicit-package-bases", *kept, package)
    if shutil.which("node") is None:
        print("pyright was left out: it needs node, and there is none")
        return
    settings = {
        "typeCheckingMode": "strict",
        "include": [package],
        "extraPaths": [str(ROOT / "runtime")],
        "pythonVersion": "3.11",
    }
    (folder / "pyrightconfig.json").write_text(json.dumps(settings))
    run_python(folder, "-m", "pyright", "--pythonpath", sys.executable)
