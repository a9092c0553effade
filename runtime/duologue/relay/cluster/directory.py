"""For which keys this node answers on the bus, and what. Pure.

A key is *announced* while the node has a spare of it, and for `linger_s` after its last spare was
used. After any other loss it is taken back at once: its listener may be gone for good.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import inf

from duologue.protocol.deadline_wheel import DeadlineWheel
from duologue.relay.cluster.bus_messages import MOST_FREE, SpareState
from duologue.relay.cluster_limits import ClusterLimits


@dataclass(frozen=True, slots=True)
class Announce:
    """Be asked for this key from now on."""

    key: bytes


@dataclass(frozen=True, slots=True)
class TakeBack:
    """Be asked for it no more."""

    key: bytes


Change = Announce | TakeBack


class Directory:
    """The keys of one node."""

    def __init__(self, limits: ClusterLimits, look: Callable[[bytes], tuple[int, bool]]) -> None:
        """`look` tells of a key how many spares could be taken now, and whether it has all the
        pairs that it may have."""
        self.is_draining = False
        """The node takes nothing new; who asks may wait for the listeners to come elsewhere."""
        self._limits = limits
        self._look = look
        self._present: set[bytes] = set()
        self._lingering: dict[bytes, int] = {}
        """With the tick of the end."""
        self._ends: DeadlineWheel[bytes] = DeadlineWheel()

    def __len__(self) -> int:
        return len(self._present) + len(self._lingering)

    def __iter__(self) -> Iterator[bytes]:
        yield from self._present
        yield from self._lingering

    def gain(self, key: bytes) -> list[Change]:
        """The node has a first spare of this key."""
        self._present.add(key)
        return [] if self._stop_lingering(key) else [Announce(key)]

    def lose(self, key: bytes, now_s: float, *, comes_back: bool) -> list[Change]:
        """It has none any more. `comes_back`: it was used, so its listener will register anew."""
        if key not in self._present:
            return []
        self._present.discard(key)
        if not comes_back:
            return [TakeBack(key)]
        self._lingering[key] = self._ends.add(key, now_s + self._limits.linger_s)
        return []

    def answer(self, key: bytes) -> tuple[SpareState, int] | None:
        """What to say of this key, and how many spares are free; None: nothing at all."""
        if key in self._lingering:
            return SpareState.REFILLING, 0
        if key not in self._present:
            return None
        free, is_full = self._look(key)
        if self.is_draining or (free == 0 and not is_full):
            return SpareState.REFILLING, 0
        if is_full:
            return SpareState.FULL, 0
        return SpareState.FREE, min(free, MOST_FREE)

    @property
    def due_s(self) -> float:
        """When `due` has something to do."""
        due_s = self._ends.next_due_s()
        return inf if due_s is None else due_s

    def due(self, now_s: float) -> list[Change]:
        """Take back what has lingered long enough."""
        changes: list[Change] = []
        for key in self._ends.expired(now_s):
            del self._lingering[key]
            changes.append(TakeBack(key))
        return changes

    def _stop_lingering(self, key: bytes) -> bool:
        tick = self._lingering.pop(key, None)
        if tick is None:
            return False
        self._ends.discard(tick, key)
        return True
