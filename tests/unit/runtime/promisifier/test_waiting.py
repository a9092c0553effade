"""What does not fit waits: calls, answers and calls to be served. Nested calls make progress."""

import asyncio
import json
from collections.abc import Awaitable
from typing import Any

import pytest

from duologue import (
    ByteStream,
    ConnectionClosed,
    DeadlineExceeded,
    LimitExceeded,
    Limits,
    RemoteError,
)
from duologue.connection.drain_gate import PAUSE_ABOVE_BYTES
from duologue.promisifier.own_call import CallOptions
from duologue.promisifier.promisifier import WebsocketPromisifier, create_websocket_promisifier
from duologue.promisifier.served_call import serving
from duologue.testing import connected_pair, linked_peers
from tests.pretend_loop import PretendCarrier
from tests.support import Conversation, PlainReading, greeting, itself, turns
from tests.virtual_time import at_once

LARGE = "x" * (PAUSE_ABOVE_BYTES + 1)


def congested(limits: Limits | None = None) -> tuple[WebsocketPromisifier, PretendCarrier]:
    """A peer whose connection takes no more for now."""
    carrier = PretendCarrier()
    peer = create_websocket_promisifier(carrier, limits=limits)
    carrier.gate.shut()
    return peer, carrier


# -- own calls ----------------------------------------------------------------------------------


async def test_calls_wait_in_order_while_the_connection_takes_no_more() -> None:
    peer, carrier = congested()
    calls = [peer.send(number) for number in (1, 2, 3)]
    await turns()
    assert carrier.sent == []
    carrier.gate.open()
    await turns()
    assert [json.loads(each)["serviceId"] for each in carrier.sent] == [1, 2, 3]
    carrier.end(1006, "lost")
    await asyncio.wait(calls)


async def test_a_waiting_call_fails_at_its_deadline_and_never_leaves() -> None:
    peer, carrier = congested()
    late = peer.start_call(PlainReading(), b"[]", PlainReading(), CallOptions(0.01))
    with pytest.raises(DeadlineExceeded, match=r"Rooms/join could not leave within 0\.01 s"):
        await late
    carrier.gate.open()
    await turns()
    assert carrier.sent == []


async def test_a_waiting_call_that_is_given_up_never_leaves() -> None:
    peer, carrier = congested()
    peer.send(1).cancel()
    carrier.gate.open()
    await turns()
    assert carrier.sent == []


async def test_waiting_calls_fail_with_the_connection_and_had_not_left() -> None:
    peer, carrier = congested()
    calls = [peer.send(number) for number in (1, 2)]
    await turns()
    carrier.end(1006, "lost")
    for call in calls:
        with pytest.raises(ConnectionClosed) as closed:
            await call
        assert closed.value.sent == "no"
    outcome = await peer.promise.wait()
    assert isinstance(outcome, ConnectionClosed)
    assert outcome.pending == (1, 2)


async def test_as_many_wait_as_may_be_parked_and_the_next_fails_alone() -> None:
    peer, carrier = congested(Limits(max_parked_calls=2))
    waiting = [peer.send(1), peer.send(2)]
    with pytest.raises(LimitExceeded, match="max_parked_calls is 2, met 3"):
        await peer.send(3)
    carrier.gate.open()
    await turns()
    assert len(carrier.sent) == 2
    assert not any(call.done() for call in waiting)


async def test_what_waits_holds_as_much_as_may_be_parked_and_the_next_fails_alone() -> None:
    peer, carrier = congested(Limits(max_parked_bytes=20))
    peer.send(1, "x" * 16)  # with brackets and quotes 20 bytes
    with pytest.raises(LimitExceeded, match="max_parked_bytes is 20, met 22"):
        await peer.send(3)
    assert carrier.sent == []


async def test_no_more_calls_are_open_than_the_other_side_takes() -> None:
    async with Conversation() as talk:
        talk.peer.greet(greeting())
        limits = {"maxCalls": 2}
        await talk.hear(talk.request(0, 0, {"profile": "duologue/1", "limits": limits}))
        before = len(talk.said)
        for number in (3, 4, 5):
            talk.peer.send(number)
        await turns()
        assert [each["serviceId"] for each in talk.said[before:]] == [3, 4]


