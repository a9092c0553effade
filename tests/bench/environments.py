"""Where peers are installed: environments of Python and Node outside the source tree, made once."""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Sequence
from os import environ
from pathlib import Path
from typing import Final

from duologue.bench.programs import ProgramFailed
from tests import other_pythons

PINS: Final = Path(__file__).with_name("peers") / "pins"
INSTALL_TIMEOUT_S: Final = 600.0


class CannotInstall(ProgramFailed):
    """A peer is not to be had here. The text says why, in one line."""


def default_cache() -> Path:
    """Where environments are kept unless the command line says otherwise."""
    return Path(environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "duologue-bench"


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
    folder = _folder(f"{environment}-{version}", pins, cache)
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    if not _is_complete(folder):
        _begin(environment, f"{environment}-{version}", cache)
        _run(environment, [sys.executable, "-m", "venv", str(folder)])
        _run(
            environment,
            [
                *(str(python), "-m", "pip", "install", "--quiet", "--no-input"),
                *("--disable-pip-version-check", "--requirement", str(pins)),
            ],
        )
        _complete(folder)
    return str(python)


def python_with_duologue(version: str) -> str:
    """Another Python of this machine, with duologue in an environment beside the sources.

    Raises:
        CannotInstall: there is none of that version, or pip refused.
    """
    python = other_pythons.interpreter(version)
    if python is None:
        raise CannotInstall(f"this machine has no Python {version}")
    try:
        return str(other_pythons.environment(version, python))
    except subprocess.CalledProcessError as error:
        raise CannotInstall(f"no environment for Python {version}: {_reason(error)}") from error


def node_modules_of(environment: str, cache: Path) -> Path:
    """The folder of an environment's Node packages, which is made if it is not there.

    Raises:
        CannotInstall: there is no Node here, or npm refused, or took too long.
    """
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            raise CannotInstall(f"this machine has no {program}")
    pins = PINS / f"{environment}.json"
    folder = _folder(f"{environment}-node", pins, cache)
    if not _is_complete(folder):
        _begin(environment, f"{environment}-node", cache)
        folder.mkdir(parents=True)
        shutil.copy(pins, folder / "package.json")
        npm = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock"]
        _run(environment, [*npm, "--ignore-scripts", "--prefix", str(folder)])
        _complete(folder)
    return folder / "node_modules"


def _folder(name: str, pins: Path, cache: Path) -> Path:
    return cache / f"{name}-{hashlib.sha256(pins.read_bytes()).hexdigest()[:10]}"


def _is_complete(folder: Path) -> bool:
    return (folder / "complete").exists()


def _complete(folder: Path) -> None:
    (folder / "complete").touch()


def _begin(environment: str, name: str, cache: Path) -> None:
    for old in cache.glob(f"{name}-*"):
        shutil.rmtree(old)
    print(f"installing {environment} ...", file=sys.stderr)


def _run(environment: str, command: Sequence[str]) -> None:
    try:
        subprocess.run(
            command, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S, check=True
        )
    except subprocess.TimeoutExpired as error:
        raise CannotInstall(
            f"{environment} was not installed within {INSTALL_TIMEOUT_S:.0f} s"
        ) from error
    except subprocess.CalledProcessError as error:
        raise CannotInstall(f"{environment} cannot be installed: {_reason(error)}") from error


def _reason(error: subprocess.CalledProcessError) -> str:
    """The last line that names an error, or the last of all."""
    lines: list[str] = error.stderr.strip().splitlines() or [f"exit code {error.returncode}"]
    named = [line for line in lines if line.startswith("ERROR")]
    return (named or lines)[-1]
