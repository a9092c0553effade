"""The deadlines of open calls, with one timer of the loop for all of them."""

import asyncio
import math
from collections.abc import Callable, Mapping
from typing import Any, Final

from duologue.promisifier.own_call import Call

TICK_S: Final = 0.01
"""How late a deadline may be noticed. The open calls are looked through no more often."""


class CallDeadlines:
    """Tells `on_due` of open calls whose time is over.

    Nothing is filed for a call: there are at most `max_open_calls`, nearly all are settled in time,
    and so it is cheaper to look through those that are left when the earliest might be due. A timer
    that finds nothing to wait for is not set again.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        open_calls: Mapping[float, Call[Any]],
        on_due: Callable[[Call[Any]], None],
    ) -> None:
        self._loop = loop
        self._now = loop.time
        self._open_calls = open_calls
        self._on_due = on_due
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due_s = math.inf

    @property
    def is_armed(self) -> bool:
        """Whether a timer of the loop is running."""
        return self._timer is not None

    def set(self, call: Call[Any], timeout_s: float) -> None:
        """`call`, which is open, is due `timeout_s` from now; infinity is no deadline."""
        call.timeout_s = timeout_s
        call.due_s = due_s = self._now() + timeout_s
        if due_s < self._timer_due_s:
            self._arm(due_s)

    def watch(self, call: Call[Any]) -> None:
        """`call`, which is among the open ones now, is due when it says."""
        if call.due_s < self._timer_due_s:
            self._arm(call.due_s)

    def end(self) -> None:
        """Leave neither a timer nor `on_due` behind; no call is due any more."""
        self.close()
        self._on_due = _ignore

    def close(self) -> None:
        """Leave no timer behind."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._timer_due_s = math.inf

    def _arm(self, due_s: float) -> None:
        self.close()
        self._timer_due_s = due_s
        self._timer = self._loop.call_at(due_s, self._fire)

    def _fire(self) -> None:
        self.close()
        now_s = self._loop.time()
        calls = sorted(self._open_calls.values(), key=_due_s)
        for call in calls:
            if call.due_s > now_s:
                if call.due_s < math.inf:
                    self._arm(max(call.due_s, now_s + TICK_S))
                return
            self._on_due(call)


def _due_s(call: Call[Any]) -> float:
    return call.due_s


def _ignore(_: Call[Any]) -> None:
    pass
