"""The value a conversation ends with (product: `promise`)."""

import asyncio
import gc

import pytest

from duologue.errors import ConnectionClosed
from duologue.promisifier.promise import CloseStatus, Promise
from duologue.promisifier.stats import Stats
from duologue.protocol.counters import Counters

STATUS = CloseStatus(1000, "Close called.", Stats(Counters()), ())


async def test_everybody_who_awaits_gets_the_same_status() -> None:
    promise = Promise(asyncio.get_running_loop())

    async def wait() -> CloseStatus:
        return await promise

    waiting = [asyncio.ensure_future(wait()) for _ in range(3)]
    await asyncio.sleep(0)
    assert not promise.done()
    promise.settle(STATUS)
    assert await asyncio.gather(*waiting) == [STATUS] * 3
    assert await promise is STATUS
    assert promise.done()


async def test_an_unclean_end_is_raised_for_everybody() -> None:
    promise = Promise(asyncio.get_running_loop())
    promise.settle(ConnectionClosed(1006, "gone"))
    for _ in range(2):
        with pytest.raises(ConnectionClosed, match=r"^Connection closed with code 1006: gone$"):
            await promise


async def test_waiting_returns_the_error_that_awaiting_raises() -> None:
    promise = Promise(asyncio.get_running_loop())
    error = ConnectionClosed(1006, "gone")
    promise.settle(error)
    assert await promise.wait() is error


async def test_a_cancelled_awaiter_leaves_the_promise_to_the_others() -> None:
    promise = Promise(asyncio.get_running_loop())

    async def wait() -> CloseStatus:
        return await promise

    impatient, patient = asyncio.ensure_future(wait()), asyncio.ensure_future(wait())
    await asyncio.sleep(0)
    impatient.cancel()
    with pytest.raises(asyncio.CancelledError):
        await impatient
    promise.settle(STATUS)
    assert await patient is STATUS


async def test_an_error_that_nobody_awaits_is_not_logged() -> None:
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    promise = Promise(asyncio.get_running_loop())
    promise.settle(ConnectionClosed(1006, "gone"))
    del promise
    gc.collect()
    assert complaints == []


async def test_who_waits_goes_on_in_the_next_turn_of_the_loop() -> None:
    promise = Promise(asyncio.get_running_loop())
    waiting = asyncio.ensure_future(promise.wait())
    await asyncio.sleep(0)
    promise.settle(STATUS)
    await asyncio.sleep(0)
    assert waiting.done()
