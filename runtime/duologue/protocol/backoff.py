"""How long to wait before the next try. Pure: clock and chance are arguments."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from math import inf, isfinite
from typing import Final

from duologue.arguments import refuse
from duologue.errors import DuologueError, HttpRefused, HttpUnavailable

MAX_TRIES: Final = 6
"""Tries of one client within `TRIES_WINDOW_S`. Chance alone would give one client in ten more."""

TRIES_WINDOW_S: Final = 30.0

QUICK_TRIES: Final = 4
"""Pauses before the first tries are at most twice the first one, so that a server that was away for
three seconds is found within two; only then they double."""

HASTE_S: Final = 1.0
"""So long after a try a call may make the next one come."""

STEADY_S: Final = 30.0
"""A connection that lived so long was a success; losing it later starts the waiting times anew."""

MAX_WISHED_PAUSE_S: Final = 60.0
"""What `Retry-After` and `goaway` can make us wait. More would be somebody else's power over this
program."""

MAX_DOUBLINGS: Final = 60
"""More would only make large numbers."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long a peer pauses before it tries to connect again.

    The first pause is at most `first_s`, the next three are at most twice that; then they double
    with each failure in a row, up to `max_s`. All in seconds. With `jitter` 1 each pause is random
    (the first from nothing on, the others from half their length on), with 0 each has its full
    length. Leave it at 1 wherever many peers use one server: what they lose together, they would
    try again together.

    Whatever it says, a peer tries no more than six times in 30 s.

    Raises:
        ValueError: a pause is not above 0, `max_s` is below `first_s`, or `jitter` not in 0 to 1.
    """

    first_s: float = 1.0
    max_s: float = 30.0
    jitter: float = 1.0

    def __post_init__(self) -> None:
        for name in ("first_s", "max_s", "jitter"):
            value: object = getattr(self, name)
            if not isinstance(value, int | float):
                refuse(f"Backoff.{name}", value, "a number")
        if not (0 < self.first_s <= self.max_s and isfinite(self.max_s)):
            raise ValueError(
                f"Backoff needs 0 < first_s <= max_s, but they are {self.first_s!r} and "
                f"{self.max_s!r}"
            )
        if not 0 <= self.jitter <= 1:
            raise ValueError(f"Backoff.jitter must be from 0 to 1 but is {self.jitter!r}")

    def pause_s(self, failures: int, chance: Callable[[], float]) -> float:
        """Before the next try after so many failures in a row; `chance` gives 0 up to 1."""
        doublings = min(failures - 1, 1)
        if failures > QUICK_TRIES:
            doublings = min(failures - QUICK_TRIES + 1, MAX_DOUBLINGS)
        longest_s = min(self.first_s * 2.0**doublings, self.max_s)
        # Of the first, everybody knows in the same moment: it is spread most.
        shortest_s = 0.0 if failures <= 1 else longest_s / 2
        return longest_s - self.jitter * (1.0 - chance()) * (longest_s - shortest_s)


class Tries:
    """When one client tries again: as `Backoff` says, never above `MAX_TRIES` in `TRIES_WINDOW_S`.

    The first try is not at once either: whoever was connected to a server that is restarted learns
    of it in the same moment as everybody else.
    """

    def __init__(self, backoff: Backoff, chance: Callable[[], float]) -> None:
        self._backoff = backoff
        self._chance = chance
        self._failures = 0
        """Losing a connection is one too."""
        self._tries: deque[float] = deque(maxlen=MAX_TRIES)
        self._not_before_s = -inf
        self._haste_from_s = -inf

    def next_try_s(self, now_s: float) -> float:
        """When to try next, by the clock that `now_s` was read from.

        To be asked once when a connection was lost, and once after each try that failed.
        """
        self._failures += 1
        pause_s = self._backoff.pause_s(self._failures, self._chance)
        due_s = now_s + pause_s
        earliest_s = max(self._not_before_s, self._room_from_s(0))
        if due_s >= earliest_s:
            return due_s
        # Whoever lost the same server meets the same bound in the same moment.
        return earliest_s + self._backoff.jitter * self._chance() * pause_s

    def begin(self, now_s: float) -> None:
        """A try begins."""
        self._tries.append(now_s)
        # Calls are made all the time: without chance, peers that were cut off together would come
        # back together, each time a second has passed.
        self._haste_from_s = now_s + HASTE_S * (1 + self._chance())

    def may_hasten(self, now_s: float, *, others_wait: bool) -> bool:
        """Whether a call that is made now, without a connection, makes the next try come at once.

        If `others_wait` already, those have had their try: it may not use up the last ones of the
        window, which are worth more later.
        """
        if others_wait:
            due_s = max(self._haste_from_s, self._room_from_s(MAX_TRIES - QUICK_TRIES))
        else:
            due_s = max(self._tries[-1] + HASTE_S if self._tries else -inf, self._room_from_s(0))
        return now_s >= max(due_s, self._not_before_s)

    def wait_for(self, seconds: float, now_s: float) -> None:
        """The next try comes no sooner, for whatever reason."""
        self._not_before_s = now_s + seconds

    def note_life(self, seconds: float) -> None:
        """A connection has lasted so long: long enough, and what was before is forgotten."""
        if seconds >= STEADY_S:
            self._failures = 0

    def _room_from_s(self, spare: int) -> float:
        """From when on there is room for a try that leaves room for so many others."""
        held = MAX_TRIES - spare
        return self._tries[-held] + TRIES_WINDOW_S if len(self._tries) >= held else -inf


def wished_pause_s(error: DuologueError) -> float:
    """How long the other side wants us to stay away: seconds from its answer; 0 if it says nothing.

    It is obeyed up to `MAX_WISHED_PAUSE_S`, and found too where a relay could not be reached.
    """
    for answer in (error, error.__cause__):
        if isinstance(answer, HttpUnavailable | HttpRefused) and answer.retry_after_s is not None:
            return obeyed_s(answer.retry_after_s)
    return 0.0


def obeyed_s(wished_s: float) -> float:
    """How much of a wish of the other side is obeyed."""
    return min(wished_s, MAX_WISHED_PAUSE_S)
