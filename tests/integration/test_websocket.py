"""WebSocket connections on loopback: with each other, and with `websockets` as a foreign peer."""

import asyncio
import ssl as tls
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from duologue.connection.base import Connection, ConnectionState, Message
from duologue.connection.websocket import (
    WebSocketConnection,
    WebSocketListener,
    accept_websockets,
    dial_websocket,
)
from duologue.errors import (
    ConnectionClosed,
    DeadlineExceeded,
    DuologueError,
    LimitExceeded,
    ProtocolError,
)
from duologue.limits import Limits
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK, InvalidStatus

PATIENCE_S = 10
CERTIFICATE = Path(__file__).parent / "localhost.pem"
"""Self-signed, for localhost, key included: worthless outside these tests."""

SAMPLES: tuple[Message, ...] = (
    *("", "é", "x" * 125, "x" * 126, "€" * 30_000, "x" * 1_048_576),
    *(b"", b"\x00\xff", b"x" * 65_535, b"x" * 65_536, b"\x80" * 1_048_576),
)


@pytest.fixture(autouse=True)
async def nothing_is_left() -> AsyncIterator[None]:
    """No task, no timer and no unheard exception may be left behind by a test."""
    loop = asyncio.get_running_loop()
    complaints: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _loop, context: complaints.append(context))
    tasks_before = asyncio.all_tasks()
    yield
    for _ in range(5):
        await asyncio.sleep(0)
    assert complaints == []
    assert asyncio.all_tasks() - tasks_before - {asyncio.current_task()} == set()
    timers: list[asyncio.TimerHandle] = vars(loop)["_scheduled"]
    assert [timer for timer in timers if not timer.cancelled()] == []


class Served:
    """A listener of ours and what it has accepted."""

    def __init__(self, accepted: asyncio.Queue[WebSocketConnection]) -> None:
        self._accepted = accepted
        self.listener: WebSocketListener

    @property
    def port(self) -> int:
        return self.listener.port

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    async def next(self) -> WebSocketConnection:
        async with asyncio.timeout(PATIENCE_S):
            return await self._accepted.get()


@asynccontextmanager
async def serving(
    limits: Limits | None = None,
    *,
    echo: bool = False,
    host: str = "127.0.0.1",
    ssl: tls.SSLContext | None = None,
    origins: tuple[str, ...] = (),
    hosts: tuple[str, ...] = (),
) -> AsyncGenerator[Served]:
    accepted: asyncio.Queue[WebSocketConnection] = asyncio.Queue()
    served = Served(accepted)

    def accept(connection: WebSocketConnection) -> None:
        if echo:
            connection.on_message.listen(connection.send)
        accepted.put_nowait(connection)

    served.listener = await accept_websockets(
        accept, limits or Limits(), host=host, ssl=ssl, origins=origins, hosts=hosts
    )
    try:
        yield served
    finally:
        served.listener.close()
        for connection in tuple(served.listener.connections):
            connection.terminate("the test is over")
        async with asyncio.timeout(PATIENCE_S):
            await served.listener.wait_closed()


@asynccontextmanager
async def dialled(
    url: str, limits: Limits | None = None, **options: Any
) -> AsyncGenerator[WebSocketConnection]:
    connection = await dial_websocket(url, limits or Limits(), timeout_s=PATIENCE_S, **options)
    try:
        yield connection
    finally:
        connection.terminate("the test is over")
        await asyncio.sleep(0)


async def closed(connection: Connection) -> tuple[int | None, str]:
    """Wait for the end; its code and reason."""
    event = asyncio.Event()
    connection.state.on_enter_state.listen(
        lambda state: event.set() if state is ConnectionState.CLOSED else None
    )
    if connection.state.current_state is not ConnectionState.CLOSED:
        async with asyncio.timeout(PATIENCE_S):
            await event.wait()
    return connection.close_code, connection.close_reason


