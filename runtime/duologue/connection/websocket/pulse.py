"""A ping where there is silence, and an end where nothing comes back (RFC 6455 5.5.2)."""

from collections.abc import Callable
from typing import Final

from duologue.connection.event_loop import LATE_S, Loop, Timer
from duologue.limits import Limits

TICKS: Final = 4
"""In how many parts `keepalive_interval_s` is looked at. Messages only leave a mark and read no
clock, so when they came is known to within one tick: a ping may go so much too early, and the end
come so much too late. Of all that is rarer the moment is known."""


class Pulse:
    """Judges the silence of one connection, both ways, with one timer.

    A ping goes after `keepalive_interval_s` in which nothing was received, or nothing was sent, no
    matter whether this side reads; the connection is lost after `keepalive_timeout_s` without a
    byte, in which this side did read.
    """

    __slots__ = (
        "_interval_s",
        "_is_beating",
        "_is_reading",
        "_loop",
        "_lose",
        "_next_due_s",
        "_ping",
        "_pinged_s",
        "_read_after_s",
        "_read_before_s",
        "_ticked_s",
        "_timeout_s",
        "_timer",
        "_written_after_s",
        "has_read",
        "has_written",
    )

    def __init__(
        self,
        limits: Limits,
        loop: Loop,
        *,
        ping: Callable[[], None],
        lose: Callable[[], None],
    ) -> None:
        self.has_read = False
        """To be set with whatever is received."""
        self.has_written = False
        """To be set with whatever is sent."""
        self._interval_s = limits.keepalive_interval_s
        self._timeout_s = limits.keepalive_timeout_s
        self._loop = loop
        self._ping = ping
        self._lose = lose
        self._is_beating = False
        self._is_reading = True
        self._timer: Timer | None = None
        self._next_due_s = 0.0
        # The last byte came between these two.
        self._read_after_s = self._read_before_s = 0.0
        self._written_after_s = self._pinged_s = self._ticked_s = 0.0

    def start(self) -> None:
        """The connection is open."""
        now_s = self._loop.time()
        self._read_after_s = self._read_before_s = self._written_after_s = now_s
        self._pinged_s = self._ticked_s = now_s
        self._arm(now_s)
        self._is_beating = True

    def stop(self) -> None:
        """Silence means nothing any more."""
        self._is_beating = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def note_read(self) -> None:
        """Something was received, just now; for what is not a whole message."""
        self._read_after_s = self._read_before_s = self._loop.time()

    def note_pause(self) -> None:
        """From now on nothing is read: that nothing comes says nothing about the other side."""
        self._is_reading = False

    def note_resumption(self) -> None:
        """It is read again; silence begins now."""
        self._is_reading = True
        self._read_before_s = self._loop.time()

    def _tick(self) -> None:
        self._timer = None
        now_s = self._loop.time()
        if self.has_read:
            self.has_read = False
            self._read_after_s = max(self._read_after_s, self._ticked_s)
            self._read_before_s = now_s
        if self.has_written:
            self.has_written = False
            self._written_after_s = self._ticked_s
        self._ticked_s = now_s
        if now_s >= self._ping_due_s:
            self._ping()
            if not self._is_beating:
                return  # that has ended the connection
            self.has_written = False
            self._pinged_s = self._written_after_s = now_s
        if now_s >= self._loss_due_s:
            if now_s - self._next_due_s < LATE_S:
                self._lose()
                return
            # This process stood still: what has come meanwhile is read first.
            self._arm_at(now_s + LATE_S)
            return
        self._arm(now_s)

    @property
    def _ping_due_s(self) -> float:
        silent_s = min(self._read_after_s, self._written_after_s)
        return max(silent_s, self._pinged_s) + self._interval_s

    @property
    def _loss_due_s(self) -> float:
        return self._read_before_s + self._timeout_s if self._is_reading else float("inf")

    def _arm(self, now_s: float) -> None:
        tick_due_s = now_s + self._interval_s / TICKS
        self._arm_at(min(tick_due_s, self._ping_due_s, self._loss_due_s))

    def _arm_at(self, due_s: float) -> None:
        self._next_due_s = due_s
        self._timer = self._loop.call_later(due_s - self._loop.time(), self._tick)
