"""Calls with items that are left, given up, or never begun."""

import asyncio
import gc
import linecache
import warnings

import pytest

from duologue import (
    Cancelled,
    Limits,
)
from duologue.testing import linked
from tests.stream_service import Number, Streams, StreamsClient
from tests.support import turns


async def test_a_break_closes_the_producer_at_once_and_the_conversation_goes_on() -> None:
    service = Streams()
    async with linked(service, StreamsClient) as client:
        async with client.count(upto=100_000) as log:
            async for item in log:
                if item.number == 3:
                    break
        await turns(20)
        assert service.closed == ["count"]
        assert service.made < 1000
        await client.ping()


async def test_an_exception_in_the_block_cancels_and_comes_out() -> None:
    service = Streams()
    async with linked(service, StreamsClient) as client:
        with pytest.raises(KeyError):
            async with client.squares() as exchange:
                await exchange.send(Number(number=1))
                await anext(exchange)
                raise KeyError
        await turns(20)
        assert service.closed == ["squares"]
        with pytest.raises(KeyError):
            async with client.sum():
                raise KeyError


async def test_a_task_that_is_cancelled_cancels_its_call() -> None:
    service = Streams()
    async with linked(service, StreamsClient) as client:

        async def read() -> None:
            async with client.squares() as exchange:
                async for _ in exchange:
                    pass

        task = asyncio.create_task(read())
        await turns(20)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await turns(20)
        assert service.closed == ["squares"]


async def test_cancel_ends_the_iteration_with_cancelled() -> None:
    async with linked(Streams(), StreamsClient) as client, client.squares() as exchange:
        exchange.cancel()
        await turns()
        with pytest.raises((Cancelled, StopAsyncIteration)):
            await anext(exchange)
        with pytest.raises(Cancelled):
            await exchange.send(Number(number=1))


@pytest.mark.parametrize("rounds", [0, 50])
async def test_who_reads_on_behind_the_block_learns_that_something_is_missing(rounds: int) -> None:
    async with linked(Streams(), StreamsClient) as client:
        async with client.count(upto=60) as log:
            await turns(rounds)
        with pytest.raises(Cancelled):
            await anext(log)
        async with client.count(upto=60) as log:
            assert len([item async for item in log]) == 60
        assert [item async for item in log] == []


async def test_a_call_that_waits_to_be_sent_has_not_ended() -> None:
    limits = Limits(max_running_calls=1, max_waiting_calls=1)
    service = Streams()
    async with linked(service, StreamsClient, limits=limits) as client:

        async def read() -> list[int]:
            async with client.count(upto=3) as log:
                return [item.number async for item in log]

        async with client.sum() as first, client.sum() as second:
            waiting = asyncio.create_task(read())
            await turns(50)
            assert (service.made, waiting.done()) == (0, False)
            await first.end()
            await second.end()
            assert await waiting == [0, 1, 2]


async def test_a_call_that_is_never_made_warns() -> None:
    async with linked(Streams(), StreamsClient) as client:
        call = client.sum()
        with pytest.warns(
            RuntimeWarning, match=r"Streams/sum was never made; use it in `async"
        ) as met:
            del call
            gc.collect()
        assert met[0].filename == __file__
        assert "call = client.sum()" in linecache.getline(__file__, met[0].lineno)


async def test_a_call_is_entered_once() -> None:
    async with linked(Streams(), StreamsClient) as client:
        call = client.sum()
        async with call:
            await call.send(Number(number=1))
        with pytest.raises(RuntimeError, match="entered before"):
            async with call:
                pass


async def test_nothing_is_sent_behind_the_end() -> None:
    async with linked(Streams(), StreamsClient) as client, client.sum() as up:
        await up.send(Number(number=1))
        await up.end()
        with pytest.raises(RuntimeError, match="Streams/sum have ended"):
            await up.send(Number(number=1))
        await up.end()
        assert await up.result() == 1


async def test_a_call_left_open_outside_of_a_block_warns_and_is_cancelled() -> None:
    service = Streams()
    async with linked(service, StreamsClient) as client:
        log = client.count(upto=100_000)
        await anext(log)
        with pytest.warns(ResourceWarning, match=r"test\.v1\.Streams/count was left open") as met:
            del log
            gc.collect()
        assert met[0].filename == __file__
        assert "log = client.count" in linecache.getline(__file__, met[0].lineno)
        await turns(20)
        assert service.closed == ["count"]


async def test_without_a_block_it_works_and_one_read_to_its_end_warns_nobody() -> None:
    async with linked(Streams(), StreamsClient) as client:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert len([item async for item in client.count(upto=10)]) == 10
            await turns()
            gc.collect()
