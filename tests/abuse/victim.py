"""A server in a process of its own, with what is worth attacking; told of by its JSON lines.

It prints its port, and what it uses now for each line that it reads.
"""

import asyncio
import json
import os
import socket
import sys
from pathlib import Path
from typing import Any

import duologue
from duologue import ByteStream, WebsocketPromisifier

ECHO, FILE, STUBBORN, SLOW, LARGE = 1, 2, 3, 4, 5
LARGE_BYTES = 1_000_000
SENDING_BYTES = 16_384
FILE_BYTES = 16 * 1024 * 1024


def _echo(value: Any) -> Any:
    return value


class Victim:
    """Its services, and how many handlers run."""

    def __init__(self, path: Path) -> None:
        self.running = 0
        self._path = path
        self._never = asyncio.Event()

    def welcome(self, peer: WebsocketPromisifier) -> None:
        """Serve a newcomer."""
        peer.add_service(ECHO, _echo)
        peer.add_service(FILE, lambda: ByteStream(self._path))
        peer.add_service(STUBBORN, self._ignore_cancellation)
        peer.add_service(SLOW, self._wait)
        peer.add_service(LARGE, lambda: "x" * LARGE_BYTES)

    async def _ignore_cancellation(self) -> None:
        self.running += 1
        while True:
            try:
                await self._never.wait()
            except asyncio.CancelledError:
                continue

    async def _wait(self, _value: object) -> None:
        self.running += 1
        await self._never.wait()


def used() -> dict[str, int]:
    """Resident memory in bytes, and descriptors."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    resident = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return {
        "resident_bytes": int(resident.split()[1]) * 1024,
        "descriptors": len(os.listdir("/proc/self/fd")),
    }


async def main(path: Path) -> None:
    """Serve until the input ends."""
    victim = Victim(path)
    loop = asyncio.get_running_loop()
    sock = socket.create_server(("127.0.0.1", 0))
    # What is not taken is to wait in this process, not in the system.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SENDING_BYTES)
    async with duologue.serve(sock=sock, on_peer=victim.welcome) as server:
        print(json.dumps({"port": server.port}), flush=True)
        while await loop.run_in_executor(None, sys.stdin.readline):
            print(json.dumps({**used(), "running": victim.running}), flush=True)
        os._exit(0)  # some of its handlers never end


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
