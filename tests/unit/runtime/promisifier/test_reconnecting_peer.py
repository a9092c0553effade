"""How a program sees a peer that comes back, and how such a peer ends (product 3)."""

import asyncio
import gc
from typing import Any

import pytest

from duologue.errors import (
    ConnectionClosed,
    DuologueError,
    IdentityMismatch,
    ProtocolError,
)
from duologue.limits import Limits
from duologue.promisifier.own_call import Call
from duologue.promisifier.promise import CloseStatus
from tests.reconnect_support import Line, Repeatable
from tests.support import PlainReading, turns


async def failure_of(call: Call[Any]) -> ConnectionClosed:
    with pytest.raises(ConnectionClosed) as caught:
        await call
    return caught.value


# -- how a program sees it ----------------------------------------------------------------------


async def test_it_is_connected_or_not_and_counts_how_often_it_came_back() -> None:
    async with Line() as line:
        first = line.peer.conn_id
        assert line.peer.is_connected
        await line.lose()
        assert not line.peer.is_connected
        assert line.peer.conn_id == first
        assert not line.peer.promise.done()
        await line.come_back()
        assert line.peer.is_connected
        assert line.peer.conn_id != first
        assert line.peer.stats.reconnects_total == 1


async def test_it_is_told_of_its_loss_once_for_each_connection() -> None:
    async with Line() as line:
        for _ in range(2):
            waiting = asyncio.ensure_future(line.peer.went_away())
            await turns()
            assert not waiting.done()
            await line.lose()
            assert waiting.done()
            await line.come_back()


async def test_services_stay_offered() -> None:
    async with Line() as line:
        line.peer.add_service(7, lambda: "here")
        await line.lose()
        await line.come_back()
        line.wire.send('{"requestId":0,"type":"request","serviceId":7,"args":[]}')
        await turns()
        assert line.said == [{"responseId": 0, "type": "data", "data": "here"}]


async def test_a_drained_peer_takes_no_calls_over_the_next_connection_either() -> None:
    async with Line() as line:
        line.peer.add_service(7, lambda: "here")
        await line.lose()
        async with asyncio.timeout(30):
            await line.peer.drain(5)
        await line.come_back()
        line.wire.send('{"requestId":0,"type":"request","serviceId":7,"args":[]}')
        await turns()
        assert line.said[0]["error"]["code"] == "GOING_AWAY"


async def test_a_loss_ends_a_drain_and_the_handlers_that_it_waits_for() -> None:
    async with Line() as line:
        line.peer.add_service(7, asyncio.Event().wait)
        line.wire.send('{"requestId":0,"type":"request","serviceId":7,"args":[]}')
        await turns()
        draining = asyncio.ensure_future(line.peer.drain(5))
        await turns()
        await line.lose()
        async with asyncio.timeout(30):
            await draining


# -- the end ------------------------------------------------------------------------------------


async def test_closing_while_connected_ends_everything() -> None:
    async with Line() as line:
        call = line.start(3, Repeatable())
        line.peer.close("enough")
        status = await line.peer.promise
        assert (status.code, status.reason, status.pending) == (1000, "Close called: enough", (3,))
        assert (await failure_of(call)).sent == "yes"
        assert (await failure_of(line.start(4))).sent == "no"


async def test_closing_while_away_ends_everything_at_once() -> None:
    async with Line() as line:
        repeated = line.start(3, Repeatable())
        await line.lose()
        parked = line.start(4)
        told: list[object] = []
        line.peer.on_closed(told.append)
        line.peer.close("enough")
        line.peer.close("again")
        assert told == [line.peer]
        status = await line.peer.promise
        assert (status.code, status.reason, status.pending) == (
            1000,
            "Close called: enough",
            (3, 4),
        )
        assert (await failure_of(repeated)).sent == "unknown"
        assert (await failure_of(parked)).sent == "no"
        assert (await failure_of(line.start(5))).sent == "no"
        with pytest.raises(DuologueError):
            await line.peer.send(6)


async def test_closing_while_parked_calls_leave_fails_those_that_have_not() -> None:
    limits = Limits(max_unsent_bytes=600_000)
    async with Line(limits) as line:
        await line.lose()
        args = b'["%b"]' % (b"x" * 300_000)
        calls = [line.start(number, args=args) for number in range(1, 6)]
        going_on = asyncio.ensure_future(
            line.peer.go_on(line.pair(), lambda _peer, _connection: None)
        )
        await turns(1)
        line.peer.close()
        sent = [(await failure_of(call)).sent for call in calls]
        assert sent == ["yes"] * sent.count("yes") + ["no"] * sent.count("no")
        assert sent.count("no") >= 2
        status = await line.peer.promise
        assert status.pending == (1, 2, 3, 4, 5)
        await going_on


async def test_a_peer_that_is_given_up_says_why() -> None:
    async with Line() as line:
        await line.lose()
        call = line.start(3)
        why = ProtocolError("who are you?")
        line.peer.give_up(why)
        line.peer.give_up(ProtocolError("again"))
        outcome = await line.peer.promise.wait()
        assert isinstance(outcome, ConnectionClosed)
        assert outcome.__cause__ is why
        assert outcome.pending == (3,)
        assert outcome.sent == "no"
        failed = await failure_of(call)
        assert failed.__cause__ is why
        assert failed.sent == "no"


async def test_one_that_is_given_up_while_connected_is_closed() -> None:
    async with Line() as line:
        line.peer.give_up(RuntimeError("a mistake of ours"))
        assert isinstance(await line.peer.promise, CloseStatus)


async def test_somebody_else_at_the_other_end_ends_it_for_good() -> None:
    async with Line() as line:
        call = line.start(3, Repeatable())
        line.peer._conversation.connection.failure = IdentityMismatch("")  # pyright: ignore
        await line.shut()
        outcome = await line.peer.promise.wait()
        assert isinstance(outcome, ConnectionClosed)
        assert isinstance(outcome.__cause__, IdentityMismatch)
        assert outcome.pending == (3,)
        await failure_of(call)


async def test_a_call_that_nobody_awaits_is_no_complaint(caplog: pytest.LogCaptureFixture) -> None:
    async with Line() as line:
        line.start(3)
        await line.lose()
        line.start(4, PlainReading(), 0.01)
        await asyncio.sleep(0.05)
    gc.collect()
    await turns()
    assert caplog.records == []
