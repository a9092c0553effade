"""What becomes of calls when a connection is lost and another one comes (product 3)."""

import asyncio
import json
from typing import Any

import pytest

from duologue.errors import (
    ConnectionClosed,
    DeadlineExceeded,
    LimitExceeded,
)
from duologue.limits import MAX_TIMES_SENT, Limits
from duologue.promisifier.own_call import Call
from duologue.promisifier.streams.stream import ByteStream, TextStream
from tests.reconnect_support import Counted, Line, Repeatable
from tests.support import turns
from tests.virtual_time import at_once


class Streaming(Repeatable):
    """A `read` method whose result is a stream."""

    def __init__(self) -> None:
        super().__init__()
        self.streams: list[ByteStream | TextStream] = []

    def decode_stream(self, stream: ByteStream | TextStream) -> None:
        self.streams.append(stream)


async def failure_of(call: Call[Any]) -> ConnectionClosed:
    with pytest.raises(ConnectionClosed) as caught:
        await call
    return caught.value


# -- calls that are made while away -------------------------------------------------------------


async def test_a_call_made_while_away_leaves_over_the_next_connection() -> None:
    async with Line() as line:
        await line.lose()
        call = line.start(3)
        assert not call.done()
        await line.come_back()
        assert line.called == [3]
        await line.answer(0)
        assert await call == b"0"


async def test_so_does_one_by_number_however_long_it_takes() -> None:
    async with Line() as line:
        await line.lose()
        call = line.peer.send(3, "a")
        await line.come_back()
        assert line.said == [{"requestId": 0, "type": "request", "serviceId": 3, "args": ["a"]}]
        await line.answer(0)
        assert await call == 0


async def test_calls_leave_in_the_order_in_which_they_were_made() -> None:
    async with Line() as line:
        calls = [line.start(1, Repeatable()), line.start(2, Repeatable())]
        await line.lose()
        calls += [line.start(3), line.start(4, Repeatable())]
        await line.come_back()
        calls.append(line.start(5))
        await turns()
        assert line.called == [1, 2, 3, 4, 5]
        await line.answer(*range(5))
        assert [await call for call in calls] == [b"0", b"1", b"2", b"3", b"4"]


async def test_one_that_is_made_while_the_other_side_closes_waits_too() -> None:
    async with Line() as line:
        line.wire.close()
        await turns(1)
        assert not line.peer.is_connected
        call = line.start(3)
        await turns()
        await line.come_back()
        await line.answer(0)
        assert await call == b"0"


async def test_the_deadline_passes_while_away_too() -> None:
    async with Line() as line:
        await line.lose()
        call = line.start(3, timeout_s=0.02)
        with pytest.raises(DeadlineExceeded, match=r"Rooms/join within 0\.02 s"):
            await call
        await line.come_back()
        assert line.called == []


@at_once
async def test_the_time_away_counts() -> None:
    async with Line() as line:
        await line.lose()
        call = line.start(3, timeout_s=0.1)
        await asyncio.sleep(0.06)
        await line.come_back()
        assert line.called == [3]
        begun = asyncio.get_running_loop().time()
        with pytest.raises(DeadlineExceeded, match=r"no answer to Rooms/join within 0\.1 s"):
            await call
        assert asyncio.get_running_loop().time() - begun < 0.08


async def test_a_cancelled_call_does_not_leave() -> None:
    async with Line(Limits(max_open_calls=1)) as line:
        await line.lose()
        call = line.start(3)
        call.cancel()
        other = line.start(4)
        await line.come_back()
        assert line.called == [4]
        await line.answer(0)
        assert await other == b"0"


async def test_a_cancelled_call_that_came_back_does_not_touch_others() -> None:
    async with Line() as line:
        repeated = line.start(3, Repeatable())
        await line.lose()
        await line.come_back()
        await line.lose()
        repeated.cancel()
        other = line.start(4)
        await line.come_back()
        assert line.called == [4]
        await line.answer(0)
        assert await other == b"0"


async def test_as_many_calls_wait_as_may_be_parked_and_none_more() -> None:
    async with Line(Limits(max_parked_calls=2)) as line:
        await line.lose()
        calls = [line.start(1), line.start(2)]
        with pytest.raises(LimitExceeded, match="max_parked_calls is 2, met 3"):
            await line.start(3)
        await line.come_back()
        assert line.called == [1, 2]
        await line.answer(0, 1)
        await asyncio.gather(*calls)


async def test_calls_hold_as_much_as_may_be_parked_and_no_more() -> None:
    async with Line(Limits(max_parked_bytes=10)) as line:
        await line.lose()
        waiting = line.start(1, args=b"[12345678]")
        with pytest.raises(LimitExceeded, match="max_parked_bytes is 10, met 12"):
            await line.start(2, args=b"[]")
        waiting.cancel()
        assert not line.start(2, args=b"[]").done()


