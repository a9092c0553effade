"""What a provider keeps of an event, so that who comes late or comes back misses nothing unseen.

Events of one kind are numbered from 1, all keys together, and never twice within an epoch, which is
that of one service object. A cursor is an epoch and the number of the last event one has had.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Final, Literal, NamedTuple, Protocol

from duologue.limits import MAX_EVENT_KEYS, MAX_KEPT_EVENT_BYTES

EVENT_OVERHEAD_BYTES: Final = 128
"""What an event that is kept costs beside its text."""

_SEQ: Final = itemgetter(0)

WhenFull = Literal["drop_oldest", "close"]


class Cursor(NamedTuple):
    """How far somebody has read."""

    epoch: str
    seq: int


class KeptEvent(NamedTuple):
    """One event that has happened."""

    seq: int
    key: bytes | None
    """JSON of its key; None: events of this kind have none."""
    data: bytes
    """JSON of its payload."""

    @property
    def cost_bytes(self) -> int:
        """What it takes to keep it."""
        return len(self.data) + len(self.key or b"") + EVENT_OVERHEAD_BYTES


class _Key:
    """What is kept of one key."""

    __slots__ = ("events", "forgotten_seq")

    def __init__(self, forgotten_seq: int) -> None:
        self.events: deque[KeptEvent] = deque()
        self.forgotten_seq = forgotten_seq
        """The newest of its events that is not kept any more; not older than that, at least."""


class EventLog:
    """The last events of each key. Invariant: what is not kept is known to be forgotten."""

    def __init__(
        self,
        epoch: str,
        replay: int,
        *,
        max_keys: int = MAX_EVENT_KEYS,
        max_bytes: int = MAX_KEPT_EVENT_BYTES,
    ) -> None:
        """`replay` is how many events of each key are kept."""
        self.epoch = epoch
        self.seq = 0
        """The number of the newest event."""
        self._replay = replay
        self._max_keys = max_keys
        self._max_bytes = max_bytes
        self._bytes = 0
        self._keys: OrderedDict[bytes | None, _Key] = OrderedDict()
        self._forgotten_seq = 0
        """The newest event of all keys that are forgotten themselves."""

    @property
    def cursor(self) -> Cursor:
        """That of somebody who has had everything."""
        return Cursor(self.epoch, self.seq)

    def number(self, key: bytes | None, data: bytes) -> KeptEvent:
        """An event happens for one peer alone: it has a number, and nobody gets it later."""
        self.seq += 1
        return KeptEvent(self.seq, key, data)

    def add(self, key: bytes | None, data: bytes) -> KeptEvent:
        """An event happens, for everybody."""
        self.seq += 1
        event = KeptEvent(self.seq, key, data)
        kept = self._keys.get(key)
        if kept is None:
            # It may have been forgotten before, with events of its own.
            kept = self._keys[key] = _Key(self._forgotten_seq)
            if len(self._keys) > self._max_keys:
                self._forget_key()
        else:
            self._keys.move_to_end(key)
        if self._replay:
            kept.events.append(event)
            self._bytes += event.cost_bytes
            if len(kept.events) > self._replay:
                self._forget_oldest(kept)
            while self._bytes > self._max_bytes:
                self._forget_something()
        else:
            kept.forgotten_seq = self.seq
        return event

    def last(self, key: bytes | None, count: int) -> list[KeptEvent]:
        """The last `count` events of a key; with None, of all keys, `count` of each."""
        if not count:
            return []
        return self._merged(key, lambda kept: list(kept.events)[-count:])

    def after(self, key: bytes | None, cursor: Cursor) -> tuple[list[KeptEvent], bool]:
        """What happened behind a cursor, of a key or of all (None), and whether some is missing."""
        if cursor.epoch != self.epoch:
            return [], True
        found = [self._keys[key]] if key is not None and key in self._keys else []
        if key is None:
            found = list(self._keys.values())
        forgotten = max((each.forgotten_seq for each in found), default=0)
        if key is None or not found:
            forgotten = max(forgotten, self._forgotten_seq)
        events = self._merged(key, lambda kept: [e for e in kept.events if e.seq > cursor.seq])
        return events, forgotten > cursor.seq

    def _merged(
        self, key: bytes | None, chosen: Callable[[_Key], list[KeptEvent]]
    ) -> list[KeptEvent]:
        if key is not None:
            kept = self._keys.get(key)
            return [] if kept is None else chosen(kept)
        events = [event for each in self._keys.values() for event in chosen(each)]
        # Faster than merging: they are in order already, a few at a time.
        events.sort(key=_SEQ)
        return events

    def _forget_oldest(self, kept: _Key) -> None:
        event = kept.events.popleft()
        kept.forgotten_seq = event.seq
        self._bytes -= event.cost_bytes

    def _forget_something(self) -> None:
        kept = next(iter(self._keys.values()))
        if kept.events:
            self._forget_oldest(kept)
        else:
            self._forget_key()

    def _forget_key(self) -> None:
        _, kept = self._keys.popitem(last=False)
        while kept.events:
            self._forget_oldest(kept)
        self._forgotten_seq = max(self._forgotten_seq, kept.forgotten_seq)


class EventCount(Protocol):
    """Who counts the events of many queues."""

    def add(self, event: KeptEvent) -> None:
        """It waits in one queue more."""

    def remove(self, event: KeptEvent) -> None:
        """It waits in one queue less."""


class EventQueue:
    """Events that wait for one subscriber: those it gets first, and at most `max_events` more."""

    __slots__ = ("_count", "_events", "_first", "_max_events", "_when_full", "bytes", "missed")

    def __init__(
        self,
        max_events: int,
        when_full: WhenFull,
        first: Sequence[KeptEvent] = (),
        count: EventCount | None = None,
    ) -> None:
        """`first` is what happened before it subscribed; `count` is told of all that waits."""
        self._events = deque(first)
        self._first = len(first)
        self._max_events = max_events
        self._when_full = when_full
        self.missed = 0
        """Events dropped since the last one that was taken."""
        self.bytes = sum(each.cost_bytes for each in first)
        self._count = count
        if count is not None:
            for each in first:
                count.add(each)

    def __len__(self) -> int:
        return len(self._events)

    def put(self, event: KeptEvent) -> bool:
        """One more; False if the subscriber is too slow, and is to be told so."""
        if len(self._events) - self._first >= self._max_events and not self.drop_oldest():
            return False
        self._events.append(event)
        self.bytes += event.cost_bytes
        if self._count is not None:
            self._count.add(event)
        return True

    def drop_oldest(self) -> bool:
        """Make room by the queue's policy; False if that is to end the subscription."""
        if self._when_full == "close":
            return False
        self._pop()
        self.missed += 1
        return True

    def take(self) -> tuple[KeptEvent, int]:
        """The oldest, and how many were dropped before it."""
        event = self._pop()
        if self._first:
            self._first -= 1
        missed, self.missed = self.missed, 0
        return event, missed

    def clear(self) -> None:
        """Nobody gets them any more."""
        while self._events:
            self._pop()

    def _pop(self) -> KeptEvent:
        event = self._events.popleft()
        self.bytes -= event.cost_bytes
        if self._count is not None:
            self._count.remove(event)
        return event
