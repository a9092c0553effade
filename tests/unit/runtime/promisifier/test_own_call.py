"""The future of one call."""

import asyncio
import gc
from collections.abc import Callable
from contextvars import ContextVar, copy_context
from functools import partial
from typing import Any

import pytest

from duologue.errors import CallError, ConnectionClosed
from duologue.promisifier.own_call import Call
from duologue.promisifier.wakeups import Wakeups
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


async def in_turn(*calls: Call[bytes | None]) -> list[str]:
    """What waits for calls, in the order in which it goes on once they are settled together."""
    gone_on: list[str] = []

    async def wait(number: int, call: Call[bytes | None]) -> None:
        gone_on.append(f"{number}: {await call!r}")

    tasks = [asyncio.ensure_future(wait(*each)) for each in enumerate(calls)]
    await asyncio.sleep(0)
    wakeups = Wakeups(asyncio.get_running_loop())
    for number, call in enumerate(calls):
        call.settle(b"%d" % number, wakeups)
        assert gone_on == []
    await asyncio.sleep(0)
    assert all(task.done() for task in tasks)
    return gone_on


async def test_those_whose_answers_came_in_one_turn_go_on_in_the_next_in_their_order() -> None:
    calls = [call_that_notes([]) for _ in range(3)]
    assert await in_turn(*calls) == ["0: b'0'", "1: b'1'", "2: b'2'"]


async def test_who_goes_on_may_have_the_next_answer_in_the_same_turn() -> None:
    wakeups = Wakeups(asyncio.get_running_loop())
    first, second = call_that_notes([]), call_that_notes([])

    async def wait() -> bytes | None:
        await first
        asyncio.get_running_loop().call_soon(second.settle, b"2", wakeups)
        return await second

    task = asyncio.ensure_future(wait())
    await asyncio.sleep(0)
    first.settle(b"1", wakeups)
    assert await task == b"2"


async def test_several_callbacks_are_called_in_their_order_each_in_its_context() -> None:
    call, heard = call_that_notes([]), list[str]()
    who = ContextVar("who", default="nobody")
    contexts = [copy_context(), copy_context()]
    for number, context in enumerate(contexts):
        context.run(who.set, f"context {number}")

    def note(what: str, settled: Call[bytes | None]) -> None:
        assert settled is call
        heard.append(f"{what} in {who.get()}")

    call.add_done_callback(partial(note, "first"), context=contexts[0])
    call.add_done_callback(partial(note, "second"), context=contexts[1])
    call.add_done_callback(partial(note, "third"))
    call.settle(b"", Wakeups(asyncio.get_running_loop()))
    assert heard == []
    await asyncio.sleep(0)
    assert heard == ["first in context 0", "second in context 1", "third in nobody"]


async def test_what_is_added_to_a_settled_call_is_called_in_the_next_turn() -> None:
    call, heard = call_that_notes([]), list[Call[bytes | None]]()
    call.set_result(b"")
    call.add_done_callback(heard.append)
    assert heard == []
    await asyncio.sleep(0)
    assert heard == [call]


@pytest.mark.parametrize("others", [0, 1, 2])
async def test_a_callback_that_is_taken_back_is_not_called(others: int) -> None:
    call, heard = call_that_notes([]), list[str]()

    def unwanted(_: object) -> None:
        heard.append("unwanted")

    def note(number: int, _: object) -> None:
        heard.append(str(number))

    call.add_done_callback(unwanted)
    for number in range(others):
        call.add_done_callback(partial(note, number))
    assert call.remove_done_callback(unwanted) == 1
    assert call.remove_done_callback(unwanted) == 0
    call.settle(b"", Wakeups(asyncio.get_running_loop()))
    await asyncio.sleep(0)
    assert heard == [str(number) for number in range(others)]


ENDS: dict[str, Callable[[Call[bytes | None]], object]] = {
    "a result": lambda call: call.set_result(b""),
    "an error": lambda call: call.fail(CallError("no")),
    "given up": lambda call: call.cancel(),
}


@pytest.mark.parametrize("end", ENDS)
async def test_whichever_way_a_call_ends_who_waits_is_told_once(end: str) -> None:
    call, heard = call_that_notes([]), list[Call[bytes | None]]()
    call.add_done_callback(heard.append)
    ENDS[end](call)
    assert heard == []
    await asyncio.sleep(0)
    assert heard == [call]
    assert end == "given up" or call.exception() is not None or call.result() == b""


async def test_calls_can_be_waited_for_in_every_way_that_asyncio_has() -> None:
    loop, wakeups = asyncio.get_running_loop(), Wakeups(asyncio.get_running_loop())
    calls = [call_that_notes([]) for _ in range(3)]
    for number, call in enumerate(calls):
        loop.call_later(0.001 * number, call.settle, b"%d" % number, wakeups)
    done, left = await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
    assert (done, len(left)) == ({calls[0]}, 2)
    assert await asyncio.gather(*calls) == [b"0", b"1", b"2"]
    assert await asyncio.wait_for(asyncio.shield(calls[2]), 1) == b"2"


async def test_a_waiter_that_ends_the_program_keeps_no_other_from_going_on() -> None:
    loop = asyncio.get_running_loop()
    wakeups, heard = Wakeups(loop), list[str]()
    calls = [call_that_notes([]) for _ in range(2)]

    def leave(_: object) -> None:
        raise SystemExit

    calls[0].add_done_callback(leave)
    calls[1].add_done_callback(lambda _: heard.append("the other"))
    for call in calls:
        call.settle(b"", wakeups)
    with pytest.raises(SystemExit):
        wakeups.let_go()
    await asyncio.sleep(0)
    assert heard == ["the other"]
