"""The future of one call."""

import asyncio
import gc
from typing import Any

import pytest

from duologue.errors import CallError, ConnectionClosed
from duologue.promisifier.own_call import Call
from tests.support import PlainReading


class Owner:
    def __init__(self, cancelled: list[object]) -> None:
        self._cancelled = cancelled

    def on_call_cancelled(self, call: Call[Any]) -> None:
        self._cancelled.append(call)

    def on_unanswered(self, call: Call[Any], error: ConnectionClosed) -> None:
        raise AssertionError("no connection was lost")

    def on_turned_away(self, call: Call[Any]) -> bool:
        raise AssertionError("nobody is going away")


def call_that_notes(cancelled: list[object]) -> Call[bytes | None]:
    return Call(asyncio.get_running_loop(), PlainReading(), PlainReading(), Owner(cancelled))


async def test_cancelling_tells_once() -> None:
    cancelled: list[object] = []
    call = call_that_notes(cancelled)
    assert call.cancel()
    assert not call.cancel()
    assert cancelled == [call]


async def test_cancelling_the_task_that_awaits_gives_the_call_up() -> None:
    cancelled: list[object] = []
    call = call_that_notes(cancelled)

    async def wait() -> bytes | None:
        return await call

    task = asyncio.ensure_future(wait())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert cancelled == [call]


async def test_a_settled_call_cannot_be_given_up() -> None:
    cancelled: list[object] = []
    call = call_that_notes(cancelled)
    call.set_result(b"1")
    assert not call.cancel()
    assert cancelled == []


async def test_errors_that_come_out_of_a_call_are_marked_as_foreign() -> None:
    call = call_that_notes([])
    call.fail(CallError("no"))
    with pytest.raises(CallError) as failed:
        await call
    assert failed.value.foreign


async def test_a_quiet_failure_that_nobody_awaits_is_not_logged() -> None:
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    call = call_that_notes([])
    call.fail_quietly(ConnectionClosed("WSP-ONCL0", ""))
    with pytest.raises(ConnectionClosed):
        call.result()
    del call
    gc.collect()
    assert complaints == []
