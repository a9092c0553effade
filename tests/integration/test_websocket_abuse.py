"""What a hostile client can do with a raw socket, and what comes of it."""

import asyncio
import os
import resource
import struct
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import cast

import pytest
from websockets.frames import Frame, Opcode

from duologue.connection.base import ConnectionState, Message
from duologue.connection.websocket.dial import dial_websocket
from duologue.connection.websocket.frames import WHOLE_BINARY, WHOLE_TEXT, encode_masked_frame
from duologue.errors import BadFrame, LimitExceeded
from duologue.limits import MAX_SHORT_FRAGMENTS, Limits
from tests.integration.loopback import PATIENCE_S, closed, serving
from tests.integration.loopback import nothing_is_left as nothing_is_left
from tests.stopwatch import Stopwatch

pytestmark = pytest.mark.xdist_group("measuring")

KEY = b"\x01\x02\x03\x04"
REQUEST = (
    "GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{more}\r\n"
)


def frame(opcode: Opcode, data: bytes = b"", *, fin: bool = True) -> bytes:
    return Frame(opcode, data, fin=fin).serialize(mask=True)


def resident_bytes() -> int:
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()


class Raw:
    """A client that writes whatever it likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def rest(self) -> bytes:
        """Everything until the server hangs up."""
        async with asyncio.timeout(PATIENCE_S):
            try:
                return await self.reader.read()
            except ConnectionResetError:
                return b""

    async def closed_with(self) -> int:
        """The code of the close frame with which the server ends."""
        data = await self.rest()
        while data[0] != 0x88:
            assert data[1] < 126
            data = data[2 + data[1] :]
        (code,) = struct.unpack("!H", data[2:4])
        return int(code)


@asynccontextmanager
async def raw_client(port: int) -> AsyncGenerator[Raw]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Raw(reader, writer)
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


@asynccontextmanager
async def upgraded(port: int, more: str = "") -> AsyncGenerator[Raw]:
    """A raw client whose opening handshake is done."""
    async with raw_client(port) as raw:
        raw.writer.write(REQUEST.format(port=port, more=more).encode())
        head = await raw.reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 ")
        assert b"permessage-deflate" not in head
        yield raw


# -- fragments (reliability, row 21) --------------------------------------------------------------


@pytest.mark.parametrize("part", [b"", b"x"], ids=["empty", "1 byte"])
async def test_fragments_that_never_end_are_stopped(part: bytes) -> None:
    async with serving(echo=True) as served, upgraded(served.port) as raw:
        before = resident_bytes()
        raw.writer.write(frame(Opcode.TEXT, part, fin=False))
        raw.writer.write(frame(Opcode.CONT, part, fin=False) * MAX_SHORT_FRAGMENTS)
        assert await raw.closed_with() == 1009
        server = await served.next()
        assert isinstance(server.failure, LimitExceeded)
        assert resident_bytes() - before < 4_000_000


async def test_large_fragments_that_never_end_are_stopped_at_the_size_limit() -> None:
    async with serving(echo=True) as served, upgraded(served.port) as raw:
        before = resident_bytes()
        raw.writer.write(frame(Opcode.BINARY, bytes(65_536), fin=False))
        for _ in range(16):
            raw.writer.write(frame(Opcode.CONT, bytes(65_536), fin=False))
        assert await raw.closed_with() == 1009
        server = await served.next()
        assert isinstance(server.failure, LimitExceeded)
        assert server.failure.limit == "max_message_bytes"
        assert resident_bytes() - before < 8_000_000


@pytest.mark.parametrize(
    "data",
    [
        frame(Opcode.TEXT, b"a", fin=False) + frame(Opcode.TEXT, b"b", fin=False),
        frame(Opcode.CONT, b"b"),
        frame(Opcode.BINARY, b"a", fin=False) + frame(Opcode.TEXT, b"b"),
    ],
    ids=["nested", "end without start", "text inside binary"],
)
async def test_fragments_out_of_place_are_refused(data: bytes) -> None:
    async with serving(echo=True) as served, upgraded(served.port) as raw:
        raw.writer.write(data)
        assert await raw.closed_with() == 1002
        assert isinstance((await served.next()).failure, BadFrame)


# -- giant frames (row 22) ------------------------------------------------------------------------


@pytest.mark.parametrize("length", [1_048_577, 2**31, 2**63 - 1, 2**63, 2**64 - 1])
async def test_a_giant_frame_is_refused_from_its_head_alone(length: int) -> None:
    async with serving(echo=True) as served, upgraded(served.port) as raw:
        before = resident_bytes()
        raw.writer.write(b"\x82\xff" + struct.pack("!Q", length))
        assert await raw.closed_with() == 1009
        assert isinstance((await served.next()).failure, LimitExceeded)
        assert resident_bytes() - before < 1_000_000


async def test_an_announced_message_that_never_comes_costs_no_memory() -> None:
    async with serving(echo=True) as served, upgraded(served.port) as raw:
        before = resident_bytes()
        raw.writer.write(b"\x82\xff" + struct.pack("!Q", 1_048_576) + KEY + b"start")
        raw.writer.write(b"x" * 1000)
        server = await served.next()
        await asyncio.sleep(0.05)
        assert server.state.current_state is ConnectionState.OPEN
        assert resident_bytes() - before < 500_000


async def test_who_stays_after_being_refused_is_dropped() -> None:
    async with serving(Limits(close_timeout_s=0.05)) as served, upgraded(served.port) as raw:
        raw.writer.write(b"\x82\xff" + b"\xff" * 8)
        server = await served.next()
        assert (await closed(server))[0] == 1009
        assert await raw.rest() != b""


async def test_a_length_and_then_silence_ends_the_connection() -> None:
    limits = Limits(message_stall_timeout_s=0.05)
    async with serving(limits) as served, upgraded(served.port) as raw:
        raw.writer.write(b"\x82\xff" + struct.pack("!Q", 1_048_576) + KEY + b"start")
        assert await raw.closed_with() == 1008
        server = await served.next()
        assert isinstance(server.failure, LimitExceeded)
        assert server.failure.limit == "message_stall_timeout_s"


async def test_fragments_that_trickle_end_the_connection() -> None:
    limits = Limits(message_stall_timeout_s=5, fragment_timeout_s=0.1)
    async with serving(limits) as served, upgraded(served.port) as raw:
        raw.writer.write(frame(Opcode.TEXT, b"a", fin=False))
        for _ in range(20):
            raw.writer.write(frame(Opcode.CONT, b"b", fin=False))
            await asyncio.sleep(0.01)
        assert await raw.closed_with() == 1008
        server = await served.next()
        assert isinstance(server.failure, LimitExceeded)
        assert server.failure.limit == "fragment_timeout_s"


# -- compression (row 23) -------------------------------------------------------------------------


async def test_compression_is_offered_in_vain() -> None:
    offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
    async with serving(echo=True) as served, upgraded(served.port, offer) as raw:
        raw.writer.write(b"\xc1" + encode_masked_frame(WHOLE_TEXT, b"bomb", KEY)[1:])
        assert await raw.closed_with() == 1002
        assert isinstance((await served.next()).failure, BadFrame)


# -- floods (row 32, small) -----------------------------------------------------------------------


@pytest.mark.parametrize("opcode", [Opcode.PING, Opcode.PONG])
async def test_a_flood_of_control_frames_is_stopped_and_others_go_on(opcode: Opcode) -> None:
    async with serving(echo=True) as served:
        url = f"ws://127.0.0.1:{served.port}"
        victim = await dial_websocket(url, Limits(), timeout_s=PATIENCE_S)
        echoed: asyncio.Queue[Message] = asyncio.Queue()
        victim.on_message.listen(echoed.put_nowait)
        await served.next()
        async with upgraded(served.port) as raw:
            raw.writer.write(frame(opcode, b"x" * 100) * 20_000)
            worst_s = 0.0
            for _ in range(20):
                watch = Stopwatch()
                victim.send("are you there?")
                await asyncio.wait_for(echoed.get(), PATIENCE_S)
                worst_s = max(worst_s, watch.seconds)
            offender = await served.next()
            assert await raw.closed_with() == 1008
            assert isinstance(offender.failure, LimitExceeded)
            # The goal is 0.1 s; twice that here, where others use the machine too.
            assert worst_s < 0.2
        victim.terminate("the test is over")
        await asyncio.sleep(0)


async def test_a_flood_of_tiny_messages_lets_others_through() -> None:
    async with serving(echo=True) as served:
        url = f"ws://127.0.0.1:{served.port}"
        victim = await dial_websocket(url, Limits(), timeout_s=PATIENCE_S)
        echoed: asyncio.Queue[Message] = asyncio.Queue()
        victim.on_message.listen(echoed.put_nowait)
        await served.next()
        async with upgraded(served.port) as raw:
            raw.writer.write(encode_masked_frame(WHOLE_BINARY, b"x", KEY) * 50_000)
            drained = asyncio.ensure_future(raw.reader.readexactly(50_000 * 3))
            worst_s = 0.0
            for _ in range(20):
                watch = Stopwatch()
                victim.send("are you there?")
                await asyncio.wait_for(echoed.get(), PATIENCE_S)
                worst_s = max(worst_s, watch.seconds)
            await asyncio.wait_for(drained, PATIENCE_S)
            assert worst_s < 0.2
        victim.terminate("the test is over")
        await asyncio.sleep(0)


async def test_a_client_that_never_reads_is_dropped_at_the_limit() -> None:
    limits = Limits(max_unsent_bytes=500_000)
    async with serving(limits, echo=True) as served, upgraded(served.port) as raw:
        cast(asyncio.Transport, raw.writer.transport).pause_reading()
        server = await served.next()
        blob = encode_masked_frame(WHOLE_BINARY, os.urandom(60_000), KEY)
        for _ in range(500):
            if server.state.current_state is not ConnectionState.OPEN:
                break
            raw.writer.write(blob)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        assert (await closed(server))[0] == 1006
        assert isinstance(server.failure, LimitExceeded)
        assert server.failure.limit == "max_unsent_bytes"


# -- the opening handshake (row 51) ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_head", "status"),
    [
        (REQUEST.format(port="{port}", more="Origin: https://evil.example\r\n"), 403),
        (REQUEST.replace("127.0.0.1", "evil.example").format(port="{port}", more=""), 403),
        (REQUEST.format(port="{port}", more="X: y\r\n" * 10_000), 431),
        (REQUEST.format(port="{port}", more=f"X: {'y' * 1_048_576}\r\n"), 431),
        (f"GET /{'x' * 9000} HTTP/1.1\r\n\r\n", 414),
        ("GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n", 426),
    ],
    ids=["origin", "host", "10000 headers", "1 MiB header", "long path", "no upgrade"],
)
async def test_requests_that_are_refused(request_head: str, status: int) -> None:
    async with serving(echo=True) as served, raw_client(served.port) as raw:
        raw.writer.write(request_head.replace("{port}", str(served.port)).encode())
        answer = await raw.reader.readuntil(b"\r\n")
        assert answer.startswith(f"HTTP/1.1 {status} ".encode())


@pytest.mark.parametrize("said", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: localhost\r\n"])
async def test_who_does_not_finish_the_handshake_is_dropped(said: bytes) -> None:
    async with serving(Limits(handshake_timeout_s=0.05)) as served, raw_client(served.port) as raw:
        raw.writer.write(said)
        assert await raw.rest() == b""


async def test_a_connection_that_is_cut_anywhere_is_1006() -> None:
    data = encode_masked_frame(WHOLE_TEXT, b"x" * 200, KEY) + frame(Opcode.PING, b"abc")
    for length in (0, 1, 2, 3, 7, 8, 100, len(data) - 1, len(data)):
        async with serving() as served, upgraded(served.port) as raw:
            raw.writer.write(data[:length])
            server = await served.next()
            raw.writer.transport.abort()
            assert (await closed(server))[0] == 1006
            assert server.failure is None
