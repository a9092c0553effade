"""Events to the subscribers at the other side of one connection."""

import contextlib
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

from duologue.connection.base import Connection
from duologue.errors import ConnectionClosed, LimitExceeded, Unimplemented
from duologue.limits import (
    MAX_REPLAYED_EVENTS_PER_S,
    MAX_SUBSCRIPTIONS,
    REPLAYED_EVENTS_AT_ONCE,
    Limits,
)
from duologue.promisifier.queued_events import QueuedEvents
from duologue.protocol.control import End, Subscribe, Subscribed, end_text, notify_text
from duologue.protocol.counters import Counters
from duologue.protocol.longest_first import LongestFirst
from duologue.protocol.replay import Cursor, EventQueue, KeptEvent, WhenFull

_TOO_SLOW: Final = End("TOO_SLOW", "events came faster than they were taken")


EVENTS_AT_ONCE: Final = 256
"""That leave over one connection in one turn of the loop: some 0.7 ms."""


class EventSource(Protocol):
    """One event of a service that is offered."""

    @property
    def name(self) -> str:
        """Of the event, for those who look on."""
        ...

    @property
    def max_waiting(self) -> int:
        """Events that may wait for one subscriber."""
        ...

    @property
    def when_full(self) -> WhenFull:
        """What happens above that."""
        ...

    def open(self, wish: Subscribe, feed: "Feed") -> tuple[list[KeptEvent], Cursor, bool]:
        """Tell `feed` of what happens from now on.

        Returns what it gets first, the cursor before that, and whether something is missing.

        Raises:
            InvalidParams: it has no keys, and is wanted for one.
        """
        ...

    def close(self, wish: Subscribe, feed: "Feed", *, is_lost: bool) -> None:
        """Tell it of nothing any more; `is_lost`: its connection is, and it may come back."""
        ...


class Feed:
    """One subscription of the other side."""

    __slots__ = ("_broadcasts", "is_over", "queue", "source", "subscription", "wish")

    def __init__(
        self, broadcasts: "Broadcasts", subscription: int, wish: Subscribe, source: EventSource
    ) -> None:
        self.subscription = subscription
        self.wish = wish
        self.source = source
        self.queue: EventQueue
        """Filled when the source is opened."""
        self.is_over = False
        self._broadcasts = broadcasts

    @property
    def peer(self) -> object:
        """Who is told."""
        return self._broadcasts.peer

    def deliver(self, event: KeptEvent) -> None:
        """An event has happened."""
        self._broadcasts.push(self, event)