class Inbox:
    def __init__(self, connection: Connection) -> None:
        self._queue: asyncio.Queue[Message] = asyncio.Queue()
        connection.on_message.listen(self._queue.put_nowait)

    async def next(self) -> Message:
        async with asyncio.timeout(PATIENCE_S):
            return await self._queue.get()


# -- with each other ------------------------------------------------------------------------------


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
        assert await closed(client) == (1006, "")
        server.on_message.listen(lambda _: None)
        assert await closed(server) == (1006, "")


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
        dialled(served.url),
    ):
        with pytest.raises(ConnectionClosed, match=r"HTTP 503 .*no room") as caught:
            await dial_websocket(served.url, Limits(), timeout_s=PATIENCE_S)
        assert caught.value.sent == "no"
        server = await served.next()
        first.close()
        await closed(server)
        async with dialled(served.url) as third:
            assert third.state.current_state is ConnectionState.OPEN


# -- with `websockets` as the other side ----------------------------------------------------------


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


# -- dialling what does not answer ----------------------------------------------------------------


@asynccontextmanager
async def answering(answer: bytes | None) -> AsyncGenerator[str]:
    """A server that gives every client `answer`; None: never says anything."""
    done = asyncio.Event()

    async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if answer is not None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
        else:
            await reader.read()
        writer.close()
        await writer.wait_closed()
        done.set()

    server = await asyncio.start_server(serve_one, "127.0.0.1", 0)
    yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/path?token=secret"
    server.close()
    async with asyncio.timeout(PATIENCE_S):
        await done.wait()
        await server.wait_closed()


async def dial_failure(url: str, timeout_s: float = PATIENCE_S) -> DuologueError:
    with pytest.raises(DuologueError) as caught:
        await dial_websocket(url, Limits(), timeout_s=timeout_s)
    assert "secret" not in str(caught.value)
    return caught.value


async def test_nobody_listens() -> None:
    async with serving() as served:
        url = served.url
    failure = await dial_failure(url)
    assert isinstance(failure, ConnectionClosed)
    assert (failure.code, failure.sent) == (1006, "no")
    assert failure.reason.startswith(f"cannot reach {url}: ")


async def test_a_name_that_does_not_exist() -> None:
    failure = await dial_failure("ws://nobody.invalid:1")
    assert isinstance(failure, ConnectionClosed)
    assert failure.sent == "no"


async def test_a_server_that_never_answers() -> None:
    async with answering(None) as url:
        failure = await dial_failure(url, timeout_s=0.05)
    assert isinstance(failure, DeadlineExceeded)
    assert isinstance(failure, TimeoutError)
    assert "was not open after 0.05 s" in str(failure)


async def test_a_server_that_hangs_up() -> None:
    async with answering(b"") as url:
        failure = await dial_failure(url)
    assert isinstance(failure, ConnectionClosed)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 301 Moved\r\nLocation: ws://127.0.0.1:1\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n<html>",
        b"SSH-2.0-OpenSSH\r\n",
    ],
)
async def test_what_is_no_websocket_server(answer: bytes) -> None:
    async with answering(answer) as url:
        failure = await dial_failure(url)
    assert isinstance(failure, ProtocolError)


@pytest.mark.parametrize(
    "url", ["http://localhost", "localhost:80", "ws://", "ws://user@h", "ws://h:x", "ws://h/#f"]
)
async def test_what_is_no_websocket_address(url: str) -> None:
    with pytest.raises(ValueError, match="not a ws: or wss: address"):
        await dial_websocket(url, Limits(), timeout_s=PATIENCE_S)


async def test_a_passwords_place_in_an_address_is_not_repeated() -> None:
    with pytest.raises(ValueError, match="not a ws: or wss: address") as caught:
        await dial_websocket("http://me:secret@host", Limits(), timeout_s=PATIENCE_S)
    assert "secret" not in str(caught.value)


async def test_ssl_for_a_plain_address_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="wss"):
        await dial_websocket(
            "ws://localhost",
            Limits(),
            ssl=tls.create_default_context(),
            timeout_s=PATIENCE_S,
        )


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
