"""Blocks that are left when a future is done."""

import asyncio

import pytest

from duologue.typed.until_done import UntilDone
from tests.support import turns


def new_future() -> "asyncio.Future[int]":
    return asyncio.get_running_loop().create_future()


async def never() -> None:
    await new_future()


def finish_soon(future: "asyncio.Future[int]") -> None:
    asyncio.get_running_loop().call_soon(future.set_result, 1)


async def test_what_is_awaited_in_the_block_is_given_up_and_the_task_goes_on() -> None:
    future = new_future()
    finish_soon(future)
    given_up = False
    async with UntilDone(future):
        try:
            await never()
        finally:
            given_up = True
    assert given_up
    task = asyncio.current_task()
    assert task is not None
    assert not task.cancelling()
    await asyncio.sleep(0)


@pytest.mark.parametrize("how", ["failed", "cancelled", "done before"])
async def test_it_does_not_matter_how_the_future_is_done(how: str) -> None:
    future = new_future()
    if how == "failed":
        asyncio.get_running_loop().call_soon(future.set_exception, KeyError())
    elif how == "cancelled":
        asyncio.get_running_loop().call_soon(future.cancel)
    else:
        future.set_result(1)
    async with UntilDone(future):
        await never()
    assert future.done()
    assert future.cancelled() or future.exception() is None or how == "failed"


async def test_a_block_that_is_over_first_is_left_alone() -> None:
    future = new_future()
    async with UntilDone(future):
        # Its callbacks come in the next turn, behind the block.
        future.set_result(1)
    await turns(5)
    with pytest.raises(KeyError):
        async with UntilDone(new_future()):
            raise KeyError


async def test_who_is_cancelled_by_somebody_else_is_cancelled() -> None:
    future = new_future()

    async def wait() -> None:
        async with UntilDone(future):
            await never()

    for is_done_too in (False, True):
        task = asyncio.create_task(wait())
        await turns(2)
        if is_done_too:
            future.set_result(1)
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_what_the_block_raises_when_it_is_given_up_comes_out() -> None:
    future = new_future()
    finish_soon(future)
    with pytest.raises(KeyError):
        async with UntilDone(future):
            try:
                await never()
            finally:
                raise KeyError
    task = asyncio.current_task()
    assert task is not None
    assert not task.cancelling()
