"""Deadlines of calls, and the end of a conversation with what is open (base profile 8)."""

import asyncio
import gc
import math

import pytest

from duologue.connection.memory import connected_pair
from duologue.errors import (
    BadFrame,
    ConnectionClosed,
    DeadlineExceeded,
    LimitExceeded,
)
from duologue.limits import Limits
from duologue.promisifier.own_call import NO_DEADLINE, Call, CallOptions
from duologue.promisifier.promise import CloseStatus
from duologue.promisifier.promisifier import (
    WebsocketPromisifier,
    create_websocket_promisifier,
)
from duologue.testing import linked_peers
from tests.support import Conversation, PlainReading, has_timer, turns


def start(peer: WebsocketPromisifier, timeout_s: float | None) -> Call[bytes | None]:
    reading = PlainReading()
    options = NO_DEADLINE if timeout_s is None else CallOptions(timeout_s)
    return peer.start_call(reading, b"[]", reading, options)


# -- deadlines ----------------------------------------------------------------------------------


async def test_a_call_that_is_not_answered_in_time_fails() -> None:
    async with Conversation() as talk:
        with pytest.raises(DeadlineExceeded, match=r"no answer to Rooms/join within 0\.01 s"):
            await start(talk.peer, 0.01)
        await talk.hear('{"responseId":0,"type":"data"}')
        assert talk.peer.stats.answers_dropped_late == 1


async def test_a_deadline_is_a_timeout_error() -> None:
    async with Conversation() as talk:
        with pytest.raises(TimeoutError):
            await start(talk.peer, 0.001)


async def test_deadlines_fire_in_their_order_and_spare_the_others() -> None:
    async with Conversation() as talk:
        patient, slow, quick = start(talk.peer, 60), start(talk.peer, 0.04), start(talk.peer, 0.01)
        forever = start(talk.peer, None), start(talk.peer, math.inf)
        await asyncio.wait([quick])
        assert not slow.done()
        await asyncio.wait([slow])
        assert isinstance(quick.exception(), DeadlineExceeded)
        assert isinstance(slow.exception(), DeadlineExceeded)
        assert not patient.done()
        assert not any(call.done() for call in forever)


async def test_an_answer_in_time_forgets_the_deadline() -> None:
    async with Conversation() as talk:
        first, second = start(talk.peer, 0.01), start(talk.peer, 0.02)
        await talk.hear('{"responseId":0,"type":"data","data":1}')
        await asyncio.wait([second])
        assert await first == b"1"
        assert talk.peer.stats.answers_dropped_late == 0


async def test_a_deadline_that_nobody_awaits_is_not_logged() -> None:
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    async with Conversation() as talk:
        start(talk.peer, 0.001)
        last = start(talk.peer, 0.02)
        await asyncio.wait([last])
        last.exception()
        del last
        gc.collect()
    assert complaints == []


# -- the end ------------------------------------------------------------------------------------


async def test_the_promise_gives_status_reason_and_statistics() -> None:
    async with linked_peers() as (left, right):
        left.add_service(3, lambda: 1)
        await right.send(3)
        right.close("done for today")
        status = await right.promise
        assert isinstance(status, CloseStatus)
        assert (status.code, status.reason, status.pending) == (
            1000,
            "Close called: done for today",
            (),
        )
        assert status.stats.requests_sent_total == 1
        other = await left.promise
        assert other.reason == status.reason
        assert other.stats.requests_received_total == 1


async def test_closing_twice_is_closing_once() -> None:
    async with linked_peers() as (left, right):
        right.close("first")
        right.close("second")
        assert (await left.promise).reason == "Close called: first"


async def test_a_long_reason_is_cut_at_a_whole_character() -> None:
    async with linked_peers() as (left, right):
        right.close("😀" * 40)
        reason = (await left.promise).reason
        assert reason == "Close called: " + "😀" * 27
        assert len(reason.encode()) <= 123


async def test_calls_pending_at_the_close_fail_and_are_named_in_the_status() -> None:
    async with linked_peers() as (left, right):
        never = asyncio.Event()
        left.add_service(7, never.wait)
        left.add_service(8, never.wait)
        calls = [right.send(7), right.send(8), right.send(7)]
        await turns()
        right.close()
        status = await right.promise
        assert (status.code, status.pending) == (1000, (7, 8, 7))
        for call, service_id in zip(calls, (7, 8, 7), strict=True):
            with pytest.raises(ConnectionClosed, match="WSP-ONCL0: Aborted") as closed:
                await call
            assert closed.value.code == "WSP-ONCL0"
            assert closed.value.close_code == 1000
            assert closed.value.pending == (service_id,)
            assert closed.value.sent == "yes"


