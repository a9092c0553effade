"""A relay as a process of its own, for tests that kill, measure or starve it."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from duologue.relay.limits import RelayLimits

LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="measures through /proc")
SHORT_GRACE_S = 0.01
"""`startup_grace_s` where it is not what is tested: keys that nobody has are refused at once."""
COMMAND = "from duologue.commands.cli import main; main()"
PAGE_MIB = os.sysconf("SC_PAGE_SIZE") / 2**20 if hasattr(os, "sysconf") else 0


class RelayProcess:
    """Made by `relay_process`."""

    def __init__(self, process: Process, listening: dict[str, Any]) -> None:
        self.process = process
        self.listening = listening
        """The first line of its output."""
        self.url: str = listening["url"]
        self.admin_url: str = listening.get("admin", "")
        self.log: list[dict[str, Any]] = []
        """What it has written to standard error, line by line."""
        self.raw_log = b""

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    @property
    def pid(self) -> int:
        return self.process.pid

    def memory_mib(self) -> float:
        """Its resident memory; Linux only."""
        resident = Path(f"/proc/{self.pid}/statm").read_text().split()[1]
        return int(resident) * PAGE_MIB

    def cpu_s(self) -> float:
        """The processor time it has used; Linux only."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    async def admin(self, path: str) -> tuple[int, str]:
        """Status and body of a page of the admin listener."""
        host, _, port = self.admin_url.removeprefix("http://").rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        answer = (await reader.read()).decode()
        writer.close()
        await writer.wait_closed()
        head, _, body = answer.partition("\r\n\r\n")
        return int(head.split()[1]), body

    async def metric(self, name: str) -> float:
        """One sample of `/metrics`, named without the prefix; 0 if it is not there."""
        for line in (await self.admin("/metrics"))[1].splitlines():
            if line.startswith(f"duologue_relay_{name} "):
                return float(line.rpartition(" ")[2])
        return 0.0

    async def read_log(self) -> None:
        """Collect the log until the process ends."""
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            self.raw_log += line
            if line.startswith(b"{"):
                self.log.append(json.loads(line))


@asynccontextmanager
async def relay_process(
    *arguments: str,
    limits: Mapping[str, float] | None = None,
    port: int = 0,
    max_files: int | None = None,
) -> AsyncGenerator[RelayProcess]:
    """A running one; killed at the end, if it has not ended by then."""
    limits = {"startup_grace_s": SHORT_GRACE_S, **(limits or {})}
    unknown = set(limits) - set(RelayLimits.__slots__)
    assert not unknown, unknown
    environment = {
        **os.environ,
        **{f"DUOLOGUE_RELAY_LIMITS__{name}": str(each) for name, each in limits.items()},
    }
    code = COMMAND
    if max_files is not None:
        lower = f"import resource; resource.setrlimit(resource.RLIMIT_NOFILE, ({max_files},) * 2); "
        code = lower + code
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code, "relay", "--format", "json"),
        *("--port", str(port), "--admin-port", "0", *arguments),
        stdout=PIPE,
        stderr=PIPE,
        env=environment,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    first = await asyncio.wait_for(process.stdout.readline(), 120)
    if not first:
        raise AssertionError((await process.stderr.read()).decode())
    relay = RelayProcess(process, json.loads(first))
    reading = asyncio.create_task(relay.read_log())
    try:
        yield relay
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await reading
