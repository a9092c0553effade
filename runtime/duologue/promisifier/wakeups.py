"""Those who wait for calls go on together: one callback for all answers of a read, or of a turn."""

import asyncio
from collections.abc import Callable
from contextvars import Context
from typing import Any

Waiter = Callable[[Any], object]
"""What is called once a future is settled, with that future."""


class Wakeups:
    """Calls what waits for futures that have been settled, in their order.

    asyncio makes a handle for each callback of each future, which costs as much as all else that
    a client does with an answer. Between `gather` and `let_go` those that are added wait for that;
    all others go on in the next turn of the loop.
    """

    __slots__ = ("_is_gathering", "_loop", "due")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._is_gathering = False
        self.due: list[tuple[Waiter, asyncio.Future[Any], Context]] = []
        """What is to be called, with what, and in which context; whoever adds the first says so by
        `begin`."""

    def begin(self) -> None:
        """See to it that what is added now is called."""
        if not self._is_gathering:
            self._loop.call_soon(self.let_go)

    def gather(self) -> bool:
        """Let what is added wait for `let_go`; returns whether that may be called from here.

        It may where no task runs: one task cannot go on inside another.
        """
        self._is_gathering = asyncio.current_task(self._loop) is None
        return self._is_gathering

    def let_go(self) -> None:
        """Call what is due.

        A callback that raises keeps none of the others from being called: what it raises is told to
        the loop, but for `SystemExit` and `KeyboardInterrupt`, which end that.
        """
        self._is_gathering = False
        # Who goes on may make calls that are answered at once: those wait for the next turn.
        due, self.due = self.due, []
        coming = iter(due)
        try:
            for waiter, settled, context in coming:
                try:
                    context.run(waiter, settled)
                except Exception as error:
                    # As the loop does with what it calls itself. Tasks do not come here.
                    self._loop.call_exception_handler(
                        {
                            "message": f"Exception in callback {waiter!r}",
                            "exception": error,
                            "future": settled,
                        }
                    )
        finally:
            if left := list(coming):
                self.begin()
                self.due = left + self.due
