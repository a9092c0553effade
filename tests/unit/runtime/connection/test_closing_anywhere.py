"""A scripted session is closed after each of its loop turns in turn, by either side.

Whenever that is: every call settles with its result or a typed error, no task is left, and nothing
is logged or reported to the loop.
"""

import asyncio
import gc
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from duologue import (
    ByteStream,
    CallError,
    DuologueError,
    Limits,
    TextStream,
    WebsocketPromisifier,
    create_websocket_promisifier,
)
from duologue.testing import connected_pair
from tests.support import greeting, square

TURNS = 60


async def slow_pieces() -> AsyncIterator[bytes]:
    for _ in range(5):
        await asyncio.sleep(0)
        yield bytes(2000)


async def echo(*values: Any) -> list[Any]:
    await asyncio.sleep(0)
    return list(values)


async def failing() -> None:
    await asyncio.sleep(0)
    raise CallError("on purpose", code="X")


def furnish(peer: WebsocketPromisifier) -> None:
    async def call_back(number: int) -> Any:
        return await peer.send(3, number)

    peer.add_service(3, square)
    peer.add_service(4, echo)
    peer.add_service(5, lambda: ByteStream(slow_pieces()))
    peer.add_service(6, lambda: TextStream("text" * 50_000))
    peer.add_service(7, failing)
    peer.add_service(8, call_back)
    peer.greet(greeting())


async def script(peer: WebsocketPromisifier) -> None:
    """All that one side does, one thing after another."""

    async def read(service_id: int) -> None:
        stream = await peer.send(service_id)
        await stream.read()

    async def cut_short() -> None:
        async with await peer.send(5) as stream:
            await stream.read(10)

    given_up = peer.send(4, 1)
    await asyncio.gather(peer.send(3, 2), read(5), read(6), cut_short(), peer.send(8, 3))
    given_up.cancel()
    with pytest.raises(DuologueError):
        await peer.send(7)
    await peer.send(4, "last")


async def session(closed_after: int, closer: str) -> list[BaseException | None]:
    connections = connected_pair(Limits())
    left, right = (create_websocket_promisifier(each) for each in connections)
    furnish(left)
    furnish(right)
    scripts = [asyncio.ensure_future(script(peer)) for peer in (left, right)]
    for _ in range(closed_after):
        await asyncio.sleep(0)
    if closer == "left":
        left.close("now")
    elif closer == "both":
        left.close("now")
        right.close("too")
    else:
        connections[0].terminate("gone")
    outcomes = await asyncio.wait_for(asyncio.gather(*scripts, return_exceptions=True), 30)
    await left.promise.wait()
    await right.promise.wait()
    for _ in range(20):
        await asyncio.sleep(0)
    return outcomes


@pytest.mark.parametrize("closer", ["left", "both", "lost"])
async def test_closing_at_any_moment_leaves_nothing_behind(
    closer: str, caplog: pytest.LogCaptureFixture
) -> None:
    reported: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
    finished = 0
    for closed_after in range(TURNS):
        for outcome in await session(closed_after, closer):
            assert outcome is None or isinstance(outcome, DuologueError), repr(outcome)
            finished += outcome is None
        if closed_after % 6 == 5:
            gc.collect()  # what was never retrieved is reported when it is collected
        left_over = asyncio.all_tasks() - {asyncio.current_task()}
        assert left_over == set(), closed_after
    assert finished > 0, "the script never came to its end: more turns are needed"
    assert reported == []
    assert [each for each in caplog.records if each.levelno >= logging.WARNING] == []
