"""Items between peers that are far apart: what limits them is the largest window, not its growth.

Time is pretended: what processors take is left out, and the figures are the protocol's alone.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TypeVar

from duologue import CallContext
from duologue.bench.generated.echo.v1 import Item
from duologue.bench.load import SMALL
from duologue.bench.streamed_echo import StreamedEcho, StreamedEchoClient
from duologue.protocol.credit import MAX_WINDOW_BYTES
from tests.distance import distant_peers
from tests.stream_service import Number, Streams, StreamsClient
from tests.virtual_time import at_once

T = TypeVar("T")

DELAY_S = 0.05
GROWING_S = 1.0
"""So long a window may take to grow."""
MEASURED_S = 1.0
ENDLESS = 2**40
LARGE_BYTES = 65_536

ITEMS_PER_S = 30_000
BYTES_PER_S = 0.8 * MAX_WINDOW_BYTES / (2 * DELAY_S)


async def rate_of(items: AsyncIterator[T], size_of: Callable[[T], int]) -> float:
    """What comes in a second, once the window has had its time to grow."""
    loop = asyncio.get_running_loop()
    begun_s = loop.time() + GROWING_S
    total = 0
    async for item in items:
        if loop.time() >= begun_s:
            total += size_of(item)
        if loop.time() >= begun_s + MEASURED_S:
            break
    return total / MEASURED_S


def one(_: object) -> int:
    return 1


def for_ever(item: T) -> Iterator[T]:
    while True:
        yield item


class MeasuringEcho(StreamedEcho):
    """Answers with the rate at which items came."""

    async def take(self, items: AsyncIterator[Item], ctx: CallContext) -> int:
        return int(await rate_of(items, one))


class MeasuringStreams(Streams):
    """Answers with the rate at which bytes came."""

    async def store(self, items: AsyncIterator[bytes], ctx: CallContext) -> Number:
        return Number(number=int(await rate_of(items, len)))


@at_once
async def test_small_items_come_at_30_000_a_second() -> None:
    async with (
        distant_peers([StreamedEcho()], DELAY_S) as (_, caller),
        StreamedEchoClient(caller).count(items=ENDLESS) as log,
    ):
        assert await rate_of(log, one) >= ITEMS_PER_S


@at_once
async def test_small_items_go_at_30_000_a_second() -> None:
    async with (
        distant_peers([MeasuringEcho()], DELAY_S) as (_, caller),
        StreamedEchoClient(caller).take() as up,
    ):
        await up.send_all(for_ever(Item(**SMALL)))
        assert await up.result() >= ITEMS_PER_S


@at_once
async def test_large_pieces_come_as_fast_as_their_window_allows() -> None:
    async with (
        distant_peers([Streams()], DELAY_S) as (_, caller),
        StreamsClient(caller).fetch(upto=ENDLESS, pad=LARGE_BYTES) as log,
    ):
        assert await rate_of(log, len) >= BYTES_PER_S


@at_once
async def test_large_pieces_go_as_fast_as_their_window_allows() -> None:
    async with (
        distant_peers([MeasuringStreams()], DELAY_S) as (_, caller),
        StreamsClient(caller).store() as up,
    ):
        await up.send_all(for_ever(bytes(LARGE_BYTES)))
        assert (await up.result()).number >= BYTES_PER_S
