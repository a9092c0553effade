"""What is promised of calls that are given up, and of the end of a conversation."""

import asyncio
from typing import Final

from duologue.errors import ConnectionClosed, DeadlineExceeded, DuologueError
from duologue.promisifier.promise import CloseStatus
from duologue.promisifier.promisifier import WebsocketPromisifier
from duologue.testing.conversation.promise import End, Promise, failure, same
from duologue.testing.conversation.service import CheckedClient, Step


async def _check_cancel(caller: End, callee: End) -> None:
    """A cancelled call is over at once; the other side stops, and the conversation goes on."""
    call = asyncio.ensure_future(caller.client.hold())
    await callee.service.begun.wait()
    call.cancel()
    await asyncio.wait([call])
    assert call.cancelled(), "the call was not cancelled"
    await callee.service.ended.wait()
    same(await caller.client.echo(text="on"), "on", "the next answer")


async def _check_deadline(caller: End, callee: End) -> None:
    """A call past its deadline fails; the other side stops, and the conversation goes on."""
    await failure(caller.client.with_options(timeout=0.02).hold(), DeadlineExceeded)
    # It may have been too late even to begin.
    if callee.service.begun.is_set():
        await callee.service.ended.wait()
    same(await caller.client.echo(text="on"), "on", "the next answer")


async def _check_close(closer: End, other: End) -> None:
    """Closing ends both sides in order, with the reason, code 1000 and no call open."""
    for end in (closer, other):
        assert end.peer.is_connected, "a new peer is not connected"
        same(await end.client.echo(text="first"), "first", "the first answer")
    closer.peer.close("bye")
    closer.peer.close("again")
    for end in (closer, other):
        status = await end.peer.promise.wait()
        assert isinstance(status, CloseStatus), f"the end was called a failure: {status!r}"
        same((status.code, status.pending), (1000, ()), "the code, with open calls,")
        assert status.reason.endswith("bye"), f"the reason is {status.reason!r}"
        assert not end.peer.is_connected, "a closed peer says that it is connected"


async def _check_close_with_open_calls(closer: End, other: End) -> None:
    """Calls that are open at the end fail with ConnectionClosed, and handlers are stopped."""
    calls = [asyncio.ensure_future(end.client.hold()) for end in (closer, other)]
    streams = [await end.client.pour_on() for end in (closer, other)]
    for end in (closer, other):
        await end.service.begun.wait()
        end.service.ended.clear()
    closer.peer.close()
    for call in calls:
        error = await failure(call, ConnectionClosed)
        assert error.sent in ("yes", "unknown"), f"`sent` of a call that left is {error.sent!r}"
    for stream in streams:
        await failure(stream.read(), ConnectionClosed)
    for end in (closer, other):
        await end.peer.promise.wait()
        await end.service.ended.wait()
        late = await failure(end.client.echo(text="late"), ConnectionClosed)
        same(late.sent, "no", "`sent` of a call that came too late")


async def _script(peer: WebsocketPromisifier) -> None:
    client = CheckedClient(peer)
    given_up = asyncio.ensure_future(client.hold())
    try:
        await asyncio.gather(client.echo(text="a"), client.back(text="b"), client.blob(data=b"c"))
        await (await client.tell()).read()
        async with await client.pour_on() as stream:
            await stream.read(10)
        async with client.mirror() as exchange:
            exchange.send_all(Step(number=number) for number in range(100))
            async for _ in exchange:
                pass
        await (await client.pour()).read()
    finally:
        given_up.cancel()
        await asyncio.wait([given_up])


def closing_after(turns: int) -> Promise:
    """The promise for a conversation that is closed after so many turns of the loop."""

    async def check(closer: End, other: End) -> None:
        scripts = [asyncio.ensure_future(_script(end.peer)) for end in (closer, other)]
        for _ in range(turns):
            await asyncio.sleep(0)
        closer.peer.close()
        for outcome in await asyncio.gather(*scripts, return_exceptions=True):
            assert outcome is None or isinstance(outcome, DuologueError), f"{outcome!r} came"
        await closer.peer.promise.wait()
        await other.peer.promise.wait()

    check.__doc__ = f"Closed after {turns} turns, each call has a result or a typed error."
    return check


GIVING_UP: Final[tuple[Promise, ...]] = (
    _check_cancel,
    _check_deadline,
)

CLOSING: Final[tuple[Promise, ...]] = (
    _check_close,
    _check_close_with_open_calls,
)
