"""Deadlines of many calls with one timer: a wheel of coarse ticks.

A loop timer per call would cost more than the call's own bookkeeping, and nearly every deadline is
cancelled. Here adding and discarding are dictionary operations.
"""

import math
from heapq import heappop, heappush
from typing import Final, Generic, TypeVar

K = TypeVar("K")

TICK_S: Final = 0.01
"""How late a deadline may fire."""


class DeadlineWheel(Generic[K]):
    """Keys with a time at which they are due. Times are seconds of one monotonic clock."""

    def __init__(self) -> None:
        self._buckets: dict[int, set[K]] = {}
        self._ticks: list[int] = []

    def add(self, key: K, due_s: float) -> int:
        """File `key`; the result is what `discard` wants."""
        tick = math.ceil(due_s / TICK_S)
        bucket = self._buckets.get(tick)
        if bucket is None:
            bucket = self._buckets[tick] = set()
            heappush(self._ticks, tick)
        bucket.add(key)
        return tick

    def discard(self, tick: int, key: K) -> None:
        """Forget `key`; one that is not there any more is no mistake."""
        bucket = self._buckets.get(tick)
        if bucket is not None:
            bucket.discard(key)

    def next_due_s(self) -> float | None:
        """When `expired` has something to give, or None if nothing is filed."""
        while self._ticks and not self._buckets[self._ticks[0]]:
            del self._buckets[heappop(self._ticks)]
        return self._ticks[0] * TICK_S if self._ticks else None

    def expired(self, now_s: float) -> list[K]:
        """Take out the keys that are due at `now_s`, the earliest first."""
        due: list[K] = []
        while self._ticks and self._ticks[0] * TICK_S <= now_s:
            due += self._buckets.pop(heappop(self._ticks))
        return due
