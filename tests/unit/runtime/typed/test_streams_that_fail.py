"""Calls with items that end in an error, of this side or the other."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from duologue import (
    Cancelled,
    ConnectionClosed,
    InvalidParams,
    LimitExceeded,
    Limits,
)
from duologue.testing import linked, linked_peers
from tests.stream_service import Blob, Number, Spoiled, Streams, StreamsClient, numbers
from tests.support import turns


async def test_a_declared_error_comes_behind_the_items_that_were_before_it() -> None:
    async with linked(Streams(), StreamsClient) as client, client.count(upto=1000) as log:
        got = [(await anext(log)).number for _ in range(666)]
        with pytest.raises(Spoiled):
            await anext(log)
        assert got == list(range(666))
        with pytest.raises(Spoiled):
            await log.result()


async def test_a_failure_of_the_call_is_raised_by_send_and_result() -> None:
    async with linked(Streams(), StreamsClient) as client:
        with pytest.raises(Spoiled):
            async with client.sum() as up:
                await up.send(Number(number=666))
                await turns(20)
                await up.send(Number(number=1))
        up = client.sum()
        await up.send(Number(number=666))
        with pytest.raises(Spoiled):
            await up.result()


async def test_an_answer_before_the_end_is_the_result_and_later_items_go_nowhere() -> None:
    async with linked(Streams(), StreamsClient) as client, client.sum() as up:
        await up.send_all([Number(number=5), Number(number=777), *numbers(100)])
        await turns(20)
        await up.send(Number(number=1))
        assert await up.result() == 5


async def test_an_endless_source_stops_when_the_call_is_answered() -> None:
    async def endless() -> AsyncIterator[Number]:
        yield Number(number=777)
        while True:
            yield Number(number=1)

    async with linked(Streams(), StreamsClient) as client, client.sum() as up:
        async with asyncio.timeout(30):
            await up.send_all(endless())
        assert await up.result() == 0


async def test_an_item_of_the_wrong_type_is_refused_before_it_is_sent() -> None:
    wrong: Any = Blob(data=b"")
    async with linked(Streams(), StreamsClient) as client, client.sum() as up:
        with pytest.raises(InvalidParams, match=r"an item of test\.v1\.Streams/sum was not sent"):
            await up.send(wrong)
        await up.send(Number(number=3))
        assert await up.result() == 3


async def test_an_item_that_is_too_large_is_refused_alone() -> None:
    async with linked(Streams(), StreamsClient, limits=Limits(max_message_bytes=50_000)) as client:
        async with client.sum() as up:
            with pytest.raises(LimitExceeded, match="max_message_bytes is 50000"):
                await up.send(Number(number=1, pad="x" * 60_000))
            await up.send(Number(number=3, pad="x" * 40_000))
            assert await up.result() == 3
        with pytest.raises(LimitExceeded):
            async with client.count(upto=3, pad=60_000) as log:
                async for _ in log:
                    pass


async def test_what_send_all_raises_comes_out_of_the_block() -> None:
    async def failing() -> AsyncIterator[Number]:
        yield Number(number=2)
        raise RuntimeError("my own fault")

    async with linked(Streams(), StreamsClient) as client:
        with pytest.raises(RuntimeError, match="my own fault"):
            async with client.squares() as exchange:
                exchange.send_all(failing())
                async for _ in exchange:
                    pass


async def test_an_item_of_send_all_that_does_not_fit_comes_out_of_the_block() -> None:
    wrong: Any = Blob(data=b"")
    async with linked(Streams(), StreamsClient) as client:
        with pytest.raises(InvalidParams, match="was not sent"):
            async with client.squares() as exchange:
                exchange.send_all([Number(number=1), wrong])
                async for _ in exchange:
                    pass
        with pytest.raises(InvalidParams, match="was not sent"):
            async with client.tally() as exchange:
                exchange.send_all([wrong])
                await exchange.result()


async def test_the_result_does_not_wait_for_what_else_might_be_sent() -> None:
    async def silent() -> AsyncIterator[Number]:
        yield Number(number=666)
        await asyncio.get_running_loop().create_future()

    async with linked(Streams(), StreamsClient) as client, client.tally() as exchange:
        exchange.send_all(silent())
        with pytest.raises(Spoiled):
            await exchange.result()


async def test_the_result_of_a_call_that_was_given_up_is_cancelled_not_its_caller() -> None:
    async with linked(Streams(), StreamsClient) as client, client.squares() as exchange:
        exchange.cancel()
        with pytest.raises(Cancelled):
            await exchange.result()


async def test_a_lost_connection_fails_reading_and_sending() -> None:
    async with linked_peers([Streams()]) as (server, caller):
        client = StreamsClient(caller)
        async with client.squares() as exchange:
            await exchange.send(Number(number=2))
            await anext(exchange)
            server.close()
            with pytest.raises(ConnectionClosed):
                await anext(exchange)
            with pytest.raises(ConnectionClosed):
                await exchange.send(Number(number=2))
