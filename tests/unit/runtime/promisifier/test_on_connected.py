"""What an application does each time a conversation stands."""

import asyncio
import logging

import pytest

from duologue.errors import DeadlineExceeded
from duologue.limits import Limits
from duologue.promisifier.on_connected import call_on_connected
from duologue.promisifier.own_call import NO_DEADLINE
from duologue.promisifier.promisifier import WebsocketPromisifier
from tests.reconnect_support import Line, Repeatable
from tests.support import turns
from tests.virtual_time import at_once

REGISTER = 7


async def register(peer: WebsocketPromisifier) -> None:
    await peer.send(REGISTER)


async def test_it_runs_before_anything_that_waits_leaves() -> None:
    async with Line(on_connected=register) as line:
        assert line.peer.state == "connecting"
        first = line.start(1)
        await turns()
        assert line.called == [REGISTER]
        await line.answer(0)
        assert line.called == [REGISTER, 1]
        assert line.peer.state == "connected"
        await line.answer(1)
        assert await first == b"1"
        await line.lose()
        second = line.start(2)
        await line.come_back()
        assert line.called == [REGISTER]
        await line.answer(0)
        assert line.called == [REGISTER, 2]
        second.cancel()


async def test_a_plain_function_will_do() -> None:
    met: list[int] = []
    async with Line(on_connected=lambda peer: met.append(peer.conn_id)) as line:
        await turns()
        assert met == [line.peer.conn_id]
        assert line.peer.has_stood.is_set()


async def test_calls_of_tasks_that_it_has_started_leave_too_others_do_not() -> None:
    async def both(peer: WebsocketPromisifier) -> None:
        async with asyncio.TaskGroup() as group:
            for number in (REGISTER, REGISTER + 1):
                group.create_task(_call(peer, number))

    async with Line(on_connected=both) as line:
        other = line.start(1)
        await turns()
        assert line.called == [REGISTER, REGISTER + 1]
        await line.answer(0, 1)
        assert line.called[2:] == [1]
        other.cancel()


async def _call(peer: WebsocketPromisifier, number: int) -> None:
    await peer.send(number)


async def test_a_task_it_has_left_behind_has_no_privilege_at_the_next_connection() -> None:
    go_on = asyncio.Event()
    left_behind: list[asyncio.Task[None]] = []

    async def later(peer: WebsocketPromisifier) -> None:
        await go_on.wait()
        await peer.send(1)

    async def on_connected(peer: WebsocketPromisifier) -> None:
        if not left_behind:
            left_behind.append(asyncio.create_task(later(peer)))
        await peer.send(REGISTER)

    async with Line(on_connected=on_connected) as line:
        await line.answer(0)
        await line.lose()
        await line.come_back()
        go_on.set()
        await turns()
        assert line.called == [REGISTER]
        await line.answer(0)
        assert line.called == [REGISTER, 1]
        await line.answer(1)
        await left_behind[0]


async def test_if_it_raises_the_connection_is_given_up_and_the_log_says_why(
    caplog: pytest.LogCaptureFixture,
) -> None:
    faults: list[Exception] = [KeyError("no such agent")]

    async def on_connected(_peer: WebsocketPromisifier) -> None:
        await asyncio.sleep(0)
        if faults:
            raise faults.pop()

    async with Line(on_connected=on_connected) as line:
        waiting = line.start(1)
        async with asyncio.timeout(30):
            await line.peer.went_away()
        (record,) = caplog.records
        assert record.levelno == logging.WARNING
        assert "no such agent" in record.getMessage()
        assert record.exc_info
        assert not line.peer.has_stood.is_set()
        await line.come_back()
        assert line.called == [1]
        waiting.cancel()


@at_once
async def test_if_it_takes_too_long_too() -> None:
    async with Line(Limits(connect_timeout_s=3), on_connected=register) as line:
        await asyncio.sleep(2.9)
        assert line.peer.is_connected
        await asyncio.sleep(0.2)
        assert not line.peer.is_connected
        await line.peer.went_away()


async def test_a_loss_ends_it_and_what_it_waits_for() -> None:
    ended: list[bool] = []

    async def on_connected(peer: WebsocketPromisifier) -> None:
        try:
            # It may be repeated, and would wait for the next connection, which waits for this.
            reading = Repeatable()
            await peer.start_call(reading, b"[]", reading, NO_DEADLINE)
        except asyncio.CancelledError:
            ended.append(True)
            raise

    async with Line(on_connected=on_connected) as line:
        await turns()
        assert line.called == [3]
        await line.lose()
        assert ended == [True]
        await line.come_back()
        assert line.called == [3]
        await line.answer(0)
        assert line.peer.state == "connected"


async def test_closing_ends_it() -> None:
    async with Line(on_connected=lambda _: asyncio.Event().wait()) as line:
        line.peer.close()
        async with asyncio.timeout(30):
            await line.peer.promise.wait()


async def test_a_timeout_of_its_own_is_its_own() -> None:
    async def on_connected(_peer: WebsocketPromisifier) -> None:
        raise TimeoutError("mine")

    async with Line() as line:
        with pytest.raises(TimeoutError, match="mine") as caught:
            await call_on_connected(on_connected, line.peer, 5)
        assert not isinstance(caught.value, DeadlineExceeded)
