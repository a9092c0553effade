"""Limits of `serve` and `connect` over real sockets on this machine."""

import asyncio

import pytest

from duologue import Limits, WebsocketPromisifier, connect, serve
from duologue.connection.websocket.dial import dial_websocket
from duologue.errors import (
    ConnectionClosed,
    DuologueError,
    LimitExceeded,
    ProtocolError,
)
from tests.integration.greeters import (
    Greeter,
    GreeterClient,
    SlowGreeter,
    conversation,
    url,
)
from tests.integration.loopback import closed
from tests.integration.loopback import nothing_is_left as nothing_is_left

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
            with pytest.raises(ConnectionClosed) as ended:
                await GreeterClient(guest).greet(name="x" * 10_000)
            assert ended.value.close_code == 1009
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
            # Its own end hears of it a moment later.
            _, reason = await closed(rude)
            assert reason.startswith("Close called: onMsgHandler error")
            assert await GreeterClient(polite).greet(name="Ann") == "hello Ann"
