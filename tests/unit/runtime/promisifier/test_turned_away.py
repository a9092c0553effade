"""Calls that were answered `GOING_AWAY`: they have not run, and leave over the next connection."""

import asyncio
import json

import pytest

from duologue.connection.base import Connection, ConnectionState
from duologue.endpoints.manner import Manner
from duologue.errors import CallError, ConnectionClosed, RemoteError
from duologue.limits import Limits
from duologue.promisifier.promisifier import WebsocketPromisifier
from duologue.protocol.hello import encode_hello
from duologue.typed.service import Offer
from tests.reconnect_support import Line, Repeatable
from tests.support import turns
from tests.virtual_time import at_once

HELLO = encode_hello(
    role="acceptor", own_key=None, remote_key=None, services=(), limits=Limits(), agent="test"
)


async def introduce(line: Line) -> None:
    """Another connection, over which both sides say what they are."""
    await line.lose()
    await line.come_back(Manner(offer=Offer(()), limits=line.limits))
    (hello,) = line.said
    answer = {"responseId": hello["requestId"], "type": "data", "data": json.loads(HELLO)}
    line.wire.send(json.dumps(answer))
    await turns()
    line.said.clear()


async def turn_away(line: Line, *request_ids: int) -> None:
    for each in request_ids:
        error = {"name": "GoingAway", "message": "shutting down", "code": "GOING_AWAY"}
        line.wire.send(json.dumps({"responseId": each, "type": "error", "error": error}))
    await turns()


async def test_they_leave_again_whatever_their_effect() -> None:
    async with Line() as line:
        await introduce(line)
        write, read, untyped = line.start(1), line.start(2, Repeatable()), line.peer.send(3)
        await turns()
        await turn_away(line, *(each["requestId"] for each in line.said))
        assert {write.done(), read.done(), untyped.done()} == {False}
        await line.shut()
        await line.come_back()
        assert line.called == [1, 2, 3]
        await line.answer(0, 1, 2)
        assert [await write, await read, await untyped] == [b"0", b"1", 2]
        assert line.peer.stats.requests_repeated == 3


async def test_nothing_more_leaves_over_that_connection_and_what_is_open_goes_on() -> None:
    async with Line() as line:
        await introduce(line)
        running, late = line.start(1), line.start(2)
        await turns()
        first, second = (each["requestId"] for each in line.said)
        await turn_away(line, second)
        assert line.peer.state == "waiting"
        later = line.start(3)
        await turns()
        assert line.called == [1, 2]
        await line.answer(first)
        assert await running == b"%d" % first
        await line.shut()
        await line.come_back()
        assert line.called == [2, 3]
        late.cancel()
        later.cancel()


async def test_if_no_connection_follows_they_say_that_they_have_not_run() -> None:
    async with Line() as line:
        await introduce(line)
        call = line.start(1)
        await turns()
        await turn_away(line, line.said[0]["requestId"])
        line.peer.close()
        with pytest.raises(ConnectionClosed) as caught:
            await call
        assert caught.value.sent == "no"


@at_once
async def test_a_side_that_does_not_close_is_left_once_nothing_is_open() -> None:
    limits = Limits(drain_timeout_s=3)
    async with Line(limits) as line:
        await introduce(line)
        running, _late = line.start(1), line.start(2)
        await turns()
        first, second = (each["requestId"] for each in line.said)
        await turn_away(line, second)
        await asyncio.sleep(4)
        assert line.wire.state.current_state is ConnectionState.OPEN
        await line.answer(first)
        assert running.done()
        await asyncio.sleep(3)
        assert line.wire.close_code is not None


async def test_a_side_that_has_not_introduced_itself_may_mean_something_else() -> None:
    async with Line() as line:
        call, untyped = line.start(1), line.peer.send(2)
        await turn_away(line, 0, 1)
        with pytest.raises(CallError):
            await call
        with pytest.raises(RemoteError):
            await untyped


async def test_without_reconnect_whoever_calls_is_told() -> None:
    manner = Manner(offer=Offer(()), limits=Limits())
    line = Line()
    connection: Connection = line.pair()
    peer: WebsocketPromisifier = manner.begin(connection, "connector")
    host = manner.begin(line.wire, "acceptor")
    await peer.introduced()
    await host.drain(0)
    with pytest.raises(RemoteError, match="GOING_AWAY"):
        await peer.send(3)
    for each in (peer, line.peer):
        each.close()
        await each.promise.wait()
