"""The Autobahn Testsuite, in an environment of its own that is made once and kept.

The suite is written in Python 2, so it needs a Python 2.7 beside the one that runs the tests.
`DUOLOGUE_PYTHON2` names one that is not on the path.
"""

import asyncio
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

PINS: Final = Path(__file__).with_name("autobahn.txt")
INSTALL_TIMEOUT_S: Final = 600.0
PROBE_TIMEOUT_S: Final = 20.0

AGENT: Final = "duologue"
EXCLUDED: Final = ["12.*", "13.*"]
"""permessage-deflate, which is never negotiated."""

START: Final = (
    "import site, sys; site.addsitedir(sys.argv.pop(1)); "
    "from autobahntestsuite import wstest; wstest.run()"
)


class NotToBeHad(RuntimeError):
    """The suite cannot be run here. The text says why, in one line."""


class Verdict(NamedTuple):
    """What the suite thinks of one case."""

    behaviour: str
    closing: str


class Suite:
    """An installed suite."""

    def __init__(self, python: str, packages: Path) -> None:
        self._python = python
        self._packages = packages

    async def start(
        self, mode: str, spec: dict[str, Any], folder: Path
    ) -> asyncio.subprocess.Process:
        """Run it in `mode` on `spec`; reports and what it prints go to `folder`."""
        spec_file = folder / "spec.json"
        spec_file.write_text(
            json.dumps({"outdir": str(folder), "cases": ["*"], "exclude-cases": EXCLUDED, **spec})
        )
        with (folder / "output.txt").open("wb") as output:
            return await asyncio.create_subprocess_exec(
                *(self._python, "-c", START, str(self._packages)),
                *("--mode", mode, "--spec", str(spec_file), "--webport", "0"),
                cwd=folder,
                stdout=output,
                stderr=asyncio.subprocess.STDOUT,
            )

    @asynccontextmanager
    async def running(
        self, mode: str, spec: dict[str, Any], folder: Path
    ) -> AsyncGenerator[asyncio.subprocess.Process]:
        """As `start`, and ended at the end."""
        process = await self.start(mode, spec, folder)
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


def suite() -> Suite:
    """The suite, installed if it is not yet.

    Raises:
        NotToBeHad: no Python 2.7, or the packages cannot be fetched.
    """
    python = _python2()
    digest = hashlib.sha256(PINS.read_bytes() + python.encode()).hexdigest()[:10]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "duologue-interop"
    packages = cache / f"autobahn-{digest}"
    complete = packages / "complete"
    if not complete.exists():
        for old in cache.glob("autobahn-*"):
            shutil.rmtree(old)
        print("installing the Autobahn Testsuite ...", file=sys.stderr)
        _install(python, packages)
        complete.touch()
    return Suite(python, packages)


def _install(python: str, packages: Path) -> None:
    # `--no-deps`, as the suite's own pins name two versions of one package.
    command = [python, "-m", "pip", "install", "--quiet", "--no-input", "--no-deps"]
    command += ["--target", str(packages), "--requirement", str(PINS)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise NotToBeHad(f"not installed within {INSTALL_TIMEOUT_S:.0f} s") from error
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        errors = [line for line in lines if "ERROR" in line]
        raise NotToBeHad(f"cannot be installed: {(errors or lines)[-1]}")


def _python2() -> str:
    candidates = [os.environ.get("DUOLOGUE_PYTHON2"), "python2.7", "python2"]
    # What pyenv puts on the path only points to a version that is chosen, if one is.
    candidates += _output_of(["pyenv", "whence", "--path", "python2.7"]).splitlines()
    for candidate in candidates:
        if candidate:
            script = "import pip, sys; sys.stdout.write(sys.executable)"
            found = _output_of([candidate, "-c", script])
            if found:
                return found
    raise NotToBeHad("there is no Python 2.7 with pip; DUOLOGUE_PYTHON2 may name one")


def _output_of(command: Sequence[str]) -> str:
    """What a command prints; nothing if it cannot be run or fails."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=PROBE_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def verdicts(folder: Path) -> dict[str, Verdict]:
    """By the number of the case."""
    index = json.loads((folder / "index.json").read_text())
    return {
        number: Verdict(case["behavior"], case["behaviorClose"])
        for number, case in index[AGENT].items()
    }


def free_port() -> int:
    """One that nobody listened at a moment ago."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
