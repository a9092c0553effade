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

    __slots__ = ("_due", "_loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._due: list[tuple[Waiter, asyncio.Future[Any], Context]] = []

    def add(self, waiter: Waiter, settled: asyncio.Future[Any], context: Context) -> None:
        """Call `waiter` with `settled`, in `context`."""
        due = self._due
        if not due:
            self._loop.call_soon(self._wake)
        due.append((waiter, settled, context))

    def _wake(self) -> None:
        # Who goes on may make calls that are answered in this very turn: those wait for the next.
        due, self._due = self._due, []
        coming = iter(due)
        try:
            for waiter, settled, context in coming:
                context.run(waiter, settled)
        finally:
            for left in coming:
                self.add(*left)