async def test_a_message_that_the_other_side_would_not_take_is_not_sent() -> None:
    async with Conversation() as talk:
        talk.peer.add_service(3, itself)
        talk.peer.greet(greeting())
        limits = {"maxMessageBytes": 1000}
        await talk.hear(talk.request(0, 0, {"profile": "duologue/1", "limits": limits}))
        with pytest.raises(LimitExceeded, match="the other side's max_message_bytes is 1000, met"):
            await talk.peer.send(3, "x" * 1000)
        (answer,) = await talk.hear(talk.request(1, 3, "x" * 1000))
        assert answer["error"]["code"] == "LIMIT_EXCEEDED"
        assert answer["error"]["details"] == {
            "limit": "max_message_bytes",
            "value": 1000,
            "of": "caller",
        }


# -- calls of the other side, and answers -------------------------------------------------------


async def test_large_answers_wait_for_the_other_side_and_nothing_is_lost() -> None:
    limits = Limits(max_unsent_bytes=600_000)
    async with linked_peers(limits=limits) as (server, caller):
        server.add_service(3, lambda: LARGE)

        async def later() -> str:
            await asyncio.sleep(0)
            return LARGE

        server.add_service(4, later)
        large = [caller.send(3 + number % 2) for number in range(20)]
        small = caller.send(5)
        assert await asyncio.gather(*large) == [LARGE] * 20
        with pytest.raises(Exception, match="UNKNOWN-SERVICE"):
            await small
        assert server.is_connected


async def test_a_call_is_not_started_while_its_answer_would_wait() -> None:
    peer, carrier = congested()
    ran = list[int]()
    peer.add_service(3, ran.append)
    await turns()
    for number in range(3):
        carrier.arrive(
            '{"requestId":%d,"type":"request","serviceId":3,"args":[%d]}' % (number, number)
        )
    await turns()
    assert ran == []
    carrier.gate.open()
    await turns()
    assert ran == [0, 1, 2]


async def test_whoever_takes_no_answers_is_not_read_once_much_waits_to_be_served() -> None:
    limits = Limits(max_message_bytes=1000, max_waiting_bytes=1500)
    peer, carrier = congested(limits)
    peer.add_service(3, itself)
    await turns()
    for number in range(3):
        carrier.arrive(
            '{"requestId":%d,"type":"request","serviceId":3,"args":["%s"]}' % (number, "x" * 600)
        )
    await turns()
    assert carrier.sent == []
    assert len(carrier.on_message.backlog) == 2
    carrier.gate.open()
    await turns()
    assert len(carrier.sent) == 3
    assert peer.stats.requests_refused_busy == 0


async def test_whoever_waits_for_an_answer_reads_on_and_turns_calls_away() -> None:
    limits = Limits(max_message_bytes=1000, max_waiting_bytes=1500)
    peer, carrier = congested(limits)
    carrier.gate.open()
    waiting = peer.send(9)
    await turns()
    carrier.gate.shut()
    for number in range(4):
        carrier.arrive(
            '{"requestId":%d,"type":"request","serviceId":3,"args":["%s"]}' % (number, "x" * 600)
        )
    await turns()
    assert not carrier.on_message.backlog
    assert peer.stats.requests_refused_busy == 2
    carrier.arrive('{"responseId":0,"type":"data","data":5}')
    assert await waiting == 5


async def test_a_stream_of_a_handler_is_not_held_by_waiting_answers() -> None:
    async with linked_peers() as (server, caller):
        server.add_service(3, lambda: ByteStream(b"x" * 1_000_000))
        stream = await caller.send(3)
        assert len(await stream.read()) == 1_000_000


# -- calls within calls -------------------------------------------------------------------------


def calls_back(peer: WebsocketPromisifier, service_id: int) -> Any:
    async def serve(depth: int) -> str:
        await turns(3)
        return "bottom" if depth == 0 else await peer.send(service_id, depth - 1)

    return serve


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("outer", [3, 4, 5, 40])
async def test_nested_calls_come_to_their_end(depth: int, outer: int) -> None:
    limits = Limits(max_running_calls=4, max_open_calls=4)
    async with linked_peers(limits=limits) as (left, right):
        left.add_service(3, calls_back(left, 4))
        right.add_service(4, calls_back(right, 3))
        calls = [right.send(3, depth) for _ in range(outer)]
        async with asyncio.timeout(30):
            assert await asyncio.gather(*calls) == ["bottom"] * outer
        await turns()
        for peer in (left, right):
            assert peer._conversation.calling.in_flight == 0  # pyright: ignore


