"""The door of a server: those who say nothing, and those who come meanwhile."""

import asyncio
import contextlib
import resource
import socket
import ssl as tls
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from duologue.connection.base import ConnectionState
from duologue.connection.websocket.arrivals import Arrivals
from duologue.connection.websocket.connection import WebSocketConnection
from duologue.connection.websocket.listener import NO_ROOM, accept_websockets
from duologue.connection.websocket.listening import listening_sockets
from duologue.errors import LimitExceeded
from duologue.limits import Limits
from tests.integration.loopback import PATIENCE_S, Inbox, closed, dialled, serving
from tests.integration.loopback import nothing_is_left as nothing_is_left
from tests.integration.test_pulse import PONG, raw_client

CERTIFICATE = Path(__file__).parent / "localhost.pem"
ELSEWHERE = "127.0.0.2"


@contextlib.asynccontextmanager
async def silent(
    port: int, number: int, address: str = ELSEWHERE
) -> AsyncGenerator[list[asyncio.StreamReader]]:
    """Sockets that say nothing, from an address of their own."""
    pairs = [
        await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
        for _ in range(number)
    ]
    yield [reader for reader, _ in pairs]
    for _, writer in pairs:
        writer.transport.abort()
    await asyncio.sleep(0)


async def is_dropped(reader: asyncio.StreamReader) -> bool:
    try:
        async with asyncio.timeout(PATIENCE_S):
            return await reader.read() == b""
    except ConnectionError:
        return True


async def test_newcomers_at_the_limit_stay_and_one_above_costs_the_silent_ones_a_place() -> None:
    limits = Limits(max_newcomers=3)
    async with (
        serving(limits) as served,
        silent(served.port, 3) as readers,
        dialled(served.url),
    ):
        assert await is_dropped(readers[0])
        assert [reader.at_eof() for reader in readers[1:]] == [False, False]
        assert served.listener.newcomers == 3


async def test_one_address_takes_places_from_itself() -> None:
    limits = Limits(max_newcomers_per_address=2)
    async with serving(limits) as served, silent(served.port, 3) as readers:
        assert await is_dropped(readers[0])
        assert served.listener.newcomers == 2


async def test_whoever_has_sent_anything_is_no_newcomer() -> None:
    limits = Limits(max_newcomers_per_address=1)
    async with serving(limits, echo=True) as served, dialled(served.url) as first:
        inbox = Inbox(first)
        first.send("here I am")
        assert await inbox.next() == "here I am"
        assert served.listener.newcomers == 0
        async with dialled(served.url), dialled(served.url):
            first.send("still here")
            assert await inbox.next() == "still here"


async def test_a_tls_handshake_that_is_not_done_has_a_place_as_well() -> None:
    context = tls.SSLContext(tls.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    async with (
        serving(Limits(max_newcomers=2), ssl=context) as served,
        silent(served.port, 3) as readers,
    ):
        assert await is_dropped(readers[0])
        assert served.listener.newcomers == 2


async def test_who_is_mute_is_asked_and_then_ended() -> None:
    limits = Limits(opening_silence_s=0.2)
    async with serving(limits) as served:
        client = await raw_client(served.port)
        server = await served.next()
        await client.next_ping()
        assert b"opening_silence_s is 0.2" in await client.rest()
        await closed(server)
        assert isinstance(server.failure, LimitExceeded)
        assert server.failure.limit == "opening_silence_s"
        client.writer.close()
        await client.writer.wait_closed()


async def test_who_only_answers_the_ping_stays() -> None:
    limits = Limits(opening_silence_s=0.2)
    async with serving(limits) as served:
        client = await raw_client(served.port)
        server = await served.next()
        await client.next_ping()
        client.writer.write(PONG)
        await asyncio.sleep(0.3)
        assert server.state.current_state is ConnectionState.OPEN
        assert served.listener.newcomers == 0
        client.writer.close()
        await client.writer.wait_closed()


async def test_a_client_that_has_nothing_to_say_stays_too() -> None:
    async with serving(Limits(opening_silence_s=0.1)) as served, dialled(served.url) as client:
        await asyncio.sleep(0.25)
        assert client.state.current_state is ConnectionState.OPEN
        assert served.listener.newcomers == 0


async def test_who_shows_himself_when_there_is_no_room_any_more_is_told() -> None:
    async with (
        serving(Limits(max_connections=1)) as served,
        dialled(served.url) as first,
        dialled(served.url) as second,
    ):
        first.send("here I am")
        await asyncio.sleep(0.05)
        second.send("me too")
        assert await closed(second) == (1013, NO_ROOM)
        assert first.state.current_state is ConnectionState.OPEN


class Counting:
    """Takes sockets in and does nothing with them."""

    def __init__(self) -> None:
        self.peers: asyncio.Queue[object] = asyncio.Queue()

    def admit(self, peer_name: object) -> WebSocketConnection | None:
        self.peers.put_nowait(peer_name)
        return None

    def note_lost(self, _connection: WebSocketConnection) -> None:
        raise AssertionError("none was made")


async def test_without_descriptors_accepting_pauses_and_complains_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    keeper = Counting()
    sockets = await listening_sockets(["127.0.0.1"], 0, 10)
    arrivals: Arrivals[WebSocketConnection] = Arrivals(sockets, keeper)
    client = socket.socket()
    client.setblocking(False)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (client.fileno() + 1, hard))
    try:
        with contextlib.suppress(BlockingIOError):
            client.connect(sockets[0].getsockname())
        await asyncio.sleep(0.8)
        assert keeper.peers.empty()
        (record,) = caplog.records
        assert "no connections are accepted for the moment: Too many" in record.getMessage()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert await asyncio.wait_for(keeper.peers.get(), PATIENCE_S) == client.getsockname()
    client.close()
    arrivals.close()
    await arrivals.wait_closed()
    assert sockets[0].fileno() < 0


@pytest.mark.parametrize("turns", range(4))
async def test_who_is_arriving_when_a_listener_closes_is_dropped_and_none_is_left(
    turns: int,
) -> None:
    listener = await accept_websockets(lambda _: None, Limits(), host="127.0.0.1")
    with socket.create_connection(("127.0.0.1", listener.port), PATIENCE_S) as client:
        async with asyncio.timeout(PATIENCE_S):
            while not listener.newcomers:  # noqa: ASYNC110 - turn by turn
                await asyncio.sleep(0)
            # Wherever it stands: its transport is made in these turns of the loop.
            for _ in range(turns):
                await asyncio.sleep(0)
            assert asyncio.all_tasks() == {asyncio.current_task()}
            listener.close()
            await listener.wait_closed()
        with contextlib.suppress(ConnectionResetError):
            assert await asyncio.to_thread(client.recv, 1) == b""
