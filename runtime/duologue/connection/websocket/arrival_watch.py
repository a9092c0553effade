"""A message that has begun to come and does not go on."""

from collections.abc import Callable
from typing import Final

from duologue.connection.event_loop import LATE_S, Loop, Timer
from duologue.errors import LimitExceeded
from duologue.limits import Limits

PROGRESS_BYTES: Final = 65_536
"""What has to come within `fragment_timeout_s`, as with encrypted fragments (PROTOCOL 6.8)."""


class ArrivalWatch:
    """Ends a connection on which a message has begun, if its rest is late.

    Silence is judged after `message_stall_timeout_s`, a trickle after `fragment_timeout_s`. One
    timer serves both; there is none unless a message is unfinished, and bytes that come do not
    touch it, they only note the time.
    """

    __slots__ = (
        "_give_up",
        "_last_s",
        "_limits",
        "_loop",
        "_received_bytes",
        "_start_s",
        "_timer",
        "_timer_due_s",
    )

    def __init__(
        self, limits: Limits, loop: Loop, give_up: Callable[[LimitExceeded], None]
    ) -> None:
        self._limits = limits
        self._loop = loop
        self._give_up = give_up
        self._timer: Timer | None = None
        self._timer_due_s = 0.0
        self._last_s = 0.0
        """When something last came."""
        self._start_s = 0.0
        """Since when `_received_bytes` are counted."""
        self._received_bytes = 0

    @property
    def is_watching(self) -> bool:
        """Whether there is an unfinished message, as far as is known here."""
        return self._timer is not None

    def note(self, received_bytes: int, *, is_new: bool) -> None:
        """Say that so much has come and a message is unfinished.

        It is a new one if another has ended, or if it was not read on until now.
        """
        now_s = self._last_s = self._loop.time()
        self._received_bytes += received_bytes
        if is_new or self._timer is None or self._received_bytes >= PROGRESS_BYTES:
            self._start_s = now_s
            self._received_bytes = 0
        if self._timer is None:
            self._arm()

    def stop(self) -> None:
        """Say that no message is unfinished any more, or that this side reads nothing."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        self._timer_due_s = min(
            self._last_s + self._limits.message_stall_timeout_s,
            self._start_s + self._limits.fragment_timeout_s,
        )
        self._timer = self._loop.call_later(self._timer_due_s - self._loop.time(), self._judge)

    def _judge(self) -> None:
        self._timer = None
        now_s = self._loop.time()
        if now_s - self._timer_due_s >= LATE_S:
            # This process stood still, and what has come meanwhile may not be read yet.
            self._last_s = self._start_s = now_s
        limits = self._limits
        if now_s - self._last_s >= limits.message_stall_timeout_s:
            self._give_up(LimitExceeded("message_stall_timeout_s", limits.message_stall_timeout_s))
        elif now_s - self._start_s >= limits.fragment_timeout_s:
            self._give_up(LimitExceeded("fragment_timeout_s", limits.fragment_timeout_s))
        else:
            self._arm()
