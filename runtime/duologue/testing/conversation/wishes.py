"""What is promised of deadlines that travel, and of what is said beside params and results."""

import asyncio
import math
from typing import Final

from duologue.errors import DeadlineExceeded
from duologue.promisifier.deadline_scope import deadline
from duologue.testing.conversation.promise import End, Promise, failure, same
from duologue.testing.conversation.service import Refusal
from duologue.testing.conversation.timed_service import NO_TIME, Noting, TimedClient

META: Final = {"traceparent": "00-1-2-01", "who": "é€😀", "empty": ""}


async def _check_time_left(caller: End, callee: End) -> None:
    """The other side knows how long its caller waits, whoever says so; never more than was said."""
    timed = caller.timed
    same(await timed.with_options(timeout=math.inf).left(), NO_TIME, "what is left of no deadline")
    left = await timed.with_options(timeout=40).left()
    assert 20_000 < left <= 40_000, f"of 40 s are left {left} ms"
    async with deadline(30):
        left = await timed.with_options(timeout=math.inf).left()
        assert 10_000 < left <= 30_000, f"of 30 s are left {left} ms"
        async with deadline(None):
            left = await timed.with_options(timeout=math.inf).left()
            same(left, NO_TIME, "what is left where the deadline is lifted")
    same(await timed.with_options(timeout=math.inf).left(), NO_TIME, "what is left afterwards")


async def _check_inheriting(caller: End, callee: End) -> None:
    """What a handler calls ends with the time of the call it serves, on both sides."""
    error = await failure(caller.timed.with_options(timeout=0.05).pass_on(), DeadlineExceeded)
    assert error.where is not None, "it is not told where the time passed"
    # It may have been too late even to begin.
    if callee.timed_service.begun.is_set():
        await callee.timed_service.ended.wait()
    if caller.service.begun.is_set():
        await caller.service.ended.wait()
    same(await caller.client.echo(text="on"), "on", "the next answer")


async def _check_too_late(caller: End, callee: End) -> None:
    """A call that is made when the time is over fails at once, and nothing is sent."""
    async with deadline(0.001):
        await asyncio.sleep(0.002)
        sent = caller.peer.stats.bytes_sent
        error = await failure(caller.client.echo(text="late"), DeadlineExceeded)
        same(error.where, "leaving", "where the time passed")
        same(caller.peer.stats.bytes_sent, sent, "the number of bytes that were sent")


async def _check_first_item(caller: End, callee: End) -> None:
    """The deadline of a call with items is for the first of them, on both sides."""
    async with caller.timed.with_options(timeout=40).dawdle(number=7) as log:
        same((await anext(log)).number, 7, "the item")
        callee.timed_service.may_end.set()
        same(await log.result(), NO_TIME, "what is left after the first item")


async def _check_ignoring(caller: End, callee: End) -> None:
    """A method that ignores cancelling runs to its end, given up or late."""
    service = callee.timed_service
    call = asyncio.ensure_future(caller.timed.with_options(timeout=math.inf).finish())
    await service.begun.wait()
    call.cancel()
    await asyncio.wait([call])
    await failure(caller.timed.with_options(timeout=0.02).finish(), DeadlineExceeded)
    same(await caller.client.echo(text="on"), "on", "the next answer")
    assert not service.ended.is_set(), "it was stopped"
    service.may_end.set()
    await service.ended.wait()


async def _check_meta(caller: End, callee: End) -> None:
    """What is said beside params and results arrives, with errors too, and with no other call."""
    answered: dict[str, str] = {"old": "is gone"}
    saying = caller.timed.with_options(meta=META, answer_meta=answered)
    for key, value in META.items():
        same(await saying.say(text=key), value, f"what was said under {key}")
        same(answered, META, "what is said beside the answer")
    answered.clear()
    await failure(saying.say(text="nothing"), Refusal)
    same(answered, META, "what is said beside the error")
    await failure(caller.timed.say(text="who"), Refusal)
    silent = saying.with_options(meta=None)
    await failure(silent.say(text="who"), Refusal)
    same(answered, {}, "what is said beside an answer to nothing")


async def _check_interceptors(caller: End, callee: End) -> None:
    """What stands around calls sees each of them once, with its outcome, on both sides."""
    seen: list[str] = []
    timed = TimedClient(caller.peer, interceptors=[Noting(seen)])
    await timed.with_options(meta={"who": "me"}).say(text="who")
    await failure(timed.say(text="who"), Refusal)
    async with timed.dawdle(number=7) as log:
        callee.timed_service.may_end.set()
        await log.result()
    expected = ["say", "say: Refusal", "dawdle"]
    same(seen, expected, "what the caller's saw")
    same(callee.timed_service.seen, expected, "what the provider's saw")


WISHES: Final[tuple[Promise, ...]] = (
    _check_time_left,
    _check_inheriting,
    _check_too_late,
    _check_first_item,
    _check_ignoring,
    _check_meta,
    _check_interceptors,
)
