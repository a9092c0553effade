"""The programs of one row while they run: started, pinned, ordered about, and ended."""

import contextlib
import json
import os
import select
import subprocess
import tempfile
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Final

from tests.bench.load import CORE, Json
from tests.bench.ours import KIND
from tests.bench.rows import Row

ROOT: Final = Path(__file__).parents[2]

START_TIMEOUT_S: Final = 30.0
END_TIMEOUT_S: Final = 5.0


class ProgramFailed(RuntimeError):
    """A program did not start, fell silent, or reported an error. The text says what it said."""


class Cannot(RuntimeError):
    """A program says that its peer has nothing of this kind."""


def cores() -> tuple[str, str]:
    """A core for the server and one for the client; empty where there are not two to give."""
    if hasattr(os, "sched_getaffinity"):
        found = sorted(os.sched_getaffinity(0))
        if len(found) > 1:
            return str(found[0]), str(found[1])
    return "", ""


class Program:
    """One process. It ends when its standard input does, so it cannot outlive this one."""

    def __init__(
        self, command: list[str], core: str, settings: Mapping[str, str], log: IO[bytes]
    ) -> None:
        self._log = log
        environment = {**os.environ, CORE: core, **settings}
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            bufsize=0,
        )

    def order(self, order: Json, timeout_s: float) -> Json:
        """Send an order and return the answer.

        Raises:
            ProgramFailed, Cannot.
        """
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
        return self.answer(timeout_s)

    def answer(self, timeout_s: float) -> Json:
        """The next line that the program writes."""
        output = self._process.stdout
        assert output is not None
        ready, _, _ = select.select([output], [], [], timeout_s)
        line = output.readline() if ready else b""
        if not line:
            raise ProgramFailed(self._last_words() if ready else f"silent for {timeout_s:.0f} s")
        answer: Json = json.loads(line)
        if "error" in answer:
            raise ProgramFailed(answer["error"])
        if "cannot" in answer:
            raise Cannot
        return answer

    def end(self) -> None:
        """Let the process end, and make sure of it."""
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        try:
            process.wait(END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()

    def _last_words(self) -> str:
        self._process.wait(END_TIMEOUT_S)
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"ended with exit code {self._process.returncode}"


class Running:
    """The programs of a row, ready to be measured."""

    def __init__(self, client: Program, pids: list[int]) -> None:
        self._client = client
        self._pids = pids
        """Of the processes beside the client, the server or broker first."""

    def measure(self, order: Json, timeout_s: float) -> Json:
        """What the client program answers to an order; see `load.Client`."""
        return self._client.order({**order, "pids": self._pids}, timeout_s)


@contextmanager
def running(row: Row, python: str, settings: Mapping[str, str] | None = None) -> Generator[Running]:
    """Start the programs of `row`, the server on one core, whatever calls it on another.

    `settings` are environment variables for all of them.

    Raises:
        ProgramFailed: one of them did not start.
    """
    first, second = cores()

    def start(interpreter: str, core: str, module: str, *arguments: str) -> Program:
        log = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
        command = [interpreter, "-m", module, *arguments]
        program = Program(command, core, {KIND: row.kind, **(settings or {})}, log)
        stack.callback(program.end)
        return program

    with ExitStack() as stack:
        server = start(python, first, row.broker or row.module, "server")
        hello = server.answer(START_TIMEOUT_S)
        port, pids = str(hello["port"]), list[int](hello["pids"])
        if row.is_routed:
            service = start(python, second, row.module, "service", port)
            pids += service.answer(START_TIMEOUT_S)["pids"]
        client = start(python, second, row.module, "client", port)
        client.answer(START_TIMEOUT_S)
        yield Running(client, pids)
