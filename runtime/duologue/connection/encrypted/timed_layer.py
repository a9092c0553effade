"""A layer that waits for a time."""

import asyncio
from abc import abstractmethod

from duologue.connection.base import Connection, ConnectionState
from duologue.connection.event_loop import Loop, Timer
from duologue.connection.layer import Layer
from duologue.errors import DuologueError


class TimedLayer(Layer):
    """A layer with one timer, at most, that never outlives the open connection.

    Subclasses set it with `_call_in`; messages do not touch it, unless a subclass says so.
    """

    def __init__(self, carrier: Connection, loop: Loop | None) -> None:
        super().__init__(carrier)
        self._loop = loop or asyncio.get_running_loop()
        self._timer: Timer | None = None
        """Set while the time runs."""

    @abstractmethod
    def _on_time(self) -> None:
        """For subclasses: the time is over, and `_timer` is None again."""

    def _call_in(self, delay_s: float) -> None:
        """Let `_on_time` be called after `delay_s`; only while no time runs."""
        self._timer = self._loop.call_later(max(delay_s, 0), self._fire)

    def _fire(self) -> None:
        self._timer = None
        self._on_time()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _on_carrier_state(self, state: ConnectionState) -> None:
        if state is not ConnectionState.OPEN:
            self._stop_timer()
        super()._on_carrier_state(state)

    def _end(self, code: int, reason: str, failure: DuologueError | None = None) -> None:
        self._stop_timer()
        super()._end(code, reason, failure)