async def test_a_call_open_when_the_line_is_lost_was_sent_perhaps() -> None:
    async with Conversation() as talk:
        call = talk.peer.send(3)
        talk.connection.terminate("at once")
        with pytest.raises(ConnectionClosed) as closed:
            await call
        assert closed.value.sent == "unknown"


@pytest.mark.parametrize("when", ["closing", "closed"])
async def test_a_call_that_comes_too_late_was_not_sent_and_takes_no_id(when: str) -> None:
    async with Conversation() as talk:
        talk.peer.close()
        if when == "closed":
            await talk.peer.promise
        with pytest.raises(ConnectionClosed) as closed:
            await talk.peer.send(3)
        assert (closed.value.code, closed.value.sent) == ("WSP-ONCL0", "no")
        assert talk.peer.stats.requests_sent_total == 0


async def test_an_unclean_end_is_raised_with_everything_in_it() -> None:
    async with Conversation() as talk:
        call = talk.peer.send(7)
        await turns()
        talk.connection.terminate("gone")
        with pytest.raises(ConnectionClosed) as closed:
            await talk.peer.promise
        error = closed.value
        assert (error.code, error.close_code, error.pending) == (1006, 1006, (7,))
        assert error.stats["requests_sent_total"] == 1
        assert "1006" in str(error)
        assert "gone" in str(error)
        assert isinstance(error, ConnectionError)
        with pytest.raises(ConnectionClosed):
            await call


async def test_too_many_unreadable_messages_close_with_a_typed_error() -> None:
    async with Conversation(Limits(max_invalid_messages=2)) as talk:
        await talk.hear("x", "x")
        assert not talk.peer.promise.done()
        await talk.hear("x")
        with pytest.raises(ConnectionClosed, match="onMsgHandler error") as closed:
            await talk.peer.promise
        assert isinstance(closed.value.__cause__, LimitExceeded)
        assert closed.value.__cause__.limit == "max_invalid_messages"
        assert talk.wire.close_code == 1000


@pytest.mark.parametrize("size", [0, 7])
async def test_a_short_byte_message_closes_and_what_follows_is_not_processed(size: int) -> None:
    async with Conversation() as talk:
        call = talk.peer.send(3)
        await talk.hear(b"x" * size, '{"responseId":0,"type":"data","data":1}')
        with pytest.raises(ConnectionClosed) as closed:
            await talk.peer.promise
        assert isinstance(closed.value.__cause__, BadFrame)
        assert talk.wire.close_reason.startswith("Close called: onMsgHandler error: ")
        with pytest.raises(ConnectionClosed) as failed:
            await call
        assert isinstance(failed.value.__cause__, BadFrame)


async def test_a_byte_message_for_nobody_is_dropped() -> None:
    async with Conversation() as talk:
        await talk.hear(b"x" * 8)
        assert not talk.peer.promise.done()
        assert talk.peer.stats.answers_dropped_unknown == 1


async def test_a_connection_that_was_closed_already_settles_at_once() -> None:
    ours, theirs = connected_pair()
    theirs.close("too late")
    await turns()
    peer = create_websocket_promisifier(ours)
    assert (await peer.promise).reason == "Close called: too late"


async def test_a_connection_that_closes_before_the_first_turn_settles_too() -> None:
    ours, _ = connected_pair()
    peer = create_websocket_promisifier(ours)
    ours.terminate("at once")
    assert peer.promise.done()
    await turns()
    assert isinstance(await peer.promise.wait(), ConnectionClosed)


async def test_listeners_are_told_once_of_the_end() -> None:
    async with Conversation() as talk:
        told: list[object] = []
        talk.peer.on_closed(told.append)
        talk.peer.on_closed(told.append)
        talk.peer.close()
        await talk.peer.promise
        assert told == [talk.peer, talk.peer]


async def test_a_request_that_ends_the_connection_leaves_no_timer_behind() -> None:
    limits = Limits(max_unsent_bytes=10)
    ours, _ = connected_pair(limits)
    peer = create_websocket_promisifier(ours, limits=limits)
    ours.send("more than ten")
    call = start(peer, 60)
    with pytest.raises(ConnectionClosed) as closed:
        await call
    assert isinstance(closed.value.__cause__, LimitExceeded)
    assert isinstance(await peer.promise.wait(), ConnectionClosed)
    assert not has_timer(peer)


async def test_no_timer_outlives_the_connection() -> None:
    async with Conversation() as talk:
        start(talk.peer, 60)
        talk.peer.close()
        await talk.peer.promise
        assert not has_timer(talk.peer)
