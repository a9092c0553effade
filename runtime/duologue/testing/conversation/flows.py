"""What is promised of streams and of events."""

import asyncio
from typing import Final

from duologue.errors import StreamFailed
from duologue.testing.conversation.promise import End, Promise, failure, same
from duologue.testing.conversation.service import PIECES, Words, line, piece


async def _check_streams(caller: End, callee: End) -> None:
    """Streams of bytes and of text arrive whole and in order, also side by side."""
    numbers = range(PIECES)
    data, text = b"".join(map(piece, numbers)), "".join(map(line, numbers))
    streams = [await caller.client.pour(), await caller.client.pour()]
    told = await caller.client.tell()
    read = await asyncio.gather(*(stream.read() for stream in streams), told.read())
    same(read, [data, data, text], "what was read")


async def _check_broken_stream(caller: End, callee: End) -> None:
    """A stream that its sender cannot go on with fails, and is not taken for a whole one."""
    stream = await caller.client.break_off()
    error = await failure(stream.read(), StreamFailed)
    assert "secret" not in f"{error!r} {error}", "the text of the error was sent"
    same(await caller.client.echo(text="on"), "on", "the next answer")


async def _check_stream_is_left(caller: End, callee: End) -> None:
    """Leaving a stream before its end stops its sender, and the conversation goes on."""
    async with await caller.client.pour_on() as stream:
        same(await stream.read(10), bytes(10), "what was read")
    await callee.service.ended.wait()
    same(await caller.client.echo(text="on"), "on", "the next answer")


async def _check_events(caller: End, callee: End) -> None:
    """Every subscriber hears every event, once and in order, until it wants no more."""
    handled: list[Words] = []
    expected = [Words(text=f"{number}") for number in range(30)]
    with_handler = caller.client.on_told(handled.append)
    async with caller.client.on_told() as told:
        for each in expected:
            callee.service.emit_told(text=each.text)
        same([await anext(told) for _ in expected], expected, "the list of iterated events")
    with_handler.close()
    same(handled, expected, "the list of handled events")
    callee.service.emit_told(text="nobody hears")
    await caller.client.echo(text="behind it")
    same(handled, expected, "the list of events once it was closed")


FLOWS: Final[tuple[Promise, ...]] = (
    _check_streams,
    _check_broken_stream,
    _check_stream_is_left,
    _check_events,
)
