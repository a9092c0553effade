"""The deadlines of open calls, with one timer of the loop for all of them."""

import asyncio
import math
from collections.abc import Callable, Iterable
from typing import Final, Generic, Protocol, TypeVar

TICK_S: Final = 0.01
"""How late a deadline may be noticed. The open calls are looked through no more often."""


class HasDueTime(Protocol):
    """What may be late: a call."""

    due_s: float
    """When its time is over, by the loop's clock; infinity: never."""


CallT = TypeVar("CallT", bound=HasDueTime)


class Deadlines(Generic[CallT]):
    """Tells `on_due` of open calls whose time is over; `open_calls` gives them when it is asked.

    Nothing is filed for a call: there are at most `max_open_calls`, nearly all are settled in time,
    and so it is cheaper to look through those that are left when the earliest might be due. A timer
    that finds nothing to wait for is not set again. `on_due` leaves none open that is still due.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        open_calls: Callable[[], Iterable[CallT]],
        on_due: Callable[[CallT], None],
    ) -> None:
        self._loop = loop
        self._open_calls = open_calls
        self._on_due = on_due
        self._timer: asyncio.TimerHandle | None = None
        self.timer_due_s = math.inf
        """When the timer is due. Who makes calls by the thousand looks here before `watch`."""

    @property
    def is_armed(self) -> bool:
        """Whether a timer of the loop is running."""
        return self._timer is not None

    def watch(self, call: CallT) -> None:
        """`call`, which is among the open ones now, is due when it says."""
        if call.due_s < self.timer_due_s:
            self.arm(call.due_s)

    def arm(self, due_s: float) -> None:
        """Look through the open calls at `due_s`, by the loop's clock."""
        self.close()
        self.timer_due_s = due_s
        self._timer = self._loop.call_at(due_s, self._fire)

    def end(self) -> None:
        """Leave neither a timer nor `on_due` behind; no call is due any more."""
        self.close()
        self._on_due = _ignore

    def close(self) -> None:
        """Leave no timer behind."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.timer_due_s = math.inf

    def _fire(self) -> None:
        self.close()
        now_s = self._loop.time()
        calls = sorted(self._open_calls(), key=_due_s)
        for call in calls:
            if call.due_s > now_s:
                if call.due_s < math.inf:
                    self.arm(max(call.due_s, now_s + TICK_S))
                return
            self._on_due(call)


def _due_s(call: HasDueTime) -> float:
    return call.due_s


def _ignore(_: HasDueTime) -> None:
    pass
