"""Streams of which nothing comes any more, though their calls have a deadline."""

import math
from collections.abc import Callable

from duologue.connection.event_loop import LATE_S, Loop, Timer


class SilenceWatch:
    """Tells `on_silent` of each stream that was silent for too long.

    Time in which the connection was not read is not counted: see `note_reading`. One timer for all
    streams; what comes only notes the time.
    """

    def __init__(self, loop: Loop, on_silent: Callable[[int, float], None]) -> None:
        self._loop = loop
        self._on_silent = on_silent
        self._heard_s: dict[int, float] = {}
        self._patience_s: dict[int, float] = {}
        self._reading_since_s = -math.inf
        """Infinity while the connection is not read."""
        self._timer: Timer | None = None
        self._timer_due_s = 0.0

    def note(self, request_id: int, patience_s: float) -> None:
        """Something has come of a stream that may be silent for so long."""
        self._heard_s[request_id] = self._loop.time()
        self._patience_s[request_id] = patience_s
        if self._timer is None or self._timer_due_s > self._heard_s[request_id] + patience_s:
            self._arm()

    def forget(self, request_id: int) -> None:
        """The stream is over."""
        self._heard_s.pop(request_id, None)
        self._patience_s.pop(request_id, None)

    def note_reading(self, is_reading: bool) -> None:
        """The connection is read from now on, or is not."""
        self._reading_since_s = self._loop.time() if is_reading else math.inf

    def end(self) -> None:
        """Leave no timer behind, and tell nobody any more."""
        self._heard_s.clear()
        self._patience_s.clear()
        self._on_silent = _ignore
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _due_s(self, request_id: int) -> float:
        since_s = max(self._heard_s[request_id], self._reading_since_s)
        return since_s + self._patience_s[request_id]

    def _arm(self) -> None:
        now_s = self._loop.time()
        # While nothing is read nobody is due: look again when somebody might have become so.
        due_s = min(
            (
                now_s + self._patience_s[each] if due_s == math.inf else due_s
                for each in self._heard_s
                for due_s in (self._due_s(each),)
            ),
            default=math.inf,
        )
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if due_s < math.inf:
            self._timer_due_s = due_s
            self._timer = self._loop.call_later(due_s - now_s, self._judge)

    def _judge(self) -> None:
        self._timer = None
        now_s = self._loop.time()
        if now_s - self._timer_due_s >= LATE_S:
            self._reading_since_s = max(self._reading_since_s, now_s)
        for request_id in [each for each in self._heard_s if self._due_s(each) <= now_s]:
            patience_s = self._patience_s[request_id]
            self.forget(request_id)
            self._on_silent(request_id, patience_s)
        self._arm()


def _ignore(*_: object) -> None:
    pass