async def test_calls_above_the_open_ones_leave_later_over_the_next_connection_too() -> None:
    async with Line(Limits(max_open_calls=2)) as line:
        calls = [line.start(number, Repeatable()) for number in (1, 2, 3)]
        await turns()
        assert line.called == [1, 2]
        await line.lose()
        await line.come_back()
        assert line.called == [1, 2]
        await line.answer(0)
        assert line.called == [1, 2, 3]
        await line.answer(1, 2)
        await asyncio.gather(*calls)
        assert line.peer.stats.requests_repeated == 2


async def test_a_call_made_while_the_connection_is_closing_leaves_over_the_next() -> None:
    async with Line(Limits(max_open_calls=2)) as line:
        first = line.start(1, Repeatable())
        line.wire.close()
        await turns(1)
        assert not line.peer.is_connected
        line.start(2)
        await turns()
        assert not first.done()
        # The first was made first, though it came back last.
        await line.come_back()
        assert line.called == [1, 2]


async def test_what_waits_leaves_no_faster_than_the_connection_takes_it() -> None:
    # Half of what a connection may hold back at most, ten times.
    limits = Limits(max_unsent_bytes=600_000)
    async with Line(limits) as line:
        await line.lose()
        args = b'["%b"]' % (b"x" * 300_000)
        calls = [line.start(number, args=args) for number in range(1, 11)]
        await line.come_back()
        await turns(200)
        assert line.called == list(range(1, 11))
        assert line.peer.is_connected
        await line.answer(*range(10))
        await asyncio.gather(*calls)


async def test_a_call_that_is_too_large_fails_alone() -> None:
    async with Line(Limits(max_message_bytes=1000)) as line:
        await line.lose()
        large, small = line.start(3, args=b'["%b"]' % (b"x" * 1000)), line.start(4)
        await line.come_back()
        with pytest.raises(LimitExceeded, match="max_message_bytes"):
            await large
        await line.answer(0)
        assert await small == b"0"


# -- open calls when the connection is lost -----------------------------------------------------


async def test_an_open_call_that_may_be_repeated_leaves_again() -> None:
    async with Line() as line:
        call = line.start(3, Repeatable(), 5, b"[12]")
        await line.lose()
        assert not call.done()
        await line.come_back()
        assert line.said == [{"requestId": 0, "type": "request", "serviceId": 3, "args": [12]}]
        await line.answer(0)
        assert await call == b"0"
        assert line.peer.stats.requests_repeated == 1
        assert line.peer.stats.requests_sent_total == 2


async def test_after_an_end_in_good_order_too() -> None:
    async with Line() as line:
        call = line.start(3, Repeatable())
        await line.shut()
        await line.come_back()
        await line.answer(0)
        assert await call == b"0"


async def test_one_that_may_not_fails_at_once_and_says_whether_it_had_left() -> None:
    async with Line() as line:
        call = line.start(3)
        await line.lose()
        assert call.done()
        assert (await failure_of(call)).sent == "unknown"
        await line.come_back()
        other = line.start(4)
        await line.shut()
        assert (await failure_of(other)).sent == "yes"
        await line.come_back()
        assert line.called == []


async def test_one_by_number_is_not_repeated_either() -> None:
    async with Line() as line:
        call = line.peer.send(3)
        await line.lose()
        assert (await failure_of(call)).pending == (3,)


@at_once
async def test_it_has_its_remaining_time_the_second_time() -> None:
    async with Line() as line:
        call = line.start(3, Repeatable(), 0.1)
        await asyncio.sleep(0.06)
        await line.lose()
        await line.come_back()
        begun = asyncio.get_running_loop().time()
        with pytest.raises(DeadlineExceeded, match=r"within 0\.1 s"):
            await call
        assert asyncio.get_running_loop().time() - begun < 0.08


async def test_a_call_that_has_begun_to_stream_is_not_repeated() -> None:
    async with Line() as line:
        reading = Streaming()
        call = line.start(3, reading)
        await turns()
        chunk = {"responseId": 0, "type": "stream", "chunk": "ab", "encoding": "utf8"}
        line.wire.send(json.dumps(chunk))
        await turns()
        assert call.done()
        await line.lose()
        with pytest.raises(ConnectionClosed):
            async for _ in reading.streams[0]:
                pass
        await line.come_back()
        assert line.called == []


async def test_a_call_is_sent_over_five_connections_at_most() -> None:
    async with Line() as line:
        call = line.start(3, Repeatable())
        for _ in range(MAX_TIMES_SENT - 1):
            await line.lose()
            assert not call.done()
            await line.come_back()
            assert line.called == [3]
        await line.lose()
        assert (await failure_of(call)).sent == "unknown"


async def test_one_that_has_left_once_says_so_for_ever() -> None:
    async with Line() as line:
        call = line.start(3, Repeatable())
        await line.shut()
        await line.come_back()
        await line.lose()
        line.peer.close()
        assert (await failure_of(call)).sent == "yes"


async def test_calls_are_numbered_anew_when_they_leave() -> None:
    async with Line() as line:
        reading = Counted(3)
        await line.lose()
        call = line.start(3, reading)
        reading.contract.base = 200
        await line.come_back()
        assert line.called == [203]
        await line.answer(0)
        assert await call == b"0"
