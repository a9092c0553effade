"""Streams that stall, by a pretend clock and between two peers."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from duologue import ByteStream, DeadlineExceeded, Limits
from duologue.promisifier.own_call import CallOptions
from duologue.promisifier.streams.silence import SilenceWatch
from duologue.promisifier.untyped import Untyped
from duologue.testing import linked_peers
from tests.pretend_loop import PretendLoop
from tests.support import turns
from tests.virtual_time import at_once


class Watched:
    def __init__(self) -> None:
        self.loop = PretendLoop()
        self.silent: list[tuple[int, float]] = []
        self.watch = SilenceWatch(self.loop, self.note)

    def note(self, request_id: int, patience_s: float) -> None:
        self.silent.append((request_id, patience_s))


def test_a_stream_is_silent_for_as_long_as_it_may_and_no_longer() -> None:
    watched = Watched()
    watched.watch.note(7, 5)
    watched.loop.pass_time(4.9)
    assert watched.silent == []
    watched.loop.pass_time(0.1)
    assert watched.silent == [(7, 5)]
    assert watched.loop.timers == []


def test_what_comes_begins_the_time_anew_without_a_timer_of_its_own() -> None:
    watched = Watched()
    for _ in range(10):
        watched.watch.note(7, 5)
        watched.loop.pass_time(3)
    assert watched.silent == []
    assert len(watched.loop.timers) == 1
    watched.loop.pass_time(2)
    assert watched.silent == [(7, 5)]


def test_each_stream_has_its_own_time() -> None:
    watched = Watched()
    watched.watch.note(1, 10)
    watched.watch.note(2, 4)
    watched.watch.note(3, 6)
    watched.watch.forget(3)
    watched.loop.pass_time(20)
    assert watched.silent == [(2, 4), (1, 10)]


def test_time_in_which_nothing_was_read_is_not_silence() -> None:
    watched = Watched()
    watched.watch.note(7, 5)
    watched.watch.note_reading(False)
    watched.loop.pass_time(60)
    assert watched.silent == []
    watched.watch.note_reading(True)
    watched.loop.pass_time(4.9)
    assert watched.silent == []
    watched.loop.pass_time(5)
    assert watched.silent == [(7, 5)]


def test_a_process_that_stood_still_reads_first_what_has_come() -> None:
    watched = Watched()
    watched.watch.note(7, 5)
    watched.loop.stall(30)
    watched.loop.pass_time(0)
    assert watched.silent == []
    watched.loop.pass_time(5)
    assert watched.silent == [(7, 5)]


def test_nothing_is_left_behind() -> None:
    watched = Watched()
    watched.watch.note(7, 5)
    watched.watch.end()
    assert watched.loop.timers == []


# -- between two peers --------------------------------------------------------------------------


async def stalling(stopped: asyncio.Event) -> AsyncIterator[bytes]:
    yield b"first"
    try:
        await asyncio.Event().wait()
    finally:
        stopped.set()


@at_once
async def test_a_stream_that_stalls_fails_where_a_deadline_was_set_and_its_source_is_stopped() -> (
    None
):
    stopped = asyncio.Event()
    async with linked_peers() as (server, caller):
        server.add_service(3, lambda: ByteStream(stalling(stopped)))
        target = Untyped(3)
        stream = await caller.start_call(target, b"[]", target, CallOptions(0.05))
        with pytest.raises(DeadlineExceeded, match=r"nothing of the stream of service 3 came"):
            await stream.read()
        await asyncio.wait_for(stopped.wait(), 30)


@at_once
async def test_a_stream_without_a_deadline_may_be_silent() -> None:
    async with linked_peers(limits=Limits(call_timeout_s=0.02)) as (server, caller):
        server.add_service(3, lambda: ByteStream(stalling(asyncio.Event())))
        target = Untyped(3)
        stream = await caller.start_call(target, b"[]", target, CallOptions())
        reading = asyncio.ensure_future(stream.read())
        await asyncio.sleep(0.1)
        await turns()
        assert not reading.done()
        reading.cancel()
        stream.cancel()
