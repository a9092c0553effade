"""Where writers wait while much is buffered."""

import asyncio
from collections.abc import Callable
from typing import Final

from duologue.connection.event_loop import Loop

PAUSE_ABOVE_BYTES: Final = 32_768
"""Writers wait when more than this is buffered. With the chunk of a stream that made it so, no more
than 65,536 bytes are; a thousand peers that read nothing are owed 64 MiB at most."""

RESUME_BELOW_BYTES: Final = 8_192
"""Writers go on when less than this is left (base profile 7.5)."""


class DrainGate:
    """Open at first. While it is shut, writers wait; opening it lets all of them go."""

    __slots__ = ("_callbacks", "_loop", "_waiters", "is_shut", "on_unsent")

    def __init__(self, loop: Loop | None = None) -> None:
        """Without `loop` it is the one that runs when it is needed."""
        self.is_shut = False
        self.on_unsent: Callable[[int], None] | None = None
        """Told of the bytes that are unsent when they have become more and the gate is shut; of 0
        when it opens. It belongs to whoever counts them for many connections."""
        self._loop = loop
        self._waiters: list[asyncio.Future[None]] = []
        self._callbacks: list[Callable[[], object]] = []

    def shut(self, unsent_bytes: int = 0) -> None:
        """Make later writers wait. So much is unsent; while it is shut, told anew with more."""
        self.is_shut = True
        if self.on_unsent is not None:
            self.on_unsent(unsent_bytes)

    def open(self) -> None:
        """Let everybody go."""
        if self.is_shut and self.on_unsent is not None:
            self.on_unsent(0)
        self.is_shut = False
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            self._call_soon(callback)

    async def wait(self) -> None:
        """Return once the gate is open."""
        while self.is_shut:
            # A future for each waiter: cancelling one must not cancel the others.
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter

    def notify(self, callback: Callable[[], object]) -> None:
        """Call `callback` once, in a turn of the loop after the gate was opened.

        It may be shut again by then. If the connection has ended, that is final by then.
        """
        if self.is_shut:
            self._callbacks.append(callback)
        else:
            self._call_soon(callback)

    def _call_soon(self, callback: Callable[[], object]) -> None:
        (self._loop or asyncio.get_running_loop()).call_soon(callback)
