"""A way to ports of this machine: silent, as when a machine loses its power, or a load balancer."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from tests.stream_server import stream_server

PIECE_BYTES = 65_536


class Cable:
    """Passes bytes on, both ways. Silent, it neither passes nor closes anything: what is sent
    stays where it is, and who comes is let in and hears nothing. With several targets it is a plain
    load balancer: each connection goes to the next that lets it in."""

    def __init__(self, *targets: int) -> None:
        self.port = 0
        self.targets = list(targets)
        """The ports that it leads to; may be changed at any time."""
        self._numbers = itertools.count()
        self._flows = asyncio.Event()
        self._flows.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._ways: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """For clients of a relay that it leads to."""
        return f"ws://127.0.0.1:{self.port}"

    def silence(self) -> None:
        """Nothing gets through from now on."""
        self._flows.clear()

    def mend(self) -> None:
        """What has waited goes on."""
        self._flows.set()

    def cut(self) -> None:
        """All connections end at once; later ones are as they were."""
        for each in self._writers:
            each.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Lead one connection there, until one of its sides ends it."""
        self._writers.add(writer)
        try:
            await self._flows.wait()
            connected = await self._connected()
            if connected is None:
                return
            there, back = connected
            self._writers.add(back)
            ways = [
                asyncio.create_task(self._pass(reader, back)),
                asyncio.create_task(self._pass(there, writer)),
            ]
            try:
                await asyncio.wait(ways)
            finally:
                for each in ways:
                    each.cancel()
                back.transport.abort()
                self._writers.discard(back)
        finally:
            writer.transport.abort()
            self._writers.discard(writer)

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """To the next of the targets that lets one in; None if none does."""
        begin, targets = next(self._numbers), list(self.targets)
        for step in range(len(targets)):
            port = targets[(begin + step) % len(targets)]
            with contextlib.suppress(OSError):
                return await asyncio.open_connection("127.0.0.1", port)
        return None

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(PIECE_BYTES):
                await self._flows.wait()
                writer.write(data)
                await writer.drain()
            await self._flows.wait()
            if writer.can_write_eof():
                writer.write_eof()

    def come(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Somebody has come to this end."""
        way = asyncio.create_task(self.serve(reader, writer))
        self._ways.add(way)
        way.add_done_callback(self._ways.discard)

    async def end(self) -> None:
        """Leave nothing behind."""
        for way in list(self._ways):
            way.cancel()
        await asyncio.gather(*self._ways, return_exceptions=True)


@asynccontextmanager
async def cable(*targets: int) -> AsyncGenerator[Cable]:
    """One that leads to these ports, from one of its own."""
    laid = Cable(*targets)
    try:
        async with stream_server(laid.come, backlog=1_000) as laid.port:
            yield laid
    finally:
        await laid.end()
