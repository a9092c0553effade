"""`serve` and `connect` over real sockets on this machine."""

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Self

import pytest

from duologue import Limits, WebsocketPromisifier, connect, serve
from duologue.connection.websocket.dial import dial_websocket
from duologue.errors import (
    Cancelled,
    ConnectionClosed,
    DeadlineExceeded,
    DuologueError,
    GoingAway,
    LimitExceeded,
    ProtocolError,
    RemoteError,
    ServiceIdTaken,
)
from duologue.promisifier.promise import CloseStatus
from duologue.typed import Client, Codec, Params, Service, ServiceContract, Unary
from duologue.typed.context import CallContext
from duologue.typed.model import Model
from tests.stopwatch import PATIENCE_S
from tests.support import turns


class GreetParams(Model):
    name: str = ""


GREET = Unary(id=1, name="greet", params=Params(GreetParams), returns=Codec(str))
GREETER = ServiceContract(name="test.v1.Greeter", base=100, digest="", methods=(GREET,))


class GreeterClient(Client):
    __contract__ = GREETER

    async def greet(self, *, name: str = "") -> str:
        return await self._unary(GREET, name=name)


class Greeter(Service):
    __contract__ = GREETER

    def greet(self, params: GreetParams, ctx: CallContext) -> str:
        return f"hello {params.name}"


class SlowGreeter(Service):
    """Answers once it is let go; knows how many wait."""

    __contract__ = GREETER

    def __init__(self) -> None:
        self.running = asyncio.Semaphore(0)
        self.may_answer = asyncio.Event()
        self.ended = asyncio.Semaphore(0)

    async def greet(self, params: GreetParams, ctx: CallContext) -> str:
        self.running.release()
        try:
            await self.may_answer.wait()
        finally:
            self.ended.release()
        return f"at last {params.name}"


class CallingBack(Service):
    """Greets with the name that the caller's own service gives."""

    __contract__ = GREETER

    async def greet(self, params: GreetParams, ctx: CallContext) -> str:
        return f"hello {await ctx.peer.send(7)}"


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
        self._server.close()
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


@pytest.fixture(autouse=True)
async def nothing_is_left_behind() -> AsyncGenerator[None]:
    before = asyncio.all_tasks()
    yield
    left = asyncio.all_tasks() - before - {asyncio.current_task()}
    # A task that was cancelled at the very end has its last turn still to come.
    await asyncio.wait_for(asyncio.gather(*left, return_exceptions=True), PATIENCE_S)


def url(port: int) -> str:
    return f"ws://127.0.0.1:{port}"


@asynccontextmanager
async def conversation(
    *services: Service, limits: Limits | None = None, client_limits: Limits | None = None
) -> AsyncGenerator[tuple[WebsocketPromisifier, WebsocketPromisifier]]:
    """The serving and the connecting end."""
    hosts: list[WebsocketPromisifier] = []
    async with (
        serve(*services, limits=limits, on_peer=hosts.append) as server,
        connect(url(server.port), limits=client_limits) as guest,
    ):
        yield hosts[0], guest


# -- calls --------------------------------------------------------------------------------------


async def test_a_typed_call_over_a_real_socket() -> None:
    async with conversation(Greeter()) as (_, guest):
        assert await GreeterClient(guest).greet(name="Ann") == "hello Ann"


async def test_both_ends_call_over_one_connection() -> None:
    async with conversation(CallingBack()) as (host, guest):
        guest.add_service(7, lambda: "Ann")
        host.add_service(8, lambda: "host")
        assert await GreeterClient(guest).greet() == "hello Ann"
        assert await guest.send(8) == "host"
        assert await host.send(7) == "Ann"


async def test_the_connecting_side_may_offer_services() -> None:
    hosts: list[WebsocketPromisifier] = []
    async with (
        serve(on_peer=hosts.append) as server,
        connect(url(server.port), offer=[Greeter()]),
    ):
        assert await GreeterClient(hosts[0]).greet(name="Bob") == "hello Bob"


async def test_many_calls_at_once_each_get_their_own_answer() -> None:
    async with conversation(Greeter()) as (_, guest):
        client = GreeterClient(guest)
        answers = await asyncio.gather(*(client.greet(name=str(number)) for number in range(500)))
        assert answers == [f"hello {number}" for number in range(500)]


