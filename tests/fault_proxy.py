"""A TCP proxy that breaks what goes through it: the faults of networks, on demand."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

from tests.stream_server import stream_server

Direction = Literal["up", "down"]
"""Up is from who connects to the proxy towards the target."""

BLOCK = 65_536


@dataclass
class Faults:
    """What the proxy does to bytes; may be changed at any moment."""

    latency_s: float = 0.0
    slice_bytes: int = 0
    """Bytes passed on at once; 0 for as they come."""
    cut_after_bytes: int | None = None
    """Both connections are closed after so many bytes, up and down together."""
    stalled: set[Direction] = field(default_factory=set[Direction])
    """Directions in which bytes are read no more: back-pressure without an end."""
    swallowed: set[Direction] = field(default_factory=set[Direction])
    """Directions in which bytes vanish: one half is open, the other dead."""


class FaultProxy:
    """Made by `fault_proxy`."""

    def __init__(self, host: str, port: int) -> None:
        self.faults = Faults()
        self.port = 0
        self.passed_bytes = 0
        self._target = (host, port)
        self._links: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()
        self._changed = asyncio.Event()

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def black_hole(self) -> None:
        """Nothing passes any more, and nobody is told."""
        self.faults.swallowed = {"up", "down"}

    def reset(self) -> None:
        """End every connection with RST."""
        for pair in list(self._links):
            for writer in pair:
                linger = struct.pack("ii", 1, 0)
                sock: socket.socket | None = writer.get_extra_info("socket")
                if sock is not None:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                writer.transport.abort()

    def go_on(self) -> None:
        """Heal everything."""
        self.faults = Faults()
        self._changed.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        pair = (writer, far_writer)
        self._links.add(pair)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pass(reader, far_writer, "up"))
                group.create_task(self._pass(far_reader, writer, "down"))
        finally:
            self._links.discard(pair)
            for each in pair:
                each.close()

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, direction: Direction
    ) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(self.faults.slice_bytes or BLOCK):
                while direction in self.faults.stalled:
                    self._changed.clear()
                    await self._changed.wait()
                if direction in self.faults.swallowed:
                    continue
                if self.faults.latency_s:
                    await asyncio.sleep(self.faults.latency_s)
                cut = self.faults.cut_after_bytes
                if cut is not None:
                    data = data[: max(0, cut - self.passed_bytes)]
                writer.write(data)
                self.passed_bytes += len(data)
                await writer.drain()
                if cut is not None and self.passed_bytes >= cut:
                    self.reset()
                    return
        if direction in self.faults.swallowed:
            return
        with contextlib.suppress(OSError):
            writer.write_eof()


@asynccontextmanager
async def fault_proxy(port: int, host: str = "127.0.0.1") -> AsyncGenerator[FaultProxy]:
    """A running one, before the server at `port`."""
    proxy = FaultProxy(host, port)
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(proxy.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    try:
        async with stream_server(accept) as proxy.port:
            yield proxy
    finally:
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
