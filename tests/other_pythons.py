"""`python -m tests.other_pythons`: the unit tests with every other promised Python that is here.

With `--newest` only those of the runtime, with the newest of them: what every change has time for.

Each has an environment of its own beside `.venv`, made once. A version that this machine does not
have, or whose packages cannot be had at the moment, is passed over, and it is said why.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
VERSIONS: Final = ("3.12", "3.13", "3.14")
"""Beside the one that everything is developed with."""

TESTS: Final = "tests/unit"
NEWEST_TESTS: Final = "tests/unit/runtime"
NEEDED: Final = (ROOT / "pyproject.toml", ROOT / "constraints.txt")
"""Where these change, the environment is made anew."""


def interpreter(version: str) -> Path | None:
    """One of that version: of pyenv, or on the PATH."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    found = sorted(pyenv.glob(f"versions/{version}.*/bin/python"))
    on_path = shutil.which(f"python{version}")
    found += [Path(on_path)] if on_path else []
    return next((each for each in found if says(each) == version), None)


def says(python: Path) -> str:
    """Its version. A shim of pyenv stands for one that may not be there."""
    code = "import sys; print('{}.{}'.format(*sys.version_info))"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def environment(version: str, python: Path) -> Path:
    """The Python of an environment with everything that the tests need.

    Raises:
        CalledProcessError: it cannot be made; `stderr` says why.
    """
    folder = ROOT / f".venv-{version}"
    ready = folder / ".ready"
    inside = folder / "bin" / "python"
    newest_s = max(each.stat().st_mtime for each in NEEDED)
    if not ready.exists() or ready.stat().st_mtime < newest_s:
        ready.unlink(missing_ok=True)
        pip = (inside, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        for command in (
            (python, "-m", "venv", folder),
            (*pip, "--constraint", "constraints.txt", "--editable", ".[dev]"),
        ):
            subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        ready.touch()
    return inside


def main() -> int:
    """Returns 1 if any of them fails."""
    failed = False
    is_newest = sys.argv[1:] == ["--newest"]
    here = {version: interpreter(version) for version in VERSIONS}
    newest = max((version for version, python in here.items() if python), default=None)
    for version, python in here.items():
        if python is None:
            print(f"Python {version}: passed over, this machine has none", flush=True)
            continue
        if is_newest and version != newest:
            print(f"Python {version}: `make test-pythons` has its turn", flush=True)
            continue
        try:
            inside = environment(version, python)
        except subprocess.CalledProcessError as error:
            why = error.stderr.strip().splitlines()[-1:] or ["no reason given"]
            print(f"Python {version}: passed over, no environment: {why[0]}", flush=True)
            continue
        tests = NEWEST_TESTS if is_newest else TESTS
        print(f"Python {version}, {tests}:", flush=True)
        command = (inside, "-m", "pytest", "--quiet", "--numprocesses", "2", "-m", "not slow")
        failed |= subprocess.run((*command, tests), cwd=ROOT, check=False).returncode != 0
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
