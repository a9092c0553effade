"""Our WebSocket connections with each other, on loopback."""

import asyncio
import socket
import ssl as tls
from pathlib import Path

import pytest

from duologue.connection.base import ConnectionState, Message
from duologue.connection.websocket.connection import WebSocketConnection
from duologue.connection.websocket.dial import dial_websocket
from duologue.connection.websocket.listener import accept_websockets
from duologue.errors import (
    ConnectionClosed,
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

CERTIFICATE = Path(__file__).parent / "localhost.pem"
"""Self-signed, for localhost, key included: worthless outside these tests."""


async def test_every_kind_of_message_there_and_back() -> None:
    async with serving(echo=True) as served, dialled(served.url) as client:
        inbox = Inbox(client)
        for message in SAMPLES:
            client.send(message)
            assert await inbox.next() == message


async def test_thousands_of_messages_keep_their_order() -> None:
    async with serving(echo=True) as served, dialled(served.url) as client:
        inbox = Inbox(client)
        sent = [f"{number}" * (number % 30) for number in range(5_000)]
        for number, message in enumerate(sent):
            client.send(message)
            if number % 700 == 0:
                await asyncio.sleep(0)
        for message in sent:
            assert await inbox.next() == message


async def test_small_writes_wait_for_nobody_at_both_ends() -> None:
    async with serving() as served, dialled(served.url) as client:
        for end in (client, await served.next()):
            transport = end._transport  # pyright: ignore[reportPrivateUsage]
            assert transport is not None
            sock: socket.socket = transport.get_extra_info("socket")
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


async def test_a_message_sent_by_the_server_at_once_waits_for_the_dialler() -> None:
    greeting: list[WebSocketConnection] = []

    def greet(connection: WebSocketConnection) -> None:
        greeting.append(connection)
        connection.send("welcome")

    listener = await accept_websockets(greet, Limits(), host="127.0.0.1")
    async with dialled(f"ws://127.0.0.1:{listener.port}") as client:
        assert await Inbox(client).next() == "welcome"
        assert client.remote_address == f"127.0.0.1:{listener.port}"
        assert greeting[0].remote_address is not None
        assert greeting[0].remote_address.startswith("127.0.0.1:")
    listener.close()
    await listener.wait_closed()


async def test_tls() -> None:
    server_context = tls.SSLContext(tls.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(CERTIFICATE)
    client_context = tls.create_default_context(cafile=str(CERTIFICATE))
    async with (
        serving(echo=True, ssl=server_context) as served,
        dialled(f"wss://127.0.0.1:{served.port}", ssl=client_context) as client,
    ):
        inbox = Inbox(client)
        for message in SAMPLES:
            client.send(message)
            assert await inbox.next() == message
        client.close("bye")
        server = await served.next()
        assert await closed(client) == (1000, "Close called: bye")
        assert await closed(server) == (1000, "Close called: bye")


async def test_a_certificate_that_is_not_trusted_is_refused() -> None:
    server_context = tls.SSLContext(tls.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(CERTIFICATE)
    async with serving(ssl=server_context) as served:
        with pytest.raises(ConnectionClosed, match=r"cannot reach wss://.*certificate") as caught:
            await dial_websocket(f"wss://127.0.0.1:{served.port}", Limits(), timeout_s=PATIENCE_S)
        assert caught.value.sent == "no"


async def test_ipv6() -> None:
    try:
        async with (
            serving(echo=True, host="::1") as served,
            dialled(f"ws://[::1]:{served.port}") as client,
        ):
            client.send("six")
            assert await Inbox(client).next() == "six"
            assert client.remote_address == f"[::1]:{served.port}"
    except OSError as error:
        pytest.skip(f"no IPv6 here: {error}")


async def test_a_message_above_the_receivers_limit_is_a_typed_error_on_both_sides() -> None:
    small = Limits(max_message_bytes=1000)
    async with serving(small) as served, dialled(served.url) as client:
        server = await served.next()
        inbox: list[Message] = []
        server.on_message.listen(inbox.append)
        client.send("x" * 1000)
        client.send("x" * 1001)
        assert (await closed(client))[0] == 1009
        assert (await closed(server))[0] == 1009
        for connection in (client, server):
            assert isinstance(connection.failure, LimitExceeded)
            assert (connection.failure.limit, connection.failure.value) == (
                "max_message_bytes",
                1000,
            )
            assert connection.failure.met == 1001
        assert inbox == ["x" * 1000]


async def test_a_large_message_above_the_receivers_limit_too() -> None:
    small = Limits(max_message_bytes=1000)
    async with serving(small) as served, dialled(served.url) as client:
        client.send("x" * 1_000_000)
        assert (await closed(client))[0] == 1009
        assert isinstance(client.failure, LimitExceeded)


async def test_a_sender_waits_while_nobody_listens_and_goes_on_when_somebody_does() -> None:
    limits = Limits(max_message_bytes=100_000, max_unsent_bytes=64 * 1024 * 1024)
    async with serving(limits) as served, dialled(served.url, limits) as client:
        server = await served.next()
        sent = [bytes([number]) * 100_000 for number in range(200)]
        for message in sent:
            client.send(message)
        waiting = asyncio.ensure_future(client.drained())
        await asyncio.sleep(0.05)
        assert not waiting.done()
        assert client.buffered_amount > 262_144
        assert server.on_message.backlog_bytes <= 300_000
        inbox = Inbox(server)
        for message in sent:
            assert await inbox.next() == message
        await asyncio.wait_for(waiting, PATIENCE_S)
        assert client.buffered_amount == 0


async def test_a_peer_that_does_not_read_ends_the_connection_at_the_limit() -> None:
    limits = Limits(max_message_bytes=100_000, max_unsent_bytes=1_000_000)
    async with serving(limits) as served, dialled(served.url, limits) as client:
        server = await served.next()
        taken = 0
        while client.state.current_state is ConnectionState.OPEN:
            client.send(b"x" * 100_000)
            taken += 1
        assert taken >= 10
        with pytest.raises(ConnectionClosed):
            client.send("more")
        assert isinstance(client.failure, LimitExceeded)
        assert client.failure.limit == "max_unsent_bytes"
        assert await closed(client) == (1006, str(client.failure))
        server.on_message.listen(lambda _: None)
        code, reason = await closed(server)
        # Whether the system says anything of it depends on the system.
        assert code == 1006
        assert reason.startswith("The connection was lost")


@pytest.mark.parametrize("by_client", [True, False])
@pytest.mark.parametrize("how", ["close", "terminate"])
@pytest.mark.parametrize("turns", [0, 1, 2, 3, 5, 8])
async def test_an_end_at_any_moment_leaves_nothing(by_client: bool, how: str, turns: int) -> None:
    async with serving(echo=True) as served, dialled(served.url) as client:
        server = await served.next()
        client.on_message.listen(lambda _: None)
        for _ in range(50):
            client.send("x" * 10_000)
        for _ in range(turns):
            await asyncio.sleep(0)
        side = client if by_client else server
        if how == "close":
            side.close("now")
        else:
            side.terminate("now")
        await closed(client)
        await closed(server)
        assert client.failure is None
        assert server.failure is None


@pytest.mark.parametrize("turns", range(12))
async def test_a_dial_given_up_at_any_moment_leaves_nothing(turns: int) -> None:
    async with serving() as served:
        dialling = asyncio.ensure_future(dial_websocket(served.url, Limits(), timeout_s=PATIENCE_S))
        for _ in range(turns):
            await asyncio.sleep(0)
        if dialling.done():
            (await dialling).terminate("too late to give up")
        else:
            dialling.cancel()
            with pytest.raises(asyncio.CancelledError):
                await dialling


async def test_closing_the_listener_keeps_connections_and_waits_for_them() -> None:
    async with serving(echo=True) as served, dialled(served.url) as client:
        await served.next()
        served.listener.close()
        assert served.listener.sockets == ()
        waiting = asyncio.ensure_future(served.listener.wait_closed())
        client.send("still here")
        assert await Inbox(client).next() == "still here"
        assert not waiting.done()
        assert len(served.listener.connections) == 1
        with pytest.raises(ConnectionClosed):
            await dial_websocket(served.url, Limits(), timeout_s=PATIENCE_S)
        client.close()
        await asyncio.wait_for(waiting, PATIENCE_S)
        assert served.listener.connections == set()


async def test_connections_above_the_limit_are_refused_until_there_is_room() -> None:
    async with (
        serving(Limits(max_connections=2)) as served,
        dialled(served.url) as first,
        dialled(served.url) as second,
    ):
        for each in (first, second):
            each.send("here I am")
        await asyncio.sleep(0.05)
        with pytest.raises(ConnectionClosed, match=r"HTTP 503 .*no room") as caught:
            await dial_websocket(served.url, Limits(), timeout_s=PATIENCE_S)
        assert caught.value.sent == "no"
        server = await served.next()
        first.close()
        await closed(server)
        async with dialled(served.url) as third:
            assert third.state.current_state is ConnectionState.OPEN


# -- other loops ----------------------------------------------------------------------------------


def test_uvloop() -> None:
    uvloop = pytest.importorskip("uvloop")

    async def talk() -> None:
        async with serving(echo=True) as served, dialled(served.url) as client:
            inbox = Inbox(client)
            for message in SAMPLES:
                client.send(message)
                assert await inbox.next() == message
            client.close("bye")
            assert await closed(client) == (1000, "Close called: bye")

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(talk())


def test_a_loop_that_is_not_known_gets_a_buffer_for_each_connection() -> None:
    class ForeignLoop(asyncio.SelectorEventLoop):
        """Not a selector loop as far as anybody can see."""

    from duologue.connection.event_loop import reading_space_for

    assert reading_space_for(ForeignLoop) is not reading_space_for(ForeignLoop)
    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        assert reading_space_for(loop) is reading_space_for(loop)
