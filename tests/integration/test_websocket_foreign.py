"""Our WebSocket connections with `websockets` as the other side."""

import asyncio

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK, InvalidStatus

from duologue.connection.base import ConnectionState
from duologue.errors import (
    LimitExceeded,
)
from duologue.limits import Limits
from tests.integration.loopback import (
    PATIENCE_S,
    SAMPLES,
    Inbox,
    closed,
    dialled,
    serving,
)
from tests.integration.loopback import nothing_is_left as nothing_is_left


async def test_their_client_with_our_server() -> None:
    async with (
        serving(echo=True) as served,
        connect(served.url, max_size=None) as client,  # offers compression
    ):
        assert client.protocol.extensions == []
        for message in SAMPLES:
            await client.send(message)
            assert await client.recv() == message
        await client.send(["in ", "three ", "pieces"])
        assert await client.recv() == "in three pieces"
        await client.send([b"\xff", b"\xfe"])
        assert await client.recv() == b"\xff\xfe"
        await asyncio.wait_for(await client.ping(), PATIENCE_S)
        await client.close(4000, "done")
        assert await closed(await served.next()) == (4000, "done")


async def test_our_client_with_their_server() -> None:
    async def answer(connection: ServerConnection) -> None:
        async for message in connection:
            if message == "pieces":
                await connection.send(["in ", "pieces"])
            elif message == "ping":
                await (await connection.ping())
                await connection.send("pong came")
            else:
                await connection.send(message)

    async with serve(answer, "127.0.0.1", 0, max_size=None) as server:
        port = server.sockets[0].getsockname()[1]
        async with dialled(f"ws://127.0.0.1:{port}") as client:
            inbox = Inbox(client)
            for message in SAMPLES:
                client.send(message)
                assert await inbox.next() == message
            client.send("pieces")
            assert await inbox.next() == "in pieces"
            client.send("ping")
            assert await inbox.next() == "pong came"
            client.close("bye")
            assert await closed(client) == (1000, "Close called: bye")


async def test_our_close_reason_reaches_their_client() -> None:
    async with serving() as served, connect(served.url) as client:
        (await served.next()).close("bye")
        with pytest.raises(ConnectionClosedOK) as caught:
            await client.recv()
        assert caught.value.rcvd is not None
        assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (1000, "Close called: bye")


async def test_our_terminate_reason_reaches_their_client() -> None:
    async with serving() as served, connect(served.url) as client:
        (await served.next()).terminate("no answer")
        with pytest.raises(ConnectionClosedOK) as caught:
            await client.recv()
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.reason == "Terminate called: no answer"


async def test_their_server_closes_us() -> None:
    async def leave(connection: ServerConnection) -> None:
        await connection.close(1001, "shutting down")

    async with serve(leave, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with dialled(f"ws://127.0.0.1:{port}") as client:
            assert await closed(client) == (1001, "shutting down")
            assert client.failure is None


async def test_their_server_finds_our_message_too_big() -> None:
    async def read(connection: ServerConnection) -> None:
        with pytest.raises(ConnectionClosedError):
            await connection.recv()

    async with serve(read, "127.0.0.1", 0, max_size=100) as server:
        port = server.sockets[0].getsockname()[1]
        async with dialled(f"ws://127.0.0.1:{port}") as client:
            client.send("x" * 101)
            assert (await closed(client))[0] == 1009
            assert isinstance(client.failure, LimitExceeded)
            assert client.failure.value == 100


async def test_their_client_sends_more_than_we_take() -> None:
    async with serving(Limits(max_message_bytes=100)) as served, connect(served.url) as client:
        await client.send(["x" * 60, "y" * 60])
        with pytest.raises(ConnectionClosedError) as caught:
            await client.recv()
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 1009
        server = await served.next()
        await closed(server)
        assert isinstance(server.failure, LimitExceeded)


async def test_a_browser_page_is_refused_unless_it_is_named() -> None:
    async with serving(origins=("https://good.example",)) as served:
        with pytest.raises(InvalidStatus, match="403"):
            await connect(served.url, additional_headers={"Origin": "https://evil.example"})
        async with connect(
            served.url, additional_headers={"Origin": "https://good.example"}
        ) as client:
            await client.close()


async def test_a_foreign_host_is_refused_unless_it_is_named() -> None:
    async with serving(hosts=("chat.example",)) as served:
        address = ("127.0.0.1", served.port)
        with pytest.raises(InvalidStatus, match="403"):
            await connect(f"ws://evil.example:{served.port}", host=address[0], port=address[1])
        async with connect("ws://chat.example", host=address[0], port=address[1]) as client:
            await client.close()
        async with dialled(f"ws://localhost:{served.port}") as ours:
            assert ours.state.current_state is ConnectionState.OPEN
