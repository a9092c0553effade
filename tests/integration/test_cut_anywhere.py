"""Catalogue row 8: the connection is cut after any number of bytes.

Whatever had come by then: every call settles with a typed outcome, and no stream is taken for
complete that is not.
"""

import asyncio
import random
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

import duologue
from duologue import ByteStream, DuologueError, TextStream
from tests.stopwatch import PATIENCE_S
from tests.stream_server import stream_server
from tests.support import square

CONTENT = bytes(range(256)) * 8
TEXT = "Grüße " * 100


class Cutter:
    """Stands between client and server, and lets `allowance` bytes pass to the client."""

    def __init__(self, port: int, allowance: int) -> None:
        self._port = port
        self._left = allowance
        self.is_cut = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream_reader, upstream_writer = await asyncio.open_connection("127.0.0.1", self._port)

        async def forward() -> None:
            while data := await reader.read(65_536):
                upstream_writer.write(data)

        forwarding = asyncio.ensure_future(forward())
        try:
            while data := await upstream_reader.read(65_536):
                writer.write(data[: self._left])
                await writer.drain()
                self._left -= len(data)
                if self._left < 0:
                    self.is_cut = True
                    break
        except ConnectionError:
            pass
        finally:
            forwarding.cancel()
            await asyncio.gather(forwarding, return_exceptions=True)
            for each in (writer, upstream_writer):
                each.transport.abort()


@asynccontextmanager
async def cut_after(port: int, allowance: int) -> AsyncGenerator[tuple[Cutter, str]]:
    cutter = Cutter(port, allowance)
    async with stream_server(cutter.serve) as own_port:
        yield cutter, f"ws://127.0.0.1:{own_port}"


def furnish(peer: duologue.WebsocketPromisifier) -> None:
    peer.add_service(3, square)
    peer.add_service(5, lambda: ByteStream(CONTENT))
    peer.add_service(6, lambda: TextStream(TEXT))


async def script(peer: duologue.WebsocketPromisifier) -> None:
    assert await peer.send(3, 12) == 144
    assert await (await peer.send(5)).read() == CONTENT
    assert await (await peer.send(6)).read() == TEXT
    assert await asyncio.gather(*(peer.send(3, number) for number in range(5))) == [0, 1, 4, 9, 16]


async def cut_and_check(port: int, allowance: int) -> bool:
    """Whether the session was cut short; anything but a typed outcome fails the test."""
    async with cut_after(port, allowance) as (cutter, url), asyncio.timeout(PATIENCE_S):
        try:
            async with duologue.connect(url) as peer:
                await script(peer)
        except DuologueError:
            # Only a cut may fail the script.
            assert cutter.is_cut
            return True
    return False


async def run(allowances: list[int]) -> None:
    async with duologue.serve(on_peer=furnish, hosts=["127.0.0.1"]) as server:
        was_cut = [await cut_and_check(server.port, allowance) for allowance in allowances]
    assert any(was_cut)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_session_cut_at_some_bytes_ends_in_typed_outcomes() -> None:
    chosen = random.Random(8)
    await run([1, 100, *sorted(chosen.sample(range(2, 6000), 60)), 1_000_000])


@pytest.mark.slow
async def test_a_session_cut_at_every_byte_ends_in_typed_outcomes() -> None:
    chosen = random.Random(9)
    await run([*range(1, 4097), *(chosen.randrange(4097, 8000) for _ in range(500))])
