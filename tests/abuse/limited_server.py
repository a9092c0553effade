"""A server in a process of its own, with as much memory and as many descriptors as it is given.

`python -m tests.abuse.limited_server plain|encrypted MEMORY_MIB DESCRIPTORS`; its first line says
where it is and which key it has.
"""

import asyncio
import contextlib
import json
import resource
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator
from pathlib import Path

import duologue
from duologue import ANYONE, ByteStream, Identity
from duologue.promisifier.promisifier import WebsocketPromisifier
from duologue.testing.conversation.news_service import KEPT_EVENTS, NewsService
from tests.abuse.attacks import ECHO, FILE, HANG, STUBBORN, TELL

MIB = 2**20
ROOMS = 2_000
"""Of which it has news, as many as it keeps of each."""
FILE_BYTES = 4 * MIB


class Victim:
    """Made by `victim_process`."""

    def __init__(self, process: Process, port: int, key: str) -> None:
        self.process = process
        self.port = port
        self.key = key

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def memory_mib(self) -> float:
        """Its resident memory."""
        resident = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(resident) * resource.getpagesize() / MIB

    def descriptors(self) -> int:
        """How many it has open."""
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))


@contextlib.asynccontextmanager
async def victim_process(
    kind: str, memory_mib: int, descriptors: int, log: Path
) -> AsyncGenerator[Victim]:
    """A running one, killed at the end. What it logs goes to the file `log`."""
    with log.open("w") as errors:
        process = await asyncio.create_subprocess_exec(
            *(
                sys.executable,
                "-m",
                "tests.abuse.limited_server",
                kind,
                str(memory_mib),
                str(descriptors),
            ),
            stdout=PIPE,
            stderr=errors,
        )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(20):
            told = json.loads(await process.stdout.readline())
        yield Victim(process, told["port"], told["key"])
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def itself(value: object) -> object:
    return value


async def hang(*_args: object) -> None:
    await asyncio.sleep(600)


async def resist() -> None:
    """Goes on for a while, whoever cancels it."""
    loop = asyncio.get_running_loop()
    end_s = loop.time() + 30
    while loop.time() < end_s:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(1)


def history() -> NewsService:
    """Tells of rooms, and has done so."""
    news = NewsService()
    for number in range(ROOMS):
        news.tell(f"room-{number}", *range(KEPT_EVENTS))
    return news


async def _serve(kind: str, file: Path) -> None:
    news = history()

    def offer(peer: WebsocketPromisifier) -> None:
        peer.add_service(ECHO, itself)
        peer.add_service(HANG, hang)
        peer.add_service(FILE, lambda: ByteStream(file))
        peer.add_service(STUBBORN, resist)
        peer.add_service(TELL, lambda: news.tell("room-0", 1))

    me = Identity.generate() if kind == "encrypted" else None
    allow = None if me is None else ANYONE
    async with duologue.serve(news, identity=me, allow=allow, on_peer=offer) as server:
        key = "" if me is None else me.public_key.hex()
        print(json.dumps({"port": server.port, "key": key}), flush=True)
        await server.wait_closed()


def main() -> None:
    kind, memory_mib, descriptors = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    memory_bytes = memory_mib * MIB
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))
    with tempfile.NamedTemporaryFile() as file:
        file.write(bytes(FILE_BYTES))
        file.flush()
        asyncio.run(_serve(kind, Path(file.name)))


if __name__ == "__main__":
    main()
