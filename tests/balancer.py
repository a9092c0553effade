"""A plain load balancer: each connection goes to the next node that lets it in."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

PIECE_BYTES = 65_536


class Balancer:
    """Passes connections on to ports of this machine, without stickiness."""

    def __init__(self, targets: Sequence[int]) -> None:
        self.port = 0
        self.targets = list(targets)
        """Ports of the nodes that are ready; may be changed at any time."""
        self._numbers = itertools.count()
        self._ways: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def come(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A client has come."""
        way = asyncio.create_task(self._lead(reader, writer))
        self._ways.add(way)
        way.add_done_callback(self._ways.discard)

    async def end(self) -> None:
        """Leave nothing behind."""
        for way in list(self._ways):
            way.cancel()
        await asyncio.gather(*self._ways, return_exceptions=True)

    async def _lead(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            begin, targets = next(self._numbers), list(self.targets)
            for step in range(len(targets)):
                target = targets[(begin + step) % len(targets)]
                try:
                    there, back = await asyncio.open_connection("127.0.0.1", target)
                except OSError:
                    continue
                try:
                    # Where one side is gone, the other is not kept waiting.
                    ways = [asyncio.create_task(_pass(reader, back)),
                            asyncio.create_task(_pass(there, writer))]  # fmt: skip
                    try:
                        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                    finally:
                        for way in ways:
                            way.cancel()
                        await asyncio.gather(*ways, return_exceptions=True)
                finally:
                    back.close()
                return
        finally:
            writer.close()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(PIECE_BYTES):
            writer.write(data)
            await writer.drain()


@asynccontextmanager
async def balanced(targets: Sequence[int]) -> AsyncGenerator[Balancer]:
    """One in front of these ports."""
    balancer = Balancer(targets)
    server = await asyncio.start_server(balancer.come, "127.0.0.1", 0, backlog=1_000)
    balancer.port = server.sockets[0].getsockname()[1]
    try:
        yield balancer
    finally:
        server.close()
        await balancer.end()
