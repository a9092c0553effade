"""Virtual environments for the peers, outside the source tree, made once and kept."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from duologue.bench.programs import ProgramFailed

PINS: Final = Path(__file__).with_name("peers") / "pins"
INSTALL_TIMEOUT_S: Final = 600.0


class CannotInstall(ProgramFailed):
    """A peer is not to be had here. The text says why, in one line."""


def default_cache() -> Path:
    """Where environments are kept unless the command line says otherwise."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "duologue-bench"


def interpreter_of(environment: str | None, cache: Path) -> str:
    """The Python of an environment, which is made if it is not there; None is this interpreter.

    The name of its folder contains a digest of the pins, so that changed pins make a new one.

    Raises:
        CannotInstall: pip refused, or took too long.
    """
    if environment is None:
        return sys.executable
    pins = PINS / f"{environment}.txt"
    version = ".".join(map(str, sys.version_info[:2]))
    digest = hashlib.sha256(pins.read_bytes()).hexdigest()[:10]
    folder = cache / f"{environment}-{version}-{digest}"
    binaries = "Scripts" if sys.platform == "win32" else "bin"
    python = folder / binaries / "python"
    complete = folder / "complete"
    if not complete.exists():
        for old in cache.glob(f"{environment}-{version}-*"):
            shutil.rmtree(old)
        print(f"installing {environment} ...", file=sys.stderr)
        _run(environment, [sys.executable, "-m", "venv", str(folder)])
        _run(
            environment,
            [
                *(str(python), "-m", "pip", "install", "--quiet", "--no-input"),
                *("--disable-pip-version-check", "--requirement", str(pins)),
            ],
        )
        complete.touch()
    return str(python)


def _run(environment: str, command: list[str]) -> None:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise CannotInstall(
            f"{environment} was not installed within {INSTALL_TIMEOUT_S:.0f} s"
        ) from error
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        errors = [line for line in lines if line.startswith("ERROR")]
        raise CannotInstall(f"{environment} cannot be installed: {(errors or lines)[-1]}")