async def test_several_guests_are_told_apart() -> None:
    async with serve(CallingBack()) as server:
        async with connect(url(server.port)) as ann, connect(url(server.port)) as bob:
            ann.add_service(7, lambda: "Ann")
            bob.add_service(7, lambda: "Bob")
            assert await GreeterClient(ann).greet() == "hello Ann"
            assert await GreeterClient(bob).greet() == "hello Bob"
            assert len(server.peers) == 2
        await asyncio.gather(*(peer.promise.wait() for peer in server.peers))
        assert server.peers == frozenset()


async def test_services_of_on_peer_serve_the_first_request() -> None:
    def add(peer: WebsocketPromisifier) -> None:
        peer.add_service(3, lambda: "early")

    async with serve(on_peer=add) as server, connect(url(server.port)) as guest:
        assert await guest.send(3) == "early"


async def test_the_other_side_has_an_address() -> None:
    async with conversation() as (host, guest):
        assert host.remote_address is not None
        assert host.remote_address.startswith("127.0.0.1:")
        assert guest.remote_address is not None


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

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
        with pytest.raises(ProtocolError):
            async with connect(url(server.sockets[0].getsockname()[1])):
                pytest.fail("was let in")


# -- limits -------------------------------------------------------------------------------------

SMALL = Limits(max_message_bytes=10_000)


async def test_a_request_that_the_host_would_not_take_is_refused_and_the_connection_lives() -> None:
    async with conversation(Greeter(), limits=SMALL) as (_, guest):
        with pytest.raises(LimitExceeded, match="the other side's max_message_bytes is 10000"):
            await GreeterClient(guest).greet(name="x" * 10_000)
        assert await GreeterClient(guest).greet(name="Ann") == "hello Ann"


async def test_an_oversized_request_closes_with_typed_errors_on_both_sides() -> None:
    hosts: list[WebsocketPromisifier] = []
    async with serve(Greeter(), limits=SMALL, on_peer=hosts.append) as server:
        # A base peer has not been told what is taken.
        guests = connect(url(server.port), profile="base")
        async with guests as guest:
            with pytest.raises(ConnectionClosed) as closed:
                await GreeterClient(guest).greet(name="x" * 10_000)
            assert closed.value.close_code == 1009
            for peer in (hosts[0], guest):
                outcome = await peer.promise.wait()
                assert isinstance(outcome, ConnectionClosed)
                assert outcome.code == 1009
                assert isinstance(outcome.__cause__, LimitExceeded)
                assert outcome.__cause__.limit == "max_message_bytes"


async def test_a_request_that_is_just_small_enough_goes_through() -> None:
    overhead = len('{"requestId":0,"type":"request","serviceId":3,"args":[""]}')
    async with conversation(limits=SMALL) as (host, guest):
        host.add_service(3, len)
        size = 10_000 - overhead - 10  # the request id may have more digits than one
        assert await guest.send(3, "x" * size) == size


async def test_our_own_oversized_request_is_refused_and_the_connection_lives() -> None:
    async with conversation(Greeter(), client_limits=SMALL) as (_, guest):
        with pytest.raises(LimitExceeded, match="max_message_bytes"):
            await GreeterClient(guest).greet(name="x" * 10_000)
        assert await GreeterClient(guest).greet(name="Ann") == "hello Ann"


async def test_connections_up_to_the_limit_and_no_more() -> None:
    async with serve(Greeter(), limits=Limits(max_connections=2)) as server:
        async with connect(url(server.port)) as first, connect(url(server.port)):
            with pytest.raises(DuologueError) as refused:
                async with connect(url(server.port)):
                    pytest.fail("was let in")
            assert isinstance(refused.value, ConnectionClosed | ProtocolError)
            assert "503" in str(refused.value)
            assert server.refused == {"host": 0, "origin": 0, "no_room": 1, "gave_way": 0}
            assert await GreeterClient(first).greet(name="Ann") == "hello Ann"
        await asyncio.gather(*(peer.promise.wait() for peer in server.peers))
        async with connect(url(server.port)) as another:
            assert await GreeterClient(another).greet(name="Bob") == "hello Bob"


