"""The longest of many queues whose lengths change often."""

import heapq
import itertools
from collections.abc import Callable, Collection
from typing import Final, Generic, TypeVar

T = TypeVar("T")

_SLACK: Final = 64
"""Outdated entries that are worth no clearing up."""


class LongestFirst(Generic[T]):
    """Finds it without looking at all of them.

    Each entry of the heap is what a queue once was. One that has shrunk is put right when it is
    met; one that grows gets another entry. So the first entry that is true is the longest.
    """

    def __init__(self, items: Collection[T], length_of: Callable[[T], int]) -> None:
        """`length_of` gives 0 for what is no queue any more; the `items` are those that are now."""
        self._length_of = length_of
        self._serials = itertools.count()
        self._heap: list[tuple[int, int, T]] = []
        self._rebuild(items)

    def note_longer(self, item: T, items: Collection[T]) -> None:
        """`item`, of `items`, is new or has grown."""
        heapq.heappush(self._heap, (-self._length_of(item), next(self._serials), item))
        if len(self._heap) > 2 * len(items) + _SLACK:
            self._rebuild(items)

    def longest(self) -> T:
        """The longest. There must be one with a length above 0."""
        while True:
            length, serial, item = self._heap[0]
            now = -self._length_of(item)
            if now == length:
                return item
            if now == 0:
                heapq.heappop(self._heap)
            else:
                heapq.heapreplace(self._heap, (now, serial, item))

    def _rebuild(self, items: Collection[T]) -> None:
        self._heap = [(-self._length_of(each), next(self._serials), each) for each in items]
        heapq.heapify(self._heap)
