"""The same cases on real sockets, our echo at one end and `websockets` without I/O at the other."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

import pytest
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import Protocol, Side, State
from websockets.server import ServerProtocol
from websockets.uri import parse_uri

from duologue.connection.base import ConnectionState, Message
from duologue.connection.websocket.connection import WebSocketConnection
from duologue.errors import BadFrame
from duologue.limits import Limits
from tests.conformance.rfc6455 import closing, fragmentation, framing, utf8
from tests.conformance.rfc6455.case import CLOSE, MAX_BYTES, NORMAL, Case, Sent
from tests.integration.loopback import PATIENCE_S, closed, dialled, serving
from tests.integration.loopback import nothing_is_left as nothing_is_left
from tests.stream_server import stream_server

CASES = (*framing.CASES, *fragmentation.CASES, *utf8.CASES, *closing.CASES)
LIMITS = Limits(max_message_bytes=MAX_BYTES, max_unsent_bytes=4 * MAX_BYTES)
READ_BYTES = 65_536


class OtherSide:
    """A socket whose bytes `websockets` reads, and to which a test writes what it likes."""

    def __init__(
        self, protocol: Protocol, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.protocol = protocol
        self.frames: list[Frame] = []
        self.writer = writer
        self._reader = reader

    async def read_some(self) -> bool:
        """Whether something came; nothing more does otherwise."""
        async with asyncio.timeout(PATIENCE_S):
            data = await self._reader.read(READ_BYTES)
        if not data:
            return False
        self.protocol.receive_data(data)
        for event in self.protocol.events_received():
            if isinstance(event, Frame):
                self.frames.append(event)
            elif isinstance(event, Request) and isinstance(self.protocol, ServerProtocol):
                self.protocol.send_response(self.protocol.accept(event))
        return True

    async def open(self) -> None:
        """The opening handshake."""
        if isinstance(self.protocol, ClientProtocol):
            self.protocol.send_request(self.protocol.connect())
            self._write()
        while self.protocol.state is State.CONNECTING:
            assert await self.read_some()
            self._write()
        assert self.protocol.state is State.OPEN

    def _write(self) -> None:
        for data in self.protocol.data_to_send():
            self.writer.write(data)

    async def play(self, case: Case, to: Side) -> None:
        """Send what the case says, cut as far as a socket keeps that, and read all answers."""
        for chunk in case.chunks(to):
            self.writer.write(chunk)
            if case.chop is not None:
                await asyncio.sleep(0)
        if case.goes_on:
            while len(self.frames) < len(case.messages) + len(case.pongs):
                assert await self.read_some(), "an answer is missing"
            self.writer.write(Sent(CLOSE, NORMAL).encoded(to))
        while not any(frame.opcode is Opcode.CLOSE for frame in self.frames):
            assert await self.read_some(), "no close frame came"


def judge(case: Case, other: OtherSide) -> None:
    """Look at what came of it on the wire."""
    assert other.protocol.parser_exc is None
    echoed: list[Message] = [
        bytes(frame.data).decode() if frame.opcode is Opcode.TEXT else bytes(frame.data)
        for frame in other.frames
        if frame.opcode in (Opcode.TEXT, Opcode.BINARY)
    ]
    pongs = [bytes(frame.data) for frame in other.frames if frame.opcode is Opcode.PONG]
    assert tuple(echoed) == case.messages
    assert tuple(pongs) == case.pongs
    # In every case with both, the message ends behind the last ping: 5.5.2 wants answers "as soon
    # as is practical".
    kinds = [frame.opcode for frame in other.frames[:-1]]
    assert Opcode.PONG not in kinds[len(pongs) :]
    close = other.frames[-1]
    assert close.opcode is Opcode.CLOSE
    if case.fault is None:
        assert bytes(close.data) == case.close
    else:
        assert int.from_bytes(close.data[:2], "big") == case.fault


async def judge_ours(case: Case, connection: WebSocketConnection) -> None:
    """Look at what our side says of it."""
    code, reason = await closed(connection)
    if case.fault is not None:
        assert code == case.fault
        assert isinstance(connection.failure, BadFrame)
        assert reason
    else:
        assert code == (int.from_bytes(case.close[:2], "big") if case.close else 1005)
        assert reason == case.close[2:].decode()


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_as_server(case: Case) -> None:
    async with serving(LIMITS, echo=True) as served:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        protocol = ClientProtocol(parse_uri(served.url), max_size=None)
        other = OtherSide(protocol, reader, writer)
        await other.open()
        await other.play(case, Side.SERVER)
        # A server ends the socket first (RFC 6455 7.1.1).
        assert not await other.read_some()
        writer.close()
        judge(case, other)
        await judge_ours(case, await served.next())
        with suppress(OSError):
            await writer.wait_closed()


@asynccontextmanager
async def listening() -> AsyncGenerator[tuple[int, asyncio.Queue[OtherSide]]]:
    """Where `websockets` is the server; the port and who has come."""
    arrived: asyncio.Queue[OtherSide] = asyncio.Queue()

    async def welcome(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        other = OtherSide(ServerProtocol(max_size=None), reader, writer)
        await other.open()
        arrived.put_nowait(other)

    async with stream_server(welcome) as port:
        yield port, arrived


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_as_client(case: Case) -> None:
    async with listening() as (port, arrived), dialled(f"ws://127.0.0.1:{port}", LIMITS) as ours:

        def echo(message: Message) -> None:
            if ours.state.current_state is ConnectionState.OPEN:
                ours.send(message)

        ours.on_message.listen(echo)
        async with asyncio.timeout(PATIENCE_S):
            other = await arrived.get()
        await other.play(case, Side.CLIENT)
        judge(case, other)
        # A client waits for the server to end the socket.
        assert ours.state.current_state is ConnectionState.CLOSING
        other.writer.close()
        await judge_ours(case, ours)
        with suppress(OSError):
            await other.writer.wait_closed()
