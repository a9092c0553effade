"""How items leave: what fits into one message, and what becomes of them at the end."""

import asyncio
import json

import pytest

from duologue import ConnectionClosed, LimitExceeded, Limits
from duologue.connection.memory import connected_pair
from duologue.promisifier.streams.item_sink import ItemSink
from duologue.protocol.counters import Counters
from duologue.protocol.credit import FIRST_WINDOW_BYTES, Credit
from duologue.protocol.items import ItemCalls
from duologue.protocol.late_messages import LateMessages
from tests.support import turns


def closing_sink() -> ItemSink:
    """One whose connection takes nothing any more, and has not ended."""
    connection, _ = connected_pair()
    counters = Counters()
    calls = ItemCalls(Limits(), counters, LateMessages(), is_own=True)
    sink = ItemSink("a call")
    sink.bind(calls.open(0, takes_items=False).outgoing, connection, counters, 0, is_own=True)
    connection.close()
    return sink


class Sending:
    """A sink whose connection is open, and the messages that come of it."""

    def __init__(self, max_send_bytes: int = 1_000_000) -> None:
        connection, there = connected_pair()
        connection.bound_sending(max_send_bytes)
        counters = Counters()
        calls = ItemCalls(Limits(), counters, LateMessages(), is_own=True)
        self.outgoing = calls.open(0, takes_items=False).outgoing
        self.sink = ItemSink("a call")
        self.sink.bind(self.outgoing, connection, counters, 0, is_own=True)
        self.sizes: list[list[int]] = []
        """Of the items of each message."""
        there.on_message.listen(self._note)

    def _note(self, message: str | bytes) -> None:
        self.sizes.append([len(json.dumps(each)) for each in json.loads(message)["data"]])


def item(size: int) -> bytes:
    """JSON of so many bytes."""
    return b"1" if size == 1 else b'"%s"' % (b"x" * (size - 2))


async def test_items_of_one_turn_share_a_message_up_to_the_last_byte_that_is_granted() -> None:
    for more in (0, 1):
        sending = Sending()
        assert sending.sink.put(item(1)), "it leaves alone: others may not come"
        assert sending.sink.put(item(1))
        left = FIRST_WINDOW_BYTES - 2 * 3
        assert sending.sink.put(item(left - 1 + more)) == (not more)
        await turns()
        assert sending.sizes == ([[1], [1]] if more else [[1], [1, left - 1]])


async def test_an_item_is_as_large_as_a_list_may_be_and_no_larger() -> None:
    sending = Sending(max_send_bytes=1_000)
    assert sending.sink.put(item(1_000 - 200 - 2))
    assert not Sending(max_send_bytes=1_000).sink.put(item(1_000 - 200 - 1))


async def test_an_item_is_as_large_as_a_message_may_be_and_no_larger() -> None:
    sending = Sending(max_send_bytes=20_200)
    sending.outgoing.grant(Credit(10, 100_000))
    await sending.sink.send(item(20_000 - 2))
    await turns()
    assert sending.sizes == [[20_000 - 2]]
    with pytest.raises(LimitExceeded, match="max_message_bytes is 20200"):
        await sending.sink.send(item(20_000 - 1))


@pytest.mark.parametrize("kind", ["JSON", "bytes"])
async def test_one_that_needs_credit_waits_for_what_becomes_of_the_call(kind: str) -> None:
    sink = closing_sink()
    large = b"1" * 20_000
    sending = asyncio.create_task(sink.send(large) if kind == "JSON" else sink.send_bytes(large))
    await turns()
    assert not sending.done()
    sink.finish(ConnectionClosed(1006, "lost", sent="unknown"))
    with pytest.raises(ConnectionClosed) as told:
        await sending
    assert told.value.sent == "unknown"


@pytest.mark.parametrize("kind", ["JSON", "bytes"])
async def test_one_that_may_leave_goes_nowhere_and_the_next_one_is_told(kind: str) -> None:
    sink = closing_sink()
    send = sink.send if kind == "JSON" else sink.send_bytes
    await send(b"1")
    sink.end()
    sink.finish(ConnectionClosed(1006, "lost", sent="unknown"))
    with pytest.raises(ConnectionClosed) as told:
        await send(b"2")
    assert told.value.sent == "unknown"
