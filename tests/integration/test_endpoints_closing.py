"""How conversations over real sockets end: closed by a side, or cut."""

import asyncio
import socket
from types import TracebackType
from typing import Self

import pytest

from duologue import Limits, WebsocketPromisifier, connect, serve
from duologue.errors import (
    Cancelled,
    ConnectionClosed,
    DeadlineExceeded,
    GoingAway,
    ProtocolError,
)
from duologue.promisifier.promise import CloseStatus
from tests.integration.greeters import (
    GreeterClient,
    SlowGreeter,
    conversation,
    url,
)
from tests.integration.loopback import nothing_is_left as nothing_is_left
from tests.stream_server import close_server, stream_server
from tests.support import turns


class Proxy:
    """Stands between two ends and can cut the line."""

    def __init__(self) -> None:
        self.target_port = 0
        self._writers: list[asyncio.StreamWriter] = []
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    def cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._server is not None
        await close_server(self._server)
        self.cut()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self.target_port)
        self._writers += writer, back

        async def pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
            try:
                while data := await source.read(65_536):
                    target.write(data)
                target.write_eof()
            except OSError:
                pass

        await asyncio.gather(pump(reader, back), pump(there, writer))
        for each in (writer, back):
            each.close()


# -- closing ------------------------------------------------------------------------------------


async def test_leaving_the_block_closes_both_ends_cleanly() -> None:
    async with conversation() as (host, guest):
        guest.close("done for today")
        for peer in (host, guest):
            status = await peer.promise
            assert isinstance(status, CloseStatus)
            assert (status.code, status.reason) == (1000, "Close called: done for today")


async def test_a_call_that_runs_when_the_server_closes_may_finish() -> None:
    slow = SlowGreeter()
    async with serve(slow) as server, connect(url(server.port)) as guest:
        call = asyncio.ensure_future(GreeterClient(guest).greet(name="Ann"))
        await slow.running.acquire()
        closing = asyncio.ensure_future(server.close())
        slow.may_answer.set()
        assert await call == "at last Ann"
        await closing
        assert (await guest.promise).reason == "Close called: the server is shutting down"


async def test_a_call_longer_than_the_drain_time_is_cancelled_and_told_so() -> None:
    slow = SlowGreeter()
    limits = Limits(drain_timeout_s=0.02)
    async with serve(slow, limits=limits) as server, connect(url(server.port)) as guest:
        call = asyncio.ensure_future(GreeterClient(guest).greet())
        await slow.running.acquire()
        await server.close()
        with pytest.raises(Cancelled, match="the side that served it is shutting down"):
            await call
        await slow.ended.acquire()
        assert (await guest.promise).pending == ()


async def test_a_call_that_comes_while_the_server_closes_is_refused() -> None:
    slow = SlowGreeter()
    async with serve(slow) as server, connect(url(server.port)) as guest:
        call = asyncio.ensure_future(GreeterClient(guest).greet())
        await slow.running.acquire()
        closing = asyncio.ensure_future(server.close())
        await turns()
        with pytest.raises(GoingAway):
            await GreeterClient(guest).greet()
        slow.may_answer.set()
        await call
        await closing


async def test_nobody_can_connect_to_a_server_that_is_closing() -> None:
    slow = SlowGreeter()
    async with serve(slow) as server, connect(url(server.port)) as guest:
        call = asyncio.ensure_future(GreeterClient(guest).greet())
        await slow.running.acquire()
        closing = asyncio.ensure_future(server.close())
        await turns()
        with pytest.raises(ConnectionClosed) as refused:
            async with connect(url(server.port)):
                pytest.fail("was let in")
        assert refused.value.sent == "no"
        slow.may_answer.set()
        await call
        await closing


async def test_closing_twice_and_waiting_for_the_close() -> None:
    async with serve() as server:
        waiting = asyncio.ensure_future(server.wait_closed())
        await asyncio.gather(server.close(), server.close())
        await waiting


