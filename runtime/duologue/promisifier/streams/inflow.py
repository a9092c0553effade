"""How much of incoming streams may wait unread, and what happens above that.

The base profile has no flow control between peers: the only way to slow a sender is not to read
from the connection (base profile 7.5). That holds up everything behind the stream, so it is done
only while no own call waits for an answer, and never for long.
"""

import asyncio
from collections.abc import Callable

from duologue.limits import Limits


class Inflow:
    """Counts unread bytes; pauses and resumes the reading of the connection.

    `others_wait` tells whether an own call waits for its answer. `on_stall` is called when a reader
    has kept the connection unread for too long, or too much has piled up; it must free the buffer.
    """

    def __init__(
        self,
        limits: Limits,
        *,
        pause: Callable[[], None],
        resume: Callable[[], None],
        others_wait: Callable[[], bool],
        on_stall: Callable[[], None],
    ) -> None:
        self._limits = limits
        self._pause = pause
        self._resume = resume
        self._others_wait = others_wait
        self._on_stall = on_stall
        self._loop = asyncio.get_running_loop()
        self.is_paused = False
        """Whether the connection is not being read."""
        self._unread_bytes = 0
        self._stall_timer: asyncio.TimerHandle | None = None

    def put(self, size: int) -> None:
        """`size` bytes have come for a stream."""
        self._unread_bytes += size
        if not self.is_paused and self._is_too_much():
            self.is_paused = True
            self._pause()
            self._stall_timer = self._loop.call_later(
                self._limits.stream_stall_timeout_s, self._stall
            )

    def taken(self, size: int) -> None:
        """A reader has taken `size` bytes, or discarded them."""
        self._unread_bytes -= size
        self.look_again()

    def look_again(self) -> None:
        """Read on if that is right now; to be called when a call has been made."""
        if self.is_paused and not self._is_too_much():
            self._end_pause()

    def end(self) -> None:
        """The connection is closed: there is nothing to pause, and nobody to tell."""
        self._leave_pause()
        self._pause = self._resume = self._on_stall = _ignore

    def _leave_pause(self) -> None:
        self.is_paused = False
        if self._stall_timer is not None:
            self._stall_timer.cancel()
            self._stall_timer = None

    def _is_too_much(self) -> bool:
        if self._others_wait():
            return self._unread_bytes > self._limits.max_stream_backlog_bytes
        return self._unread_bytes > self._limits.max_stream_buffer_bytes

    def _end_pause(self) -> None:
        self._leave_pause()
        self._resume()

    def _stall(self) -> None:
        self._on_stall()
        if self.is_paused:
            self._end_pause()


def _ignore() -> None:
    pass