async def test_calls_that_nest_too_deep_are_refused_at_once() -> None:
    limits = Limits(max_running_calls=2, max_nested_calls=2)
    async with linked_peers(limits=limits) as (left, right):
        left.add_service(3, calls_back(left, 4))
        right.add_service(4, calls_back(right, 3))
        async with asyncio.timeout(30):
            with pytest.raises(RemoteError):
                await right.send(3, 100)
        assert left.stats.requests_refused_busy + right.stats.requests_refused_busy == 1


async def test_a_call_made_by_hand_is_not_taken_for_a_nested_one() -> None:
    async with linked_peers(limits=Limits(max_open_calls=1)) as (left, right):
        never = asyncio.Event()

        async def wait() -> None:
            assert serving.get().request.service_id == 3
            await never.wait()

        left.add_service(3, wait)
        right.add_service(4, itself)
        running = right.send(3)
        await turns()
        first, second = left.send(5), left.send(4, 1)
        await turns()
        assert left.stats.requests_sent_total == 2
        assert (await asyncio.gather(first, second, return_exceptions=True))[1] == 1
        never.set()
        await running


async def test_outer_calls_that_come_later_leave_the_nested_ones_their_room() -> None:
    """All that run wait for the peer when more outer calls come: these must not nest."""
    limits = Limits(max_running_calls=4, max_nested_calls=4)
    async with linked_peers(limits=limits) as (left, right):
        left.add_service(3, calls_back(left, 4))
        right.add_service(4, calls_back(right, 3))
        calls: list[Awaitable[object]] = []
        for _ in range(20):
            calls.append(right.send(3, 2))
            await turns(5)
        assert await asyncio.gather(*calls) == ["bottom"] * 20


@at_once
async def test_a_nested_call_that_came_too_early_is_let_in_when_nothing_moves() -> None:
    """Neither side can say which are nested, and one that ran might still have ended."""
    left, right = (
        create_websocket_promisifier(each, limits=Limits(max_running_calls=2))
        for each in connected_pair()
    )
    goes_on, is_first_done = asyncio.Event(), asyncio.Event()

    def passes_on(
        peer: WebsocketPromisifier, service_id: int, when: asyncio.Event | None = None
    ) -> Any:
        async def serve() -> object:
            if when is not None:
                await when.wait()
            return await peer.send(service_id)

        return serve

    left.add_service(1, passes_on(left, 4))
    left.add_service(2, passes_on(left, 5, goes_on))
    left.add_service(3, lambda: "nested")
    right.add_service(4, passes_on(right, 3))
    right.add_service(5, is_first_done.wait)
    first, second = right.send(1), right.send(2)
    await asyncio.sleep(1)
    goes_on.set()
    assert await first == "nested"
    is_first_done.set()
    assert await second is True
    for peer in (left, right):
        peer.close()
        await peer.promise.wait()


@pytest.mark.parametrize(("most", "left"), [(1, 2), (2, 3)])
async def test_so_many_nested_calls_are_open_beyond_the_limit_and_no_more(
    most: int, left: int
) -> None:
    limits = Limits(max_open_calls=1, max_nested_calls=most)
    async with linked_peers(limits=limits) as (server, caller):
        never = asyncio.Event()

        async def wait() -> None:
            await never.wait()

        async def call_back() -> None:
            await asyncio.gather(*(server.send(4) for _ in range(5)))

        server.add_service(3, call_back)
        caller.add_service(4, wait)
        outer = caller.send(3)
        await turns()
        assert server.stats.requests_sent_total == left
        never.set()
        await outer


@pytest.mark.parametrize(("unsent_bytes", "is_congested"), [(262_144, False), (262_145, True)])
async def test_a_peer_is_congested_above_the_limit(unsent_bytes: int, is_congested: bool) -> None:
    class Full(PretendCarrier):
        @property
        def buffered_amount(self) -> int:
            return unsent_bytes

    assert create_websocket_promisifier(Full()).is_congested is is_congested
