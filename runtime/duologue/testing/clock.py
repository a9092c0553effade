"""A clock that can be set forward: deadlines and pauses without waiting for them."""

import asyncio
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final

STEP_S: Final = 0.25
"""How far the clock goes at once: less than what passes for a stall of the program."""

TURNS_PER_STEP: Final = 4
"""Turns of the loop after each step, for what is due to be done."""


class Clock:
    """Sets the time of the running event loop forward; made by `stepped_clock`."""

    def __init__(self) -> None:
        self._ahead_s = 0.0

    def ahead_of(self, time: Callable[[], float]) -> Callable[[], float]:
        """`time`, as far ahead as this clock has been set."""
        return lambda: time() + self._ahead_s

    async def advance(self, seconds: float) -> None:
        """Let `seconds` pass at once; what falls due in them happens, in its order.

        Raises:
            ValueError: `seconds` is negative.
        """
        if seconds < 0:
            raise ValueError(f"a clock goes forward, not by {seconds:g} s")
        due_s = self._ahead_s + seconds
        while self._ahead_s < due_s:
            self._ahead_s = min(self._ahead_s + STEP_S, due_s)
            for _ in range(TURNS_PER_STEP):
                await asyncio.sleep(0)


@contextmanager
def stepped_clock() -> Generator[Clock]:
    """A clock for the running event loop, which goes as usual again when the block is left.

    Deadlines, pauses and pulses of both ends of a conversation in memory go by it; so does
    `asyncio.sleep`. Sockets and other processes do not.

    Raises:
        RuntimeError: no event loop runs, or it is not asyncio's own.
    """
    loop = asyncio.get_running_loop()
    if not isinstance(loop, asyncio.BaseEventLoop):
        raise RuntimeError(f"the time of {type(loop).__name__} cannot be set; use asyncio's loop")
    clock = Clock()
    # The loop asks itself for the time, before each look at what is due.
    loop.time = clock.ahead_of(loop.time)  # type: ignore[method-assign]
    try:
        yield clock
    finally:
        del loop.time
