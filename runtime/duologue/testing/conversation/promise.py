"""What every promise of a conversation is tried with."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from duologue.errors import DuologueError
from duologue.promisifier.promisifier import WebsocketPromisifier
from duologue.testing.conversation.news_service import NewsClient, NewsService
from duologue.testing.conversation.service import CheckedClient, CheckedService
from duologue.testing.conversation.timed_service import TimedClient, TimedService


@dataclass(frozen=True, slots=True)
class End:
    """One end of the conversation, and what it offers."""

    peer: WebsocketPromisifier
    service: CheckedService
    timed_service: TimedService
    news_service: NewsService

    @property
    def client(self) -> CheckedClient:
        """Calls the other end's service."""
        return CheckedClient(self.peer)

    @property
    def timed(self) -> TimedClient:
        """Calls the other end's other service."""
        return TimedClient(self.peer)

    @property
    def news(self) -> NewsClient:
        """Hears what the other end tells."""
        return NewsClient(self.peer)


Promise: TypeAlias = Callable[[End, End], Awaitable[None]]
"""Tried with the end that calls (or closes) and the other; its docstring is the promise."""


def same(met: object, expected: object, what: str) -> None:
    """Fail unless what was met is what was expected."""
    assert met == expected, f"{what} is {met!r:.200}, not {expected!r:.200}"


async def failure(result: Awaitable[object], expected: type[DuologueError]) -> Any:
    """The error that awaiting raises; fail if it raises none of this kind."""
    try:
        value = await result
    except expected as error:
        return error
    raise AssertionError(f"{expected.__name__} should have been raised; {value!r:.100} came")
