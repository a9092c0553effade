"""The value a conversation ends with."""

import asyncio
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

from duologue.errors import ConnectionClosed
from duologue.promisifier.stats import Stats


@dataclass(frozen=True, slots=True)
class CloseStatus:
    """How a conversation ended that was closed with code 1000."""

    code: int
    reason: str
    """As it stood in the close frame."""
    stats: Stats
    pending: tuple[int, ...]
    """Service ids of own calls that were still open, in order; each has failed by itself."""


class Promise:
    """Settles once, when the connection is closed. Any number of tasks may await it, or none.

    Awaiting gives the `CloseStatus`, or raises `ConnectionClosed` if the code was not 1000.
    """

    # Not a bare future: cancelling one task that awaits it must not cancel it for the others, and
    # an exception nobody awaits must not be logged.
    __slots__ = ("_outcome",)

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._outcome: asyncio.Future[CloseStatus | ConnectionClosed] = loop.create_future()

    def done(self) -> bool:
        """Whether the connection is closed."""
        return self._outcome.done()

    def settle(self, outcome: CloseStatus | ConnectionClosed) -> None:
        """Give everybody who awaits, now or later, the outcome."""
        self._outcome.set_result(outcome)

    def __await__(self) -> Generator[Any, None, CloseStatus]:
        outcome = yield from asyncio.shield(self._outcome).__await__()
        if isinstance(outcome, ConnectionClosed):
            raise outcome
        return outcome

    async def wait(self) -> CloseStatus | ConnectionClosed:
        """As awaiting, but the exception is returned, not raised."""
        return await asyncio.shield(self._outcome)