async def test_a_flood_of_calls_is_answered_with_the_limit() -> None:
    slow = SlowGreeter()
    limits = Limits(max_running_calls=2, max_waiting_calls=3)
    hosts: list[WebsocketPromisifier] = []
    async with serve(slow, limits=limits, on_peer=hosts.append) as server:
        # A peer that has been told how many calls are taken has the others wait on its own side.
        guests = connect(url(server.port), profile="base")
        async with guests as guest:
            client = GreeterClient(guest)
            calls = [asyncio.ensure_future(client.greet(name=str(number))) for number in range(8)]
            refused = await asyncio.gather(*calls[5:], return_exceptions=True)
            assert all(isinstance(each, LimitExceeded) for each in refused)
            assert hosts[0].stats.requests_refused_busy == 3
            slow.may_answer.set()
            answered = await asyncio.gather(*calls[:5])
            assert answered == [f"at last {number}" for number in range(5)]


async def test_calls_above_what_the_host_takes_wait_at_their_caller() -> None:
    slow = SlowGreeter()
    limits = Limits(max_running_calls=2, max_waiting_calls=3)
    async with conversation(slow, limits=limits) as (host, guest):
        client = GreeterClient(guest)
        calls = [asyncio.ensure_future(client.greet(name=str(number))) for number in range(8)]
        slow.may_answer.set()
        assert await asyncio.gather(*calls) == [f"at last {number}" for number in range(8)]
        assert host.stats.requests_refused_busy == 0


async def test_somebody_who_sends_garbage_is_cut_off_and_the_others_are_not() -> None:
    limits = Limits(max_invalid_messages=5)
    hosts: list[WebsocketPromisifier] = []
    async with serve(Greeter(), limits=limits, on_peer=hosts.append) as server:
        rude = await dial_websocket(url(server.port), Limits(), timeout_s=5)
        async with connect(url(server.port)) as polite:
            for _ in range(6):
                rude.send("garbage")
            outcome = await hosts[0].promise.wait()
            assert isinstance(outcome, ConnectionClosed)
            assert isinstance(outcome.__cause__, LimitExceeded)
            assert rude.close_reason.startswith("Close called: onMsgHandler error")
            assert await GreeterClient(polite).greet(name="Ann") == "hello Ann"


# -- who may come -------------------------------------------------------------------------------


async def test_pages_of_other_origins_are_refused() -> None:
    async with serve(origins=["https://good.example"]) as server:
        with pytest.raises(ProtocolError, match="403"):
            await dial_websocket(
                url(server.port), Limits(), origin="https://evil.example", timeout_s=5
            )
        page = await dial_websocket(
            url(server.port), Limits(), origin="https://good.example", timeout_s=5
        )
        page.close()
        assert server.refused == {"host": 0, "origin": 1, "no_room": 0, "gave_way": 0}


async def test_a_browser_is_refused_where_no_origin_is_named() -> None:
    async with serve() as server:
        with pytest.raises(ProtocolError, match="403"):
            await dial_websocket(
                url(server.port), Limits(), origin=f"http://127.0.0.1:{server.port}", timeout_s=5
            )


async def test_other_hosts_are_refused_unless_they_are_named() -> None:
    async def ask(port: int, host: str) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = (
            f"GET / HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        writer.write(head.encode())
        status = await reader.readline()
        writer.transport.abort()
        return status.split()[1]

    async with serve(hosts=["good.example"]) as server:
        assert await ask(server.port, "evil.example") != b"101"
        assert await ask(server.port, f"evil.example:{server.port}") != b"101"
        assert await ask(server.port, "good.example") == b"101"
        assert await ask(server.port, f"localhost:{server.port}") == b"101"
        # A tunnel, a container's port: by another one, and still this machine.
        assert await ask(server.port, "localhost:9000") == b"101"
        assert server.refused == {"host": 2, "origin": 0, "no_room": 0, "gave_way": 0}


# -- offering -----------------------------------------------------------------------------------


async def test_services_that_meet_are_found_before_anybody_listens() -> None:
    with pytest.raises(ServiceIdTaken):
        serve(Greeter(), Greeter())
    with pytest.raises(ServiceIdTaken):
        async with connect("ws://127.0.0.1:9", offer=[Greeter(), Greeter()]):
            pytest.fail("was let in")


async def test_unknown_services_are_told_over_a_real_socket() -> None:
    async with conversation() as (_, guest):
        with pytest.raises(RemoteError) as unknown:
            await guest.send(99)
        assert unknown.value.cause.code == "UNKNOWN-SERVICE"
