"""A peer that takes nothing of what is sent to it."""

from collections.abc import Callable
from typing import Final

from duologue.connection.event_loop import LATE_S, Loop, Timer
from duologue.limits import Limits

LOOKS: Final = 4
"""How often within `write_timeout_s` it is looked whether something was taken."""


class WriteWatch:
    """Ends a connection of which the other side has taken nothing for `write_timeout_s`.

    It watches while the gate is shut: below that nobody waits for the other side. What the system
    and TLS hold counts as taken, so progress is seen in steps of up to some 100 KiB.
    """

    __slots__ = (
        "_give_up",
        "_last_taken_s",
        "_loop",
        "_next_due_s",
        "_timeout_s",
        "_timer",
        "_to_be_taken",
        "_unsent",
        "written_bytes",
    )

    def __init__(
        self, limits: Limits, loop: Loop, unsent: Callable[[], int], give_up: Callable[[], None]
    ) -> None:
        """`unsent` tells how many bytes wait; `give_up` ends the connection."""
        self.written_bytes = 0
        """To be added to with what is written, while it watches."""
        self._timeout_s = limits.write_timeout_s
        self._loop = loop
        self._unsent = unsent
        self._give_up = give_up
        self._timer: Timer | None = None
        self._last_taken_s = self._next_due_s = 0.0
        self._to_be_taken = 0
        """What would wait now if nothing had been taken, less what was written since."""

    def start(self) -> None:
        """The gate was shut. Once it watches, this does nothing."""
        if self._timer is None:
            self._note_taken(self._loop.time())
            self._arm()

    def stop(self) -> None:
        """The gate was opened, or the connection is closing."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _note_taken(self, now_s: float) -> None:
        self._last_taken_s = now_s
        self._to_be_taken = self._unsent()
        self.written_bytes = 0

    def _arm(self) -> None:
        now_s = self._loop.time()
        look_s = self._timeout_s / LOOKS
        self._next_due_s = min(now_s + look_s, self._last_taken_s + self._timeout_s)
        self._timer = self._loop.call_later(self._next_due_s - now_s, self._look)

    def _look(self) -> None:
        self._timer = None
        now_s = self._loop.time()
        # When this process stood still, the other side could not show that it takes anything.
        stood_still = now_s - self._next_due_s >= LATE_S
        if stood_still or self._unsent() < self._to_be_taken + self.written_bytes:
            self._note_taken(now_s)
        if now_s - self._last_taken_s >= self._timeout_s:
            self._give_up()
        else:
            self._arm()
