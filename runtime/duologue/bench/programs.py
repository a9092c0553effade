"""The programs of one row while they run: started, pinned, ordered about, and ended."""

import contextlib
import json
import os
import select
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, TypeAlias

from duologue.bench.load import CORE, Json

ALONE: Final = Path(__file__).with_name("alone.py")

KIND: Final = "DUOLOGUE_BENCH_KIND"
"""Environment variable: a comma-separated list of what a program can do in more than one way."""

START_TIMEOUT_S: Final = 30.0
END_TIMEOUT_S: Final = 5.0


Command: TypeAlias = Callable[[str, bool], Sequence[str]]
"""What starts a program: from its module, and whether that runs without duologue."""


def command_of(python: str = sys.executable) -> Command:
    """How that interpreter runs a module."""

    def command(module: str, is_alone: bool) -> Sequence[str]:
        # -P: what lies about in the folder that somebody happens to be in is none of our modules.
        how = [str(ALONE), module] if is_alone else ["-m", module]
        return [python, "-P", *how]

    return command


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is measured: a server and a client, or a broker with a service and a client at it."""

    name: str
    module: str
    """The program; what it does depends on its first argument (see `load.main`)."""
    is_alone: bool = False
    """`module` runs without duologue (see `alone`)."""
    broker: str | None = None
    """The program of the broker, where there is one; it runs without duologue."""
    is_routed: bool = False
    kind: str = ""
    """For `KIND`."""


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
        self._process = subprocess.Popen(
            command,
            env={**os.environ, CORE: core, **settings},
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
        try:
            answer: Json = json.loads(line)
        except ValueError as error:
            raise ProgramFailed(f"said {line.decode(errors='replace').strip()!r}") from error
        if "error" in answer:
            raise ProgramFailed(" ".join(answer["error"].split()))
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

    def __init__(self, client: Program, pids: list[int], client_pid: int) -> None:
        self._client = client
        self.pids = pids
        """Of the processes beside the client, the server or broker first."""
        self.client_pid = client_pid

    def measure(self, order: Json, timeout_s: float) -> Json:
        """What the client program answers to an order; see `load.Client`."""
        return self._client.order({**order, "pids": self.pids}, timeout_s)


@contextmanager
def running(
    subject: Subject,
    command: Command,
    settings: Mapping[str, str] | None = None,
    modules: Path | None = None,
) -> Generator[Running]:
    """Start the programs of `subject`, the server on one core, whatever calls it on another.

    `settings` are environment variables for all of them; `modules` is a folder to import from
    before others.

    Raises:
        ProgramFailed: one of them did not start.
    """
    first, second = cores()
    environment = {KIND: subject.kind, **(settings or {})}
    if modules is not None:
        environment["PYTHONPATH"] = str(modules)

    def start(core: str, module: str, is_alone: bool, *arguments: str) -> Program:
        log = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
        program = Program([*command(module, is_alone), *arguments], core, environment, log)
        stack.callback(program.end)
        return program

    with ExitStack() as stack:
        if subject.broker is None:
            server = start(first, subject.module, subject.is_alone, "server")
        else:
            server = start(first, subject.broker, True, "server")
        hello = server.answer(START_TIMEOUT_S)
        port, pids = str(hello["port"]), list[int](hello["pids"])
        if subject.is_routed:
            service = start(second, subject.module, subject.is_alone, "service", port)
            pids += service.answer(START_TIMEOUT_S)["pids"]
        client = start(second, subject.module, subject.is_alone, "client", port)
        pid: int = client.answer(START_TIMEOUT_S)["pids"][0]
        yield Running(client, pids, pid)
