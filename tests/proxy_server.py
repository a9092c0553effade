"""A proxy for tests: HTTP's CONNECT and SOCKS5, on loopback."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from tests.stream_server import stream_server


class ProxyServer:
    """Leads wherever it is asked to; notes where that was, and who asked."""

    def __init__(self, *, answer: bytes = b"HTTP/1.1 200 Connection established\r\n\r\n") -> None:
        self.asked: list[str] = []
        """Host and port of each request, as they were written."""
        self.authorised_by: list[str] = []
        """What stood in `Proxy-Authorization`."""
        self.port = 0
        self._answer = answer

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client, from its request to its end."""
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            first = await reader.readexactly(1)
            if first == b"\x05":
                host, port = await self._socks(reader, writer)
            else:
                host, port = await self._connect(first, reader)
                writer.write(self._answer)
                if b" 200 " not in self._answer:
                    await writer.drain()
                    writer.close()
                    return
            there = await asyncio.open_connection(host, port)
            await asyncio.gather(_pipe(reader, there[1]), _pipe(there[0], writer))
        writer.close()

    async def _connect(self, first: bytes, reader: asyncio.StreamReader) -> tuple[str, int]:
        head = (first + await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        method, place, _ = head[0].split()
        assert method == "CONNECT"
        self.asked.append(place)
        for line in head[1:]:
            name, _, value = line.partition(": ")
            if name == "Proxy-Authorization":
                self.authorised_by.append(value)
        host, _, port = place.rpartition(":")
        return host.strip("[]"), int(port)

    async def _socks(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> tuple[str, int]:
        await reader.readexactly((await reader.readexactly(1))[0])
        writer.write(b"\x05\x00")
        _, _, _, kind = await reader.readexactly(4)
        if kind == 3:
            host = (await reader.readexactly((await reader.readexactly(1))[0])).decode()
        else:
            host = socket.inet_ntoa(await reader.readexactly(4))
        [port] = struct.unpack("!H", await reader.readexactly(2))
        self.asked.append(f"{host}:{port}")
        writer.write(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
        return host, port


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while piece := await reader.read(65_536):
            writer.write(piece)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def proxy_server(proxy: ProxyServer) -> AsyncGenerator[ProxyServer]:
    """`proxy`, while it can be reached at its `port`."""
    tasks: set[asyncio.Task[None]] = set()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(proxy.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    try:
        async with stream_server(begin) as proxy.port:
            yield proxy
    finally:
        if tasks:
            await asyncio.wait(tasks, timeout=10)
        for task in tasks:
            task.cancel()
