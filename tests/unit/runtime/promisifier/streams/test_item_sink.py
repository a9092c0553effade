"""Items sent while their connection is closing: what their sender is told is of the call."""

import asyncio

import pytest

from duologue import ConnectionClosed, Limits
from duologue.connection.memory import connected_pair
from duologue.promisifier.streams.item_sink import ItemSink
from duologue.protocol.counters import Counters
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
