"""Readers that are slow, or have stopped: what their producers hold, and who else minds."""

import asyncio
import gc
import sys
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from types import FrameType
from typing import Any

import pytest

from duologue import CallContext, Cancelled, Limits
from duologue.bench.streamed_echo import StreamedEcho, StreamedEchoClient
from duologue.protocol.credit import FIRST_WINDOW_ITEMS
from duologue.testing import linked_peers
from tests.stream_service import Number, Streams, StreamsClient
from tests.support import turns
from tests.virtual_time import at_once

ENDLESS = 2**40
FEW_BYTES = 200_000
"""What differs in any case: a window of items is full or empty. All that comes in ten minutes is
several megabytes."""

MINUTE_S = 60.0
PAUSE_S = 0.1
"""Of a slow reader, after each item."""


class Slow(Streams):
    """Rests after each item."""

    async def sum(self, items: AsyncIterator[Number], ctx: CallContext) -> int:
        async for item in items:
            self.taken += item.number
            await asyncio.sleep(PAUSE_S)
        return self.taken


def held_bytes() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


@pytest.fixture
def traced() -> Iterator[None]:
    """All that is allocated from here on is known, and no more."""
    tracemalloc.start()
    yield
    tracemalloc.stop()


@pytest.mark.usefixtures("traced")
@at_once
async def test_memory_is_flat_for_ten_minutes_while_a_reader_has_stopped() -> None:
    async with (
        linked_peers([StreamedEcho()]) as (_, caller),
        StreamedEchoClient(caller).count(items=ENDLESS) as log,
    ):
        await anext(log)
        await asyncio.sleep(MINUTE_S)
        before = held_bytes()
        await asyncio.sleep(10 * MINUTE_S)
        assert abs(held_bytes() - before) < FEW_BYTES


@pytest.mark.usefixtures("traced")
@at_once
async def test_memory_is_flat_for_ten_minutes_while_a_reader_is_slow() -> None:
    async with (
        linked_peers([StreamedEcho()]) as (_, caller),
        StreamedEchoClient(caller).count(items=ENDLESS) as log,
    ):
        loop = asyncio.get_running_loop()

        async def read_until(end_s: float) -> None:
            while loop.time() < end_s:
                await anext(log)
                await asyncio.sleep(PAUSE_S)

        await read_until(loop.time() + MINUTE_S)
        before = held_bytes()
        await read_until(loop.time() + 10 * MINUTE_S)
        assert abs(held_bytes() - before) < FEW_BYTES


@at_once
async def test_a_slow_reader_is_sent_no_more_than_a_first_window() -> None:
    service = Streams()
    async with linked_peers([service]) as (_, caller):
        log = StreamsClient(caller).count(upto=ENDLESS)
        async with log:
            for read in range(1, 600):
                await anext(log)
                await asyncio.sleep(PAUSE_S)
                # One more is in the hand of its producer.
                assert service.made - read <= FIRST_WINDOW_ITEMS + 1


@at_once
async def test_a_slow_service_is_sent_no_more_than_a_first_window() -> None:
    made = 0

    def endless() -> Iterator[Number]:
        nonlocal made
        while True:
            made += 1
            yield Number(number=1)

    service = Slow()
    async with linked_peers([service]) as (_, caller):
        with pytest.raises(Cancelled):
            async with StreamsClient(caller).sum() as up:
                sending = asyncio.create_task(up.send_all(endless()))
                for _ in range(1000):
                    await asyncio.sleep(PAUSE_S)
                    assert made - service.taken <= FIRST_WINDOW_ITEMS + 1
                up.cancel()
                with pytest.raises(Cancelled):
                    await sending
    assert service.taken > 900


async def python_calls_of_a_call(client: StreamsClient) -> int:
    """Functions that an ordinary call goes through at both ends; the same on every machine."""
    number = 0

    def note(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal number
        number += event == "call"

    await client.ping()
    sys.setprofile(note)
    await client.ping()
    sys.setprofile(None)
    return number


async def test_other_calls_are_not_dearer_beside_readers_that_have_stopped() -> None:
    async with linked_peers([Streams()]) as (_, caller):
        client = StreamsClient(caller)
        alone = await python_calls_of_a_call(client)
        stopped = [client.squares() for _ in range(50)]
        for each in stopped:
            each.send_all(Number(number=1) for _ in range(10_000))
        await turns(200)
        assert await python_calls_of_a_call(client) <= 1.2 * alone
        for each in stopped:
            each.cancel()
        await turns(20)


# A thousand readers make the default tight; a fourth of them, a fourth of it.
@pytest.mark.parametrize(
    ("calls", "window_mib"), [(250, 2), pytest.param(1000, 8, marks=pytest.mark.slow)]
)
async def test_many_readers_that_have_stopped_stay_within_the_budget(
    calls: int, window_mib: int
) -> None:
    pad = 200
    limits = Limits(
        max_running_calls=1024, max_open_calls=1024, max_stream_window_bytes=window_mib << 20
    )
    item_bytes = len(Number(number=100, pad="x" * pad).model_dump_json()) + 1
    service = Streams()
    async with linked_peers([service], limits=limits) as (_, caller):
        client = StreamsClient(caller)
        logs = [client.count(upto=600, pad=pad) for _ in range(calls)]
        read = most_unread = 0
        for _ in range(40):
            # All at once, so that all of them would like to grow.
            await asyncio.gather(*(anext(log) for log in logs))
            await turns(5)
            read += calls
            # One item is in the hand of each producer.
            most_unread = max(most_unread, service.made - read - calls)
        unread_bytes = most_unread * item_bytes
        assert limits.max_stream_window_bytes / 2 < unread_bytes <= limits.max_stream_window_bytes
        rest = [len([item async for item in log]) for log in logs]
        assert rest == [560] * calls
