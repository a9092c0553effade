"""The deadlines of open calls, with one timer of the loop for all of them."""

import asyncio
import math
from collections.abc import Callable
from typing import Any

from duologue.promisifier.call import Call
from duologue.protocol.deadlines import DeadlineWheel


class CallDeadlines:
    """Tells `on_due` of calls whose time is over. The timer exists only while needed."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, on_due: Callable[[Call[Any]], None]
    ) -> None:
        self._loop = loop
        self._on_due = on_due
        self._wheel: DeadlineWheel[Call[Any]] = DeadlineWheel()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due_s = 0.0

    @property
    def is_armed(self) -> bool:
        """Whether a timer of the loop is running."""
        return self._timer is not None

    def set(self, call: Call[Any], timeout_s: float) -> None:
        """`call` is due `timeout_s` from now; infinity is no deadline."""
        due_s = self._loop.time() + timeout_s
        if due_s == math.inf:
            return
        call.timeout_s = timeout_s
        call.tick = self._wheel.add(call, due_s)
        if self._timer is None or due_s < self._timer_due_s:
            self._arm()

    def forget(self, call: Call[Any]) -> None:
        """`call` is settled, or was never due."""
        if call.tick >= 0:
            self._wheel.discard(call.tick, call)
            call.tick = -1

    def end(self) -> None:
        """Leave neither a timer nor `on_due` behind; no call is due any more."""
        self.close()
        self._on_due = _ignore

    def close(self) -> None:
        """Leave no timer behind."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        self.close()
        due_s = self._wheel.next_due_s()
        if due_s is not None:
            self._timer_due_s = due_s
            self._timer = self._loop.call_at(due_s, self._fire)

    def _fire(self) -> None:
        self._timer = None
        for call in self._wheel.expired(self._loop.time()):
            call.tick = -1
            self._on_due(call)
        self._arm()


def _ignore(_: Call[Any]) -> None:
    pass
