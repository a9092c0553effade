"""`make first-hour`: does what the pages tell a newcomer to type, no more, and prints how long.

A fresh virtual environment, pip's line from the README, then the code blocks of the README and of
`runtime/AGENT.md`, line by line, in one shell. Only patience is added: a line that fails while
programs of earlier lines are still starting is typed again.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parents[1]
PORTS: Final = (8765, 8787)
"""What the pages name: the service of the README, the relay of AGENT.md."""
PATIENCE_S: Final = 120
"""How long a line that fails beside programs in the background is typed again."""
PROMPT: Final = "<<first hour>>"
"""What the shell says after each line, before its exit code."""


class Failed(Exception):
    """A page does not do what it promises. The text is what was on the screen."""


class Times(NamedTuple):
    """Seconds."""

    pip: float
    first_call: float
    first_job: float


def commands(page: str, heading: str) -> list[str]:
    """The lines of the first code block below a heading that are commands."""
    _, _, section = page.partition(f"{heading}\n")
    for language, text in re.findall(r"^```(\w*)\n(.*?)^```$", section, re.DOTALL | re.MULTILINE):
        if not language:
            return [line for line in text.splitlines() if line.strip()]
    raise Failed(f"no code block below {heading!r}")


class Shell:
    """Somebody's terminal. Made by `shell`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.busy = False
        """Something was started in the background."""

    def type_once(self, line: str) -> tuple[int, str]:
        """Exit code of one line, and what was on the screen."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{{ {line}\n}} </dev/null\nprintf '\\n{PROMPT}%s\\n' $?\n")
        self.process.stdin.flush()
        screen = ""
        for text in self.process.stdout:
            if text.startswith(PROMPT):
                return int(text.removeprefix(PROMPT)), screen.rstrip()
            screen += text
        raise Failed(f"{line}: the shell has ended\n{screen}")

    def type(self, line: str) -> str:
        """Returns what was on the screen, with what the programs in the background said meanwhile.

        Raises:
            Failed: the command did, to the end.
        """
        print(f"$ {line}", flush=True)
        until = time.monotonic() + PATIENCE_S
        self.busy = self.busy or line.partition(" #")[0].rstrip().endswith("&")
        while True:
            code, screen = self.type_once(line)
            if code == 0:
                print(screen, flush=True)
                return screen
            if not self.busy or time.monotonic() > until:
                raise Failed(f"{line}: exit code {code}\n{screen}")
            time.sleep(0.5)


@contextmanager
def shell(folder: Path, environment: dict[str, str]) -> Generator[Shell]:
    """One in `folder`; at the end it and all that it has started are told to end, and awaited."""
    with subprocess.Popen(
        ["sh"],
        cwd=folder,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdin is not None
        try:
            # The shell outlives the signal that ends its programs: it has to wait for them.
            process.stdin.write("trap : TERM\n")
            one = Shell(process)
            one.type_once("true")
            yield one
            os.killpg(process.pid, signal.SIGTERM)
            # The signal may cut the first `wait` short.
            process.stdin.write("wait\nwait\nexit 0\n")
            process.stdin.flush()
            process.communicate(timeout=60)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def fresh_environment(folder: Path) -> dict[str, str]:
    """That of a new virtual environment, which has nothing of this one."""
    venv.create(folder / "venv", with_pip=True)
    kept = {name: text for name, text in os.environ.items() if not name.startswith("PYTHON")}
    return {
        **kept,
        "VIRTUAL_ENV": str(folder / "venv"),
        "PATH": os.pathsep.join((str(folder / "venv" / "bin"), os.environ["PATH"])),
        "DUOLOGUE_KNOWN_RELAYS": str(folder / "known_relays"),
    }


def need_ports() -> None:
    """Raises `Failed` if something else listens where the pages do."""
    for port in PORTS:
        with socket.socket() as probe:
            # As servers do: a port whose connections have only just ended is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                raise Failed(
                    f"port {port}, which the pages use, is taken by another program: {error}"
                ) from error


def first_hour(folder: Path) -> Times:
    """Both pages, in the empty `folder`.

    Raises:
        Failed: a page does not do what it promises, or its port is taken.
    """
    need_ports()
    readme = (ROOT / "README.md").read_text()
    pip, *call = commands(readme, "## A project of your own, in a minute")
    job = commands((ROOT / "runtime" / "AGENT.md").read_text(), "# An agent behind NAT")
    environment = fresh_environment(folder)

    began = time.monotonic()
    with shell(ROOT, environment) as clone:
        clone.type(pip)
    installed = time.monotonic()

    with shell(folder, environment) as terminal:
        screen = [terminal.type(line) for line in call][-1]
    if "Hello, Ann!" not in screen:
        raise Failed(f"nobody has said hello:\n{screen}")
    called = time.monotonic()

    with shell(folder, environment) as terminal:
        screen = [terminal.type(line) for line in job][-1]
    artifact = folder / "farm" / "when.txt"
    if not (artifact.is_file() and artifact.stat().st_size):
        raise Failed(f"no artifact was saved:\n{screen}")
    return Times(installed - began, called - installed, time.monotonic() - called)


def main() -> None:
    """In a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            times = first_hour(Path(folder))
        except Failed as error:
            sys.exit(str(error))
    print(f"\npip                                             {times.pip:6.1f} s")
    print(f"from an empty folder to the first call          {times.first_call:6.1f} s, of 60")
    print(f"from `init --agent` to a job and its artifact   {times.first_job:6.1f} s, of 300")


if __name__ == "__main__":
    main()
