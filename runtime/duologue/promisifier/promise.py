"""The value a conversation ends with."""

import asyncio
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

from duologue.connection.base import CLOSE_CODE_LOST, CLOSE_CODE_NORMAL, Connection
from duologue.errors import ConnectionClosed, Sent
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
    # an exception nobody awaits must not be logged. Nor one behind a shield, which wakes its task a
    # turn of the loop later.
    __slots__ = ("_loop", "_outcome", "_waiters")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._outcome: CloseStatus | ConnectionClosed | None = None
        self._waiters: list[asyncio.Future[None]] = []

    def done(self) -> bool:
        """Whether the connection is closed."""
        return self._outcome is not None

    def settle(self, outcome: CloseStatus | ConnectionClosed) -> None:
        """Give everybody who awaits, now or later, the outcome. Once."""
        self._outcome = outcome
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def __await__(self) -> Generator[Any, None, CloseStatus]:
        outcome = yield from self.wait().__await__()
        if isinstance(outcome, ConnectionClosed):
            raise outcome
        return outcome

    async def wait(self) -> CloseStatus | ConnectionClosed:
        """As awaiting, but the exception is returned, not raised."""
        while self._outcome is None:
            waiter: asyncio.Future[None] = self._loop.create_future()
            self._waiters.append(waiter)
            try:
                await waiter
            finally:
                if not self.done():
                    self._waiters.remove(waiter)
        return self._outcome


def end_of(
    connection: Connection, stats: Stats, pending: Sequence[int], sent: Sent
) -> CloseStatus | ConnectionClosed:
    """What the promise of a conversation over a closed connection settles with."""
    code = CLOSE_CODE_LOST if connection.close_code is None else connection.close_code
    if code == CLOSE_CODE_NORMAL and connection.failure is None:
        return CloseStatus(code, connection.close_reason, stats, tuple(pending))
    closed = ConnectionClosed(
        code, connection.close_reason, stats=stats, pending=pending, sent=sent
    )
    closed.__cause__ = connection.failure
    return closed


def end_of_call(
    connection: Connection, stats: Stats, service_id: int, sent: Sent, reason: str
) -> ConnectionClosed:
    """What a call fails with that is open when the connection closes, or comes too late."""
    aborted = ConnectionClosed(
        "WSP-ONCL0",
        reason,
        close_code=connection.close_code,
        stats=stats,
        pending=(service_id,),
        sent=sent,
    )
    aborted.__cause__ = connection.failure
    return aborted
