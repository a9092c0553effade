"""A relay as a process of its own, for tests."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

END_TIMEOUT_S: Final = 30.0
"""How long a relay may take to end; then it is killed."""


@dataclass(frozen=True)
class RunningRelay:
    """Where a relay can be reached, and who it is."""

    url: str
    public_key: bytes
    known_relays: Path
    """For `listen(known_relays=...)`, so that nothing is noted in the user's own folder."""


@contextmanager
def running_relay() -> Generator[RunningRelay]:
    """A relay on a free port of this machine, until the block is left.

    Raises:
        RuntimeError: it has not started; says what it wrote.
    """
    with tempfile.TemporaryDirectory(prefix="duologue-relay-") as folder:
        key_file = Path(folder, "relay.key")
        command = (sys.executable, "-m", "duologue", "relay", "--port", "0", "--format", "json")
        with (
            open(Path(folder, "log"), "w+") as log,
            subprocess.Popen(
                [*command, "--key-file", str(key_file)],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            ) as process,
        ):
            try:
                assert process.stdout is not None
                line = process.stdout.readline()
                if not line:
                    log.seek(0)
                    raise RuntimeError(f"the relay has not started: {log.read().strip()}")
                said: dict[str, Any] = json.loads(line)
                yield RunningRelay(
                    said["url"], bytes.fromhex(said["publicKey"]), Path(folder, "known_relays")
                )
            finally:
                _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(END_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
