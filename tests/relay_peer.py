"""A provider as a process of its own, for tests that kill or stop it.

`python -m tests.relay_peer URL PINS quick|default` listens at the relay, prints one JSON object for
each thing that happens, and ends when its input does. `provider_process` runs one.
"""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import duologue
from duologue import ANYONE, ConnectionClosed, Identity, Limits, WebsocketPromisifier
from tests.support import square

QUICK: Final = Limits(keepalive_interval_s=0.2, keepalive_timeout_s=0.5, close_timeout_s=0.5)
"""Lifesigns a hundred times as often as usual, so that a test of silence takes a second."""

SQUARE: Final = 3
SLOW: Final = 5
"""The service that sleeps for so many seconds and then gives its argument back."""


async def slow(seconds: float) -> float:
    """See `SLOW`."""
    await asyncio.sleep(seconds)
    return seconds


def tell(event: str, **fields: Any) -> None:
    """One line for the parent."""
    print(json.dumps({"event": event, **fields}), flush=True)


async def main(url: str, pins: str, profile: str) -> None:
    """Serve until the parent closes our input."""
    watching: set[asyncio.Task[None]] = set()

    async def watch(peer: WebsocketPromisifier) -> None:
        try:
            await peer.promise
            tell("closed")
        except ConnectionClosed:
            tell("lost")

    def on_peer(peer: WebsocketPromisifier) -> None:
        peer.add_service(SQUARE, square)
        peer.add_service(SLOW, slow)
        task = asyncio.ensure_future(watch(peer))
        watching.add(task)
        task.add_done_callback(watching.discard)
        tell("peer")

    identity = Identity.generate()
    async with duologue.listen(
        url,
        identity=identity,
        allow=ANYONE,
        known_relays=Path(pins),
        on_peer=on_peer,
        limits=QUICK if profile == "quick" else Limits(),
    ):
        tell("registered", key=str(identity))
        await asyncio.to_thread(sys.stdin.read)


class ProviderProcess:
    """Made by `provider_process`."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.key = ""

    async def next_event(self, timeout_s: float = 20) -> dict[str, Any]:
        """What it tells next."""
        assert self.process.stdout is not None
        line = await asyncio.wait_for(self.process.stdout.readline(), timeout_s)
        event: dict[str, Any] = json.loads(line)
        return event


@asynccontextmanager
async def provider_process(
    url: str, pins: Path, profile: str = "quick"
) -> AsyncGenerator[ProviderProcess]:
    """A registered one; killed at the end."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.relay_peer", url, str(pins), profile),
        stdin=PIPE,
        stdout=PIPE,
    )
    provider = ProviderProcess(process)
    try:
        provider.key = (await provider.next_event())["key"]
        yield provider
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