class Broadcasts:
    """Gives each subscription its events in order, as fast as the connection takes them.

    One bounded queue for each; while the connection takes no more they fill, and then each follows
    its event's policy. So a slow subscriber delays nobody.
    """

    def __init__(
        self,
        peer: object,
        connection: Connection,
        limits: Limits,
        counters: Counters,
        call_soon: Callable[[Callable[[], None]], object],
        rest: Callable[[float], None],
        queued: QueuedEvents | None = None,
    ) -> None:
        """`peer` is whom the connection leads to, as services know it.

        `rest` is told for how many seconds the other side has wished for enough; `queued` counts
        the events of all peers.
        """
        self.peer = peer
        self._connection = connection
        self._counters = counters
        self._max_queue_bytes = limits.max_event_queue_bytes
        self._call_soon = call_soon
        self._rest = rest
        self._replayed = 0
        """Past events that were looked for, since the last rest."""
        self._feeds: dict[int, Feed] = {}
        self._next_subscription = 1
        self._waiting: deque[Feed] = deque()
        """Feeds with something in their queues, in turn."""
        self._longest: LongestFirst[Feed] | None = None
        """Made when there is too much for the first time, until nothing waits."""
        self.held_bytes = 0
        """What waits in the queues, each event as often as it is in one."""
        self._queued = queued or QueuedEvents(limits)
        self._is_pumping = False

    def subscribe(self, wish: Subscribe, source: EventSource | None) -> Subscribed:
        """Begin a subscription; what it gets first leaves behind the answer.

        Raises:
            Unimplemented: no such event is offered.
            InvalidParams: it has no keys, and is wanted for one.
            LimitExceeded: there are too many.
        """
        if source is None:
            raise Unimplemented(f"no event is offered under the number {wish.number}")
        if len(self._feeds) >= MAX_SUBSCRIPTIONS:
            raise LimitExceeded("MAX_SUBSCRIPTIONS", MAX_SUBSCRIPTIONS, len(self._feeds) + 1)
        feed = Feed(self, self._next_subscription, wish, source)
        self._next_subscription += 1
        first, cursor, gap = source.open(wish, feed)
        self._feeds[feed.subscription] = feed
        feed.queue = EventQueue(source.max_waiting, source.when_full, first, self._queued)
        if first:
            self._waiting.append(feed)
            self._note_longer(feed, feed.queue.bytes)
            self._note_replayed(len(first))
        return Subscribed(feed.subscription, cursor, gap)

    def name_of(self, subscription: int) -> str | None:
        """The event of a subscription; None if there is no such."""
        feed = self._feeds.get(subscription)
        return None if feed is None else feed.source.name

    def unsubscribe(self, subscription: int) -> None:
        """End a subscription; one that is over is no mistake."""
        feed = self._feeds.pop(subscription, None)
        if feed is not None:
            self._forget(feed, is_lost=False)

    def push(self, feed: Feed, event: KeptEvent) -> None:
        """An event for a subscription: now if that is possible, else in its turn."""
        if feed.is_over:
            return
        if not self._waiting and not self._connection.gate.is_shut:
            missed, feed.queue.missed = feed.queue.missed, 0
            self._send(feed, event, missed)
        else:
            self._queue(feed, event)

    def close(self) -> None:
        """The connection is closed: nobody is told of anything any more."""
        for feed in tuple(self._feeds.values()):
            self._forget(feed, is_lost=True)
        self._feeds.clear()
        self._waiting.clear()
        self._longest = None
        self._queued.note_empty(self)

    def lose_oldest(self) -> None:
        """See `EventHolder.lose_oldest`."""
        if self._longest is None:
            self._longest = LongestFirst(self._waiting, _waiting_bytes)
        self._shorten(self._longest.longest())

    def _queue(self, feed: Feed, event: KeptEvent) -> None:
        queue = feed.queue
        before = queue.bytes
        was_empty = not len(queue)
        missed = queue.missed
        if not queue.put(event):
            self._end(feed)
            return
        self._counters.events_dropped += queue.missed - missed
        if was_empty:
            self._waiting.append(feed)
        self._note_longer(feed, queue.bytes - before)

    def _note_longer(self, feed: Feed, more_bytes: int) -> None:
        self.held_bytes += more_bytes
        if self._longest is not None:
            self._longest.note_longer(feed, self._waiting)
        elif self.held_bytes > self._max_queue_bytes:
            self._longest = LongestFirst(self._waiting, _waiting_bytes)
        if self._longest is not None:
            while self.held_bytes > self._max_queue_bytes:
                self._shorten(self._longest.longest())
        self._queued.note_longer(self)
        self._pump_later()

    def _note_replayed(self, count: int) -> None:
        self._replayed += count
        if self._replayed > REPLAYED_EVENTS_AT_ONCE:
            self._rest(self._replayed / MAX_REPLAYED_EVENTS_PER_S)
            self._replayed = 0

    def _shorten(self, feed: Feed) -> None:
        before = feed.queue.bytes
        if not feed.queue.drop_oldest():
            self._end(feed)
            return
        self._counters.events_dropped += 1
        self.held_bytes -= before - feed.queue.bytes
        if not len(feed.queue):
            self._waiting.remove(feed)

    def _end(self, feed: Feed) -> None:
        """The subscriber is too slow, and has wished to be told so."""
        self.unsubscribe(feed.subscription)
        text = end_text(feed.subscription, _TOO_SLOW)
        # Behind the answer, if that is still to leave.
        self._call_soon(lambda: self._say(text))

    def _forget(self, feed: Feed, *, is_lost: bool) -> None:
        feed.is_over = True
        feed.source.close(feed.wish, feed, is_lost=is_lost)
        if feed in self._waiting:
            self._waiting.remove(feed)
            self.held_bytes -= feed.queue.bytes
            feed.queue.clear()

    def _pump_later(self) -> None:
        if not self._is_pumping:
            self._is_pumping = True
            if self._connection.gate.is_shut:
                self._connection.gate.notify(self._pump)
            else:
                self._call_soon(self._pump)

    def _pump(self) -> None:
        """One event of each queue in turn, as long as the connection takes them."""
        self._is_pumping = False
        # Not all of what has been kept for long in one turn of the loop: others want one, too.
        left = EVENTS_AT_ONCE
        while left and self._waiting and not self._connection.gate.is_shut:
            left -= 1
            feed = self._waiting.popleft()
            before = feed.queue.bytes
            event, missed = feed.queue.take()
            self.held_bytes -= before - feed.queue.bytes
            if len(feed.queue):
                self._waiting.append(feed)
            self._send(feed, event, missed)
        if self._waiting:
            self._pump_later()
        else:
            self._longest = None
            self._queued.note_empty(self)

    def _send(self, feed: Feed, event: KeptEvent, missed: int) -> None:
        with_key = feed.wish.key is None
        text = notify_text(feed.subscription, event, missed, with_key=with_key)
        try:
            self._say(text)
        except LimitExceeded:
            # Larger than the other side takes: it is told with the next one.
            feed.queue.missed += missed + 1
            self._counters.events_dropped += 1

    def _say(self, text: bytes) -> None:
        with contextlib.suppress(ConnectionClosed):
            self._connection.send_utf8(text)
            self._counters.bytes_sent += len(text)


def _waiting_bytes(feed: Feed) -> int:
    return 0 if feed.is_over else feed.queue.bytes
