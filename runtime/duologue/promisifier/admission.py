"""How many of the other side's calls run at once, and what becomes of the others."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from duologue.errors import LimitExceeded
from duologue.limits import Limits
from duologue.promisifier.served_call import ServedCall
from duologue.protocol.parcels import size_of

CallT = TypeVar("CallT", bound=ServedCall[Any])


class Admission(Generic[CallT]):
    """Lets calls run, wait in line, or be turned away.

    A call runs from `began` until `ended`, whatever it does with a cancellation. Those that find
    no room wait, the oldest first, within `max_waiting_calls` and `max_waiting_bytes`. `start` is
    given each call that has waited, in its turn.
    """

    def __init__(self, limits: Limits, start: Callable[[CallT], None]) -> None:
        self.running = 0
        """Calls that have begun and not ended."""
        self.room = limits.max_running_calls
        """A new call starts at once while fewer than these run; 0 once the door is shut."""
        self.is_shut = False
        """Whether new calls are refused: this side is going away."""
        self._limits = limits
        self._start = start
        self._waiting: deque[CallT] = deque()
        self._waiting_bytes = 0
        self._is_starting = False
        self._idle: asyncio.Future[None] | None = None

    def began(self) -> None:
        """A call runs from now on."""
        self.running += 1

    def ended(self) -> None:
        """One that ran has ended: the next may have its place."""
        self.running -= 1
        # One that ends at once comes back here: one loop starts them all, no recursion.
        if not self._is_starting:
            self._is_starting = True
            try:
                while self._waiting and self.running < self._limits.max_running_calls:
                    self._start(self._take(self._waiting.popleft()))
            finally:
                self._is_starting = False
        if not self.running and not self._waiting:
            self._tell_idle()

    def wait(self, call: CallT) -> None:
        """Let a call wait until there is room.

        Raises:
            LimitExceeded: too many wait, or what they hold is too large.
        """
        limits = self._limits
        size = size_of(call.request.args or b"")
        if len(self._waiting) >= limits.max_waiting_calls:
            raise LimitExceeded("max_waiting_calls", limits.max_waiting_calls)
        if self._waiting_bytes + size > limits.max_waiting_bytes:
            raise LimitExceeded("max_waiting_bytes", limits.max_waiting_bytes)
        self._waiting.append(call)
        self._waiting_bytes += size

    def withdraw(self, request_id: int) -> CallT | None:
        """Take a call out of the line: its caller has given up. None if it does not wait."""
        for call in self._waiting:
            if call.request.request_id == request_id:
                self._waiting.remove(call)
                return self._take(call)
        return None

    def shut(self) -> None:
        """Let no new call run or wait; those that do go on."""
        self.is_shut = True
        self.room = 0

    async def idle(self, timeout_s: float) -> list[CallT]:
        """Wait, at most so long, until none runs or waits; returns those that still wait.

        They wait no more.
        """
        if self.running or self._waiting:
            self._idle = self._idle or asyncio.get_running_loop().create_future()
            await asyncio.wait([self._idle], timeout=timeout_s)
        waiting = list(self._waiting)
        self.close()
        return waiting

    def close(self) -> None:
        """Forget what waits."""
        self._waiting.clear()
        self._waiting_bytes = 0
        self._tell_idle()

    def _take(self, call: CallT) -> CallT:
        self._waiting_bytes -= size_of(call.request.args or b"")
        return call

    def _tell_idle(self) -> None:
        if self._idle is not None and not self._idle.done():
            self._idle.set_result(None)
