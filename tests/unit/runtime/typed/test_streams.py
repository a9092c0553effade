"""Calls with items in all shapes, between two peers in memory."""

import asyncio
import gc
import linecache
import warnings
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from duologue import (
    CallContext,
    Cancelled,
    ConnectionClosed,
    DeadlineExceeded,
    InvalidParams,
    InvalidResult,
    LimitExceeded,
    Limits,
    Unimplemented,
)
from duologue.protocol.credit import FIRST_WINDOW_ITEMS
from duologue.testing import linked, linked_peers
from duologue.typed import Sender
from duologue.typed.service import Offer
from tests.stream_service import Blob, CountParams, Number, Spoiled, Streams, StreamsClient, numbers
from tests.support import Conversation, greeting, turns


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


# -- leaving early ------------------------------------------------------------------------------


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


# -- failures -----------------------------------------------------------------------------------


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


INTRODUCED = {"profile": "duologue/1", "features": ["cancel", "items"]}

# -- peers that know less -----------------------------------------------------------------------


async def test_a_base_peer_gets_items_as_lines_of_json_and_bytes_as_a_stream() -> None:
    async with Conversation() as talk:
        Offer([Streams()]).make_to(talk.peer)
        said = await talk.hear(talk.request(0, 101, {"upto": 2}))
        chunks = "".join(each["chunk"] for each in said if each["type"] == "stream")
        assert chunks == '{"number":0,"pad":""}\n{"number":1,"pad":""}\n'
        assert said[-1]["type"] == "stream-end"
        for number in (102, 103, 104):
            said = await talk.hear(talk.request(number, number, {"upto": 2}))
            assert said[-1]["error"]["code"] == "UNIMPLEMENTED"


async def test_a_base_peer_is_read_as_lines_of_json() -> None:
    async with Conversation() as talk:
        client = StreamsClient(talk.peer)
        async with client.count(upto=2) as log:
            reading = asyncio.ensure_future(anext(log))
            await turns()
            await talk.hear(
                '{"responseId":0,"type":"stream","encoding":"utf8","chunk":"{\\"number\\":7}\\n{\\"nu"}',
                '{"responseId":0,"type":"stream","chunk":"mber\\":8}"}',
                '{"responseId":0,"type":"stream-end"}',
            )
            assert (await reading).number == 7
            assert [item.number async for item in log] == [8]
            await log.result()


async def test_what_a_base_peer_cannot_do_is_unimplemented_before_anything_is_sent() -> None:
    async with Conversation() as talk:
        client = StreamsClient(talk.peer)
        with pytest.raises(Unimplemented, match="needs items, which the other side does not know"):
            await client.sum()
        with pytest.raises(Unimplemented):
            await anext(client.count_up(upto=3))
        assert talk.said == []


async def test_a_call_with_items_waits_until_the_other_side_has_introduced_itself() -> None:
    async with Conversation() as talk:
        talk.peer.greet(greeting())
        log = StreamsClient(talk.peer).count(upto=2)
        entering = asyncio.ensure_future(log.__aenter__())
        await turns()
        assert len(talk.said) == 1
        await talk.hear(talk.request(0, 0, INTRODUCED))
        await entering
        await turns()
        assert talk.said[-1]["serviceId"] == 101
        await talk.hear('{"responseId":1,"type":"items","data":[{"number":5}]}')
        assert (await anext(log)).number == 5
        log.cancel()


# -- what does not fit --------------------------------------------------------------------------


async def introduced(talk: Conversation) -> StreamsClient:
    talk.peer.greet(greeting())
    await talk.hear(talk.request(0, 0, INTRODUCED))
    return StreamsClient(talk.peer)


async def test_an_item_that_does_not_fit_fails_the_call_which_is_cancelled() -> None:
    async with Conversation() as talk:
        client = await introduced(talk)
        async with client.count(upto=2) as log:
            await turns()
            request_id = talk.said[-1]["requestId"]
            await talk.hear('{"responseId":%d,"type":"items","data":[{"number":"x"}]}' % request_id)
            with pytest.raises(
                InvalidResult, match=r"an item of test\.v1\.Streams/count"
            ) as failed:
                await anext(log)
            assert [str(each) for each in failed.value.problems] == [
                "0.number: Input should be a valid integer"
            ]
            await turns()
            assert talk.said[-1] == {"requestId": request_id, "type": "cancel"}


async def test_bytes_where_json_is_due_fail_the_call() -> None:
    async with Conversation() as talk:
        client = await introduced(talk)
        async with client.count(upto=2) as log:
            await turns()
            await talk.hear(bytes(8) + b"x", b"\x00\x00\x00\x00\x00\x00\xf0\x3f" + b"x")
            with pytest.raises(InvalidResult, match="an item is bytes, expected JSON"):
                await anext(log)


@pytest.mark.parametrize(
    ("item", "problem"),
    [
        ('{"requestId":1,"type":"items","data":[{"number":"x"}]}', "0.number"),
        (b"\x00\x00\x00\x00\x00\x00\x00\xc0x", "an item is bytes, expected JSON"),
    ],
)
async def test_an_item_that_the_service_cannot_read_is_invalid_params(
    item: str | bytes, problem: str
) -> None:
    async with Conversation() as talk:
        Offer([Streams()]).make_to(talk.peer)
        await introduced(talk)
        said = await talk.hear(talk.request(1, 103), item)
        assert said[-1]["error"]["code"] == "INVALID_PARAMS"
        assert problem in str(said[-1]["error"]["details"])


async def test_an_overrun_window_ends_the_connection() -> None:
    async with Conversation() as talk:
        client = await introduced(talk)
        async with client.count(upto=2):
            await turns()
            await talk.hear('{"responseId":1,"type":"items","data":[%s]}' % ",".join(["{}"] * 65))
            outcome = await talk.peer.promise.wait()
            assert isinstance(outcome, ConnectionClosed)
            assert isinstance(outcome.__cause__, LimitExceeded)
