"""Calls with items in all shapes, between two peers in memory."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from duologue import (
    CallContext,
    Cancelled,
    DeadlineExceeded,
    Limits,
)
from duologue.protocol.credit import FIRST_WINDOW_ITEMS
from duologue.testing import linked, linked_peers
from duologue.typed import Sender
from tests.stream_service import Blob, CountParams, Number, Spoiled, Streams, StreamsClient, numbers
from tests.support import turns


async def test_items_come_in_order_and_the_iteration_ends_with_them() -> None:
    async with linked(Streams(), StreamsClient) as client, client.count(upto=500) as log:
        assert [item.number async for item in log] == list(range(500))
        await log.result()


async def test_items_and_then_a_result() -> None:
    async with linked(Streams(), StreamsClient) as client, client.count_up(upto=300) as log:
        assert len([item async for item in log]) == 300
        assert await log.result() == 300


async def test_what_came_before_the_end_is_there_for_a_reader_who_is_late() -> None:
    async with linked(Streams(), StreamsClient) as client:
        async with client.count(upto=60) as log:
            await turns(50)
            assert [item.number async for item in log] == list(range(60))
        async with client.count_up(upto=3) as log:
            await turns(50)
            assert [item.number async for item in log] == [0, 1, 2]
            assert await log.result() == 3


async def test_the_result_drops_what_was_not_read() -> None:
    async with linked(Streams(), StreamsClient) as client, client.count_up(upto=300) as log:
        await anext(log)
        assert await log.result() == 300


async def test_items_go_and_their_result_comes() -> None:
    async with linked(Streams(), StreamsClient) as client:
        async with client.sum() as up:
            for item in numbers(100):
                await up.send(item)
            assert await up.result() == 4950
        async with client.sum() as up:
            await up.send_all(numbers(100))
        assert await client.sum() == 0


async def test_items_both_ways_at_once() -> None:
    service = Streams()
    async with linked(service, StreamsClient) as client:
        async with client.squares() as exchange:
            exchange.send_all(numbers(300))
            got = [item.number async for item in exchange]
        assert got == [number**2 for number in range(300)]
        async with client.tally() as tally:
            tally.send_all(numbers(300))
            assert len([item async for item in tally]) == 300
            assert await tally.result() == 300
        async with client.squares() as talk:
            for number in (2, 3):
                await talk.send(Number(number=number))
                assert (await anext(talk)).number == number**2


async def test_bytes_are_items_as_they_are_empty_ones_too() -> None:
    async with linked(Streams(), StreamsClient) as client:
        async with client.fetch(upto=5, pad=70_000) as pieces:
            assert [len(piece) async for piece in pieces] == [70_000] * 5
        async with client.store() as up:
            await up.send_all([b"", b"x" * 70_000, b""])
            assert (await up.result()).number == 70_000


async def test_a_file_is_sent_in_frames(tmp_path: Path) -> None:
    service = Streams()
    path = tmp_path / "file"
    path.write_bytes(b"x" * 200_000)
    async with linked(service, StreamsClient) as client, client.store() as up:
        await up.send_all(path)
        assert (await up.result()).number == 200_000
        assert 4 <= service.taken <= 40


async def test_an_open_file_is_sent_in_pieces_and_not_in_lines(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"\n" * 200_000)
    service = Streams()
    async with linked(service, StreamsClient) as client, client.store() as up:
        with file.open("rb") as opened:
            await up.send_all(opened)
            assert not opened.closed
        assert (await up.result()).number == 200_000
    assert 4 <= service.taken <= 40


async def test_items_with_long_bytes_have_them_beside_the_json() -> None:
    blobs = [Blob(data=bytes([number]) * 20_000) for number in range(20)]
    async with linked_peers([Streams()]) as (_, peer):
        before = peer.stats
        async with StreamsClient(peer).blobs() as exchange:
            exchange.send_all(blobs)
            assert [blob async for blob in exchange] == blobs
        # In base64 they would be a third longer.
        assert peer.stats.bytes_sent - before.bytes_sent < 1.1 * 400_000
        assert peer.stats.bytes_received - before.bytes_received < 1.1 * 400_000


async def test_items_are_taken_from_an_async_generator_which_is_closed() -> None:
    closed = asyncio.Event()

    async def source() -> AsyncIterator[Number]:
        try:
            for item in numbers(10):
                yield item
        finally:
            closed.set()

    async with linked(Streams(), StreamsClient) as client, client.sum() as up:
        await up.send_all(source())
        assert closed.is_set()
        assert await up.result() == 45


async def test_an_answer_ends_send_all_while_it_waits_for_an_item() -> None:
    closed_in: list[asyncio.Task[Any] | None] = []

    async def source() -> AsyncIterator[Number]:
        try:
            yield Number(number=4)
            yield Number(number=777)
            await asyncio.Event().wait()
        finally:
            closed_in.append(asyncio.current_task())

    async with linked(Streams(), StreamsClient) as client, client.sum() as up:
        await up.send_all(source())
        assert closed_in == [asyncio.current_task()]
        assert await up.result() == 4


async def test_a_failure_comes_out_of_send_all_while_it_waits_for_an_item() -> None:
    async def source() -> AsyncIterator[Number]:
        yield Number(number=666)
        await asyncio.Event().wait()

    async with linked(Streams(), StreamsClient) as client:
        with pytest.raises(Spoiled):
            async with client.sum() as up:
                await up.send_all(source())
        with pytest.raises(Spoiled):
            async with client.tally() as exchange:
                exchange.send_all(source())
                await anext(exchange)


async def test_a_service_that_sends_behind_its_result_is_told_so() -> None:
    kept: list[Sender[Number]] = []

    class Keeping(Streams):
        async def count_up(self, params: CountParams, out: Sender[Number], ctx: CallContext) -> int:
            kept.append(out)
            return 0

    async with linked(Keeping(), StreamsClient) as client:
        assert await client.count_up(upto=1).result() == 0
        for number in (1, 2):
            with pytest.raises(RuntimeError, match="count_up have ended: its method has returned"):
                await kept[0].send(Number(number=number))


# -- back-pressure ------------------------------------------------------------------------------


async def test_a_producer_whose_reader_has_stopped_makes_a_window_and_no_more() -> None:
    service = Streams()
    async with linked(service, StreamsClient) as client, client.count(upto=100_000) as log:
        await anext(log)
        await turns(200)
        assert service.made <= FIRST_WINDOW_ITEMS + 1
        await client.ping()


async def test_a_sender_waits_for_a_reader_that_has_stopped() -> None:
    service = Streams()
    service.may_read.clear()
    async with linked(service, StreamsClient) as client, client.sum() as up:
        sending = asyncio.ensure_future(up.send_all(numbers(600)))
        await turns(200)
        assert not sending.done()
        assert service.taken == 0
        await client.ping()
        service.may_read.set()
        await sending
        assert await up.result() == sum(range(600))


async def test_a_thousand_streams_stay_within_the_budget_and_come_to_their_end() -> None:
    limits = Limits(max_running_calls=1024, max_open_calls=1024)
    async with linked(Streams(), StreamsClient, limits=limits) as client:

        async def read() -> int:
            async with client.count(upto=70) as log:
                return len([item async for item in log])

        async with asyncio.timeout(120):
            assert await asyncio.gather(*(read() for _ in range(1000))) == [70] * 1000


async def test_what_is_read_and_ended_while_a_call_waits_in_line_comes_in_its_turn() -> None:
    async with linked(Streams(), StreamsClient, limits=Limits(max_open_calls=1)) as client:
        log, up = client.count(upto=70), client.sum()

        async def read() -> int:
            async with log:
                return len([item async for item in log])

        async with client.squares() as exchange:
            await exchange.send(Number(number=2))
            await anext(exchange)
            reading, summing = asyncio.ensure_future(read()), asyncio.ensure_future(up.result())
            await turns(50)
            assert not reading.done()
            assert not summing.done()
        assert await reading == 70
        assert await summing == 0


async def test_who_reads_a_call_that_was_given_up_in_line_is_told() -> None:
    limits = Limits(max_open_calls=1)
    async with linked(Streams(), StreamsClient, limits=limits) as client, client.squares() as first:
        await first.send(Number(number=2))
        log = client.count(upto=70)
        reading = asyncio.ensure_future(anext(log))
        await turns(50)
        log.cancel()
        with pytest.raises(Cancelled):
            await reading


async def test_the_result_of_a_call_that_waits_in_line_drops_its_items_when_they_come() -> None:
    async with (
        linked(Streams(), StreamsClient, limits=Limits(max_open_calls=1)) as client,
        client.count(upto=3) as first,
        client.count_up(upto=100) as second,
    ):
        await anext(first)
        result = asyncio.ensure_future(second.result())
        await turns()
        assert len([item async for item in first]) == 2
        assert await result == 100


# -- deadlines ----------------------------------------------------------------------------------


async def test_a_deadline_covers_the_time_to_the_first_item_only() -> None:
    async with linked(Streams(), StreamsClient) as client:
        hasty = client.with_options(timeout=0.05)
        async with hasty.squares() as exchange:
            await exchange.send(Number(number=2))
            await anext(exchange)
            await asyncio.sleep(0.1)
            await exchange.send(Number(number=3))
            assert (await anext(exchange)).number == 9
        with pytest.raises(DeadlineExceeded):
            async with hasty.squares() as exchange:
                await anext(exchange)
