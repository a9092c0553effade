"""What two peers who are joined owe those who use them, tried one by one on any way of joining."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Final, Literal, TypeAlias

from duologue.errors import DuologueError
from duologue.promisifier.promisifier import WebsocketPromisifier
from duologue.testing.conversation.calls import CALLS, DIFFERENCES
from duologue.testing.conversation.crowds import CROWDS
from duologue.testing.conversation.endings import CLOSING, GIVING_UP, closing_after
from duologue.testing.conversation.flows import FLOWS
from duologue.testing.conversation.items import CLOSING_WITH_ITEMS, ITEMS
from duologue.testing.conversation.losses import COMEBACKS, Comeback, Lasting, Lose
from duologue.testing.conversation.news import NEWS, NEWS_COMEBACKS
from duologue.testing.conversation.news_service import NewsService
from duologue.testing.conversation.promise import End, Promise
from duologue.testing.conversation.service import CheckedService
from duologue.testing.conversation.timed_service import TimedService
from duologue.testing.conversation.wishes import WISHES
from duologue.typed.service import Service

MakePair: TypeAlias = Callable[
    [Sequence[Service], Sequence[Service]],
    AbstractAsyncContextManager[tuple[WebsocketPromisifier, WebsocketPromisifier]],
]
"""Joins two peers, who offer the first and the second services to each other, until the block is
left. `duologue.testing.linked_peers` is one."""

MakeLasting: TypeAlias = Callable[
    [Sequence[Service], Sequence[Service]],
    AbstractAsyncContextManager[tuple[WebsocketPromisifier, Lose]],
]
"""Joins a peer that comes back (it offers the second services) with a side that offers the first
over each of its connections, and says how it loses one."""

Side: TypeAlias = Literal["left", "right"]

PATIENCE_S: Final = 60.0
"""How long one promise may take to be kept, on a slow machine."""

ENDING_TURNS: Final = 20
"""So many turns of the loop after a conversation no task and no timer of it is left."""

CLOSING_TURNS: Final = 32
"""After each number of turns of the loop below this one is closed; all that happens takes 25."""


async def check_conversation(
    make_pair: MakePair,
    *,
    closers: Sequence[Side] = ("left", "right"),
    patience_s: float = PATIENCE_S,
) -> None:
    """Try every promise that a conversation makes, on fresh pairs, in both directions.

    `closers` are the sides whose `close` ends the conversation for both. Where one side reconnects
    it is that one: if the other closes, another connection is made. `patience_s` is for each
    promise.

    Raises:
        AssertionError: a promise was not kept; the text begins with the promise.
    """
    promises = (*CALLS, *FLOWS, *CROWDS, *GIVING_UP, *WISHES, *DIFFERENCES, *NEWS, *ITEMS)
    for promise in promises:
        for turned in (False, True):
            await _try(promise, make_pair, turned, patience_s)
    for promise in (*CLOSING, *CLOSING_WITH_ITEMS, *map(closing_after, range(CLOSING_TURNS))):
        for closer in sorted(closers):
            await _try(promise, make_pair, closer == "right", patience_s)


async def check_coming_back(make_lasting: MakeLasting, *, patience_s: float = PATIENCE_S) -> None:
    """Try what a peer with `reconnect=True` promises of losses, each on a fresh one.

    `patience_s` is for each promise, the pauses before connecting again included.

    Raises:
        AssertionError: a promise was not kept; the text begins with the promise.
    """
    for comeback in (*COMEBACKS, *NEWS_COMEBACKS):
        await _try_comeback(comeback, make_lasting, patience_s)


async def _try_comeback(comeback: Comeback, make_lasting: MakeLasting, patience_s: float) -> None:
    before = _left()
    service, news = CheckedService(), NewsService()
    try:
        joined = make_lasting([service, news], [CheckedService()])
        async with asyncio.timeout(patience_s), joined as (peer, lose):
            await comeback(Lasting(peer, lose, service, news))
        await _until_nothing_is_left(before)
    except (AssertionError, TimeoutError, DuologueError) as error:
        found = f"{type(error).__name__}: {error}"
        raise AssertionError(f"{comeback.__doc__} Not so: {found}") from error


async def _try(promise: Promise, make_pair: MakePair, turned: bool, patience_s: float) -> None:
    before = _left()
    services = CheckedService(), CheckedService()
    timed, news = (TimedService(), TimedService()), (NewsService(), NewsService())
    offers = list(zip(services, timed, news, strict=True))
    try:
        async with asyncio.timeout(patience_s), make_pair(*offers) as peers:
            left, right = map(End, peers, services, timed, news)
            await (promise(right, left) if turned else promise(left, right))
        await _until_nothing_is_left(before)
    except (AssertionError, TimeoutError, DuologueError) as error:
        who = "right" if turned else "left"
        found = f"{type(error).__name__}: {error}"
        raise AssertionError(f"{promise.__doc__} Not so from the {who}: {found}") from error


def _left() -> set[object]:
    """Tasks and, where the loop lets us see them, timers."""
    # asyncio offers no view of its timers; uvloop has none that one could look at.
    timers: list[asyncio.TimerHandle] = getattr(asyncio.get_running_loop(), "_scheduled", [])
    return {*asyncio.all_tasks(), *(each for each in timers if not each.cancelled())}


async def _until_nothing_is_left(before: set[object]) -> None:
    for _ in range(ENDING_TURNS):
        if _left() <= before:
            return
        await asyncio.sleep(0)
    raise AssertionError(f"left behind: {_left() - before}")
