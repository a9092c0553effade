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


def check_types(folder: Path, package: str) -> None:
    """mypy and pyright, both strict, find nothing in `package` below `folder`."""
    run_python(folder, "-m", "mypy", "--strict", "--explicit-package-bases", package)
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
