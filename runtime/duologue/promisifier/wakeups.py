"""Those who wait for calls go on together: one callback of the loop for all answers of a turn."""

import asyncio
from collections.abc import Callable
from contextvars import Context
from typing import Any

Waiter = Callable[[Any], object]
"""What is called once a future is settled, with that future."""


class Wakeups:
    """Calls what waits for futures that have been settled, in the next turn, in their order.

    asyncio makes a handle for each callback of each future, which costs as much as all else that
    a client does with an answer. A callback that raises, as only `SystemExit` and
    `KeyboardInterrupt` leave a task, does not keep the others from being called.
    """

    __slots__ = ("_loop", "due")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.due: list[tuple[Waiter, asyncio.Future[Any], Context]] = []
        """What is to be called, with what, and in which context; whoever adds the first says so by
        `begin`."""

    def begin(self) -> None:
        """See to it that what is added now is called in the next turn of the loop."""
        self._loop.call_soon(self.wake)

    def wake(self) -> None:
        """Call what is due. The loop does so."""
        # Who goes on may make calls that are answered in this very turn: those wait for the next.
        due, self.due = self.due, []
        coming = iter(due)
        try:
            for waiter, settled, context in coming:
                context.run(waiter, settled)
        finally:
            if left := list(coming):
                self.begin()
                self.due = left + self.due
