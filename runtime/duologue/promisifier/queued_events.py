"""Events that wait for the subscribers of all peers of one endpoint."""

from typing import Final, Protocol

from duologue.limits import Limits
from duologue.protocol.replay import KeptEvent


class EventHolder(Protocol):
    """Who has queues with events for one peer."""

    held_bytes: int
    """What waits in them."""

    def lose_oldest(self) -> None:
        """Have one event less in the longest queue, or one queue less."""


class QueuedEvents:
    """Bounded for all peers together: above it, whoever has most waiting loses events.

    One that waits for many subscribers is in memory once, and counts once.
    """

    def __init__(self, limits: Limits) -> None:
        self.bytes = 0
        """What they take together."""
        self._max_bytes: Final = limits.max_event_queue_bytes_total
        self._times: dict[int, int] = {}
        """In how many queues each is, by its identity: what is in a queue is not collected."""
        self._holders: dict[EventHolder, None] = {}

    def add(self, event: KeptEvent) -> None:
        """See `EventCount.add`."""
        times = self._times.get(id(event), 0)
        if not times:
            self.bytes += event.cost_bytes
        self._times[id(event)] = times + 1

    def remove(self, event: KeptEvent) -> None:
        """See `EventCount.remove`."""
        times = self._times.pop(id(event))
        if times > 1:
            self._times[id(event)] = times - 1
        else:
            self.bytes -= event.cost_bytes

    def note_longer(self, holder: EventHolder) -> None:
        """`holder` has more; whoever has most loses what is too much."""
        self._holders[holder] = None
        while self.bytes > self._max_bytes:
            max(self._holders, key=lambda each: each.held_bytes).lose_oldest()

    def note_empty(self, holder: EventHolder) -> None:
        """`holder` has nothing any more."""
        self._holders.pop(holder, None)
