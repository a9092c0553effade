"""Where writers wait while much is buffered."""

import asyncio
from typing import Final

PAUSE_ABOVE_BYTES: Final = 262_144
"""Writers wait when more than this is buffered (base profile 7.5)."""

RESUME_BELOW_BYTES: Final = 8_192
"""Writers go on when less than this is left (base profile 7.5)."""


class DrainGate:
    """Open at first. While it is shut, `wait` waits; opening it lets all waiters go."""

    __slots__ = ("_waiters", "is_shut")

    def __init__(self) -> None:
        self.is_shut = False
        self._waiters: list[asyncio.Future[None]] = []

    def shut(self) -> None:
        """Make later waiters wait."""
        self.is_shut = True

    def open(self) -> None:
        """Let everybody go."""
        self.is_shut = False
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def wait(self) -> None:
        """Return once the gate is open."""
        while self.is_shut:
            # A future for each waiter: cancelling one must not cancel the others.
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter
