"""A server's patience with a connection that is open and over which nothing comes at all."""

from collections.abc import Callable
from typing import Final

from duologue.connection.event_loop import LATE_S, Loop, Timer
from duologue.limits import Limits

PING_AFTER: Final = 0.5
"""Of `opening_silence_s`: then a ping asks, which every client answers, however quiet it is."""


class FirstSign:
    """Waits for the first bytes behind the opening handshake, whatever they are.

    After half of `opening_silence_s` it calls `ping`, after all of it `lose`, unless `stop` was
    called before.
    """

    __slots__ = ("_due_s", "_loop", "_lose", "_ping", "_timer")

    def __init__(
        self, limits: Limits, loop: Loop, *, ping: Callable[[], None], lose: Callable[[], None]
    ) -> None:
        """The connection is open now."""
        self._loop = loop
        self._ping = ping
        self._lose = lose
        self._due_s = loop.time() + limits.opening_silence_s
        self._timer: Timer | None = loop.call_later(
            PING_AFTER * limits.opening_silence_s, self._ask
        )

    def stop(self) -> None:
        """Something has come, or the connection ends."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ask(self) -> None:
        self._arm()
        self._ping()

    def _arm(self) -> None:
        self._timer = self._loop.call_later(self._due_s - self._loop.time(), self._judge)

    def _judge(self) -> None:
        if self._loop.time() - self._due_s >= LATE_S:
            # This process stood still, and what has come meanwhile may not be read yet.
            self._due_s = self._loop.time() + LATE_S
            self._arm()
            return
        self._timer = None
        self._lose()
