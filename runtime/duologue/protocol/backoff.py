"""How long to wait before the next try. Pure: clock and chance are arguments."""

from collections import deque
from collections.abc import Callable
from typing import Final

from duologue.limits import Limits

MAX_TRIES: Final = 6
"""Tries of one client within `TRIES_WINDOW_S`. Chance alone would give one client in ten more."""

TRIES_WINDOW_S: Final = 30.0

STEADY_S: Final = 30.0
"""A connection that lived so long was a success; losing it later starts the waiting times anew."""


MAX_DOUBLINGS: Final = 60
"""More would only make large numbers."""


def full_jitter(failures: int, limits: Limits, chance: Callable[[], float]) -> float:
    """Seconds until the next try after so many failures in a row; `chance` gives 0 up to 1.

    Anything from nothing to the doubled limit: after a relay was restarted its listeners come back
    spread out, not in waves.
    """
    if failures <= 0:
        return 0.0
    longest_s = limits.reconnect_pause_s * 2.0 ** min(failures - 1, MAX_DOUBLINGS)
    return chance() * min(limits.max_reconnect_pause_s, longest_s)


class Backoff:
    """When one client tries again: full jitter, and never above `MAX_TRIES` in `TRIES_WINDOW_S`.

    The first try is not at once either: whoever was connected to a server that is restarted learns
    of it in the same moment as everybody else.
    """

    def __init__(self, limits: Limits, chance: Callable[[], float]) -> None:
        self._limits = limits
        self._chance = chance
        self._failures = 0
        """Losing a connection is one too."""
        self._tries: deque[float] = deque(maxlen=MAX_TRIES)

    def next_try_s(self, now_s: float) -> float:
        """When to try next, by the clock that `now_s` was read from.

        To be asked when a connection was lost and after each try that failed.
        """
        self._failures += 1
        due_s = now_s + full_jitter(self._failures, self._limits, self._chance)
        if len(self._tries) == MAX_TRIES:
            due_s = max(due_s, self._tries[0] + TRIES_WINDOW_S)
        self._tries.append(due_s)
        return due_s

    def note_life(self, seconds: float) -> None:
        """A connection has lasted so long: long enough, and what was before is forgotten."""
        if seconds >= STEADY_S:
            self._failures = 0