async def test_whoever_waits_for_the_close_may_be_cancelled() -> None:
    slow = SlowGreeter()
    async with serve(slow) as server, connect(url(server.port)) as guest:
        call = asyncio.ensure_future(GreeterClient(guest).greet())
        await slow.running.acquire()
        impatient = asyncio.ensure_future(server.close())
        await asyncio.sleep(0)
        impatient.cancel()
        with pytest.raises(asyncio.CancelledError):
            await impatient
        slow.may_answer.set()
        assert await call == "at last "
        await server.close()


async def test_a_port_of_a_server_that_does_not_run_is_a_mistake() -> None:
    with pytest.raises(RuntimeError, match="use it in `async with`"):
        serve().port  # noqa: B018


async def test_services_that_run_when_the_guest_leaves_are_cancelled() -> None:
    slow = SlowGreeter()
    async with serve(slow) as server:
        async with connect(url(server.port)) as guest:
            call = asyncio.ensure_future(GreeterClient(guest).greet())
            await slow.running.acquire()
        await slow.ended.acquire()
        with pytest.raises(ConnectionClosed) as closed:
            await call
        assert (closed.value.code, closed.value.sent) == ("WSP-ONCL0", "yes")


async def test_an_error_in_the_block_closes_the_connection() -> None:
    hosts: list[WebsocketPromisifier] = []
    async with serve(on_peer=hosts.append) as server:
        with pytest.raises(ZeroDivisionError):
            async with connect(url(server.port)):
                raise ZeroDivisionError
        assert (await hosts[0].promise).code == 1000


async def test_an_error_in_on_peer_closes_the_connection() -> None:
    def fail(peer: WebsocketPromisifier) -> None:
        raise ZeroDivisionError

    hosts: list[WebsocketPromisifier] = []
    async with serve(on_peer=hosts.append) as server:
        with pytest.raises(ZeroDivisionError):
            async with connect(url(server.port), on_peer=fail):
                pytest.fail("was entered")
        assert (await hosts[0].promise).code == 1000


# -- losing the connection ------------------------------------------------------------------------


async def test_a_cut_line_fails_every_open_call_at_once_on_both_sides() -> None:
    slow = SlowGreeter()
    hosts: list[WebsocketPromisifier] = []
    async with Proxy() as proxy:
        proxied = f"127.0.0.1:{proxy.port}"
        async with serve(slow, hosts=[proxied], on_peer=hosts.append) as server:
            proxy.target_port = server.port
            async with connect(f"ws://{proxied}") as guest:
                never = asyncio.Event()
                guest.add_service(7, never.wait)
                calls = [asyncio.ensure_future(GreeterClient(guest).greet()) for _ in range(3)]
                for _ in calls:
                    await slow.running.acquire()
                back = hosts[0].send(7)
                proxy.cut()
                for call in (*calls, back):
                    with pytest.raises(ConnectionClosed) as closed:
                        await call
                    assert closed.value.code == "WSP-ONCL0"
                    assert closed.value.sent == "unknown"
                for peer, pending in ((guest, (101, 101, 101)), (hosts[0], (7,))):
                    outcome = await peer.promise.wait()
                    assert isinstance(outcome, ConnectionClosed)
                    assert (outcome.code, outcome.pending) == (1006, pending)
                for _ in calls:
                    await slow.ended.acquire()
                with pytest.raises(ConnectionClosed) as late:
                    await guest.send(1)
                assert late.value.sent == "no"


async def test_nobody_there_is_a_closed_connection_and_nothing_was_sent() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectionClosed) as closed:
            async with connect(url(taken.getsockname()[1])):
                pytest.fail("was let in")
    assert closed.value.sent == "no"


async def test_somebody_who_never_answers_is_given_up() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises(DeadlineExceeded):
            async with connect(url(silent.getsockname()[1]), timeout=0.05):
                pytest.fail("was let in")


async def test_somebody_who_is_no_websocket_server_is_a_protocol_error() -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    async with stream_server(greet) as port:
        with pytest.raises(ProtocolError):
            async with connect(url(port)):
                pytest.fail("was let in")
