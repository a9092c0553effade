"""How often something may happen, counted for each of many keys. Pure: time is an argument."""

import math
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

K = TypeVar("K", bound=Hashable)

MAX_KEYS: Final = 50_000
"""Keys remembered at once, some 10 MB. Above it those are forgotten that are not in debt, then the
oldest."""


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at_s: float


@dataclass(frozen=True, slots=True)
class _Count:
    had: float
    at_s: float


class Rate(Generic[K]):
    """At most `burst` at once and `per_s` in the long run, for each key by itself."""

    def __init__(self, per_s: float, burst: float, *, max_keys: int = MAX_KEYS) -> None:
        self._per_s = per_s
        self._burst = max(1.0, burst)
        self._max_keys = max_keys
        self._buckets: dict[K, _Bucket] = {}

    def take(self, key: K, now_s: float, *, leaving: float = 0.0) -> bool:
        """Count one more; False, and not counted, if that would be too many.

        `leaving` is the part of the rest of the burst, below 1, that must be left afterwards.
        """
        bucket = self._buckets.get(key)
        if bucket is None:
            if len(self._buckets) >= self._max_keys:
                self._make_room(now_s)
            bucket = self._buckets[key] = _Bucket(self._burst, now_s)
        self._refill(bucket, now_s)
        if bucket.tokens < 1 + leaving * (self._burst - 1):
            return False
        bucket.tokens -= 1
        return True

    def has(self, key: K) -> bool:
        """Whether one could have been taken at the last try."""
        bucket = self._buckets.get(key)
        return bucket is None or bucket.tokens >= 1

    def give_back(self, key: K) -> None:
        """Uncount one."""
        bucket = self._buckets.get(key)
        if bucket is not None:
            bucket.tokens = min(self._burst, bucket.tokens + 1)

    def __len__(self) -> int:
        return len(self._buckets)

    def _refill(self, bucket: _Bucket, now_s: float) -> None:
        bucket.tokens = min(self._burst, bucket.tokens + (now_s - bucket.at_s) * self._per_s)
        bucket.at_s = now_s

    def _make_room(self, now_s: float) -> None:
        full_after_s = self._burst / self._per_s
        idle = [key for key, each in self._buckets.items() if now_s - each.at_s >= full_after_s]
        # A tenth at a time, or a flood of new keys would come here for each of them.
        for key in idle or list(self._buckets)[: max(1, self._max_keys // 10)]:
            del self._buckets[key]


FORGOTTEN_HALF_LIVES: Final = 8
"""After so many, nothing is left of a count that anybody would miss."""


class Usage(Generic[K]):
    """How much each key has had lately: counts that are halved every `half_life_s`."""

    def __init__(self, half_life_s: float, *, max_keys: int = MAX_KEYS) -> None:
        self._half_life_s = half_life_s
        self._max_keys = max_keys
        self._counts: dict[K, _Count] = {}
        """The longest unused first: of these least is left, and they are forgotten first."""

    def of(self, key: K, now_s: float) -> float:
        """What is left of what `key` has had."""
        count = self._counts.get(key)
        if count is None:
            return 0.0
        return count.had * math.exp2((count.at_s - now_s) / self._half_life_s)

    def add(self, key: K, now_s: float, count: float = 1.0) -> None:
        """It has had one more, or so much."""
        had = self.of(key, now_s) + count
        self._counts.pop(key, None)
        self._forget(now_s)
        self._counts[key] = _Count(had, now_s)

    def __len__(self) -> int:
        return len(self._counts)

    def _forget(self, now_s: float) -> None:
        long_ago_s = now_s - FORGOTTEN_HALF_LIVES * self._half_life_s
        while self._counts:
            oldest = next(iter(self._counts))
            if len(self._counts) < self._max_keys and self._counts[oldest].at_s > long_ago_s:
                return
            del self._counts[oldest]
