"""What all conversations of one endpoint use together, so that many cannot do what one may not."""

import asyncio
from collections.abc import Callable
from typing import Final, Protocol
from weakref import WeakValueDictionary

from duologue.limits import Limits
from duologue.promisifier.debts import Debts
from duologue.promisifier.queued_events import QueuedEvents


class Waiter(Protocol):
    """Who waits for room in a budget."""

    def resume(self) -> None:
        """There may be room now: take it, or wait anew."""


class Holder(Protocol):
    """Who holds answers that the other side does not take yet."""

    held_bytes: int
    """How much."""

    def give_up_newest(self) -> None:
        """Hold one answer less."""


class Share:
    """What one proven key, or one address, may still have, over all its connections."""

    __slots__ = ("__weakref__", "_replay_due_s", "free", "limit", "most")

    def __init__(self, limit: str, most: int) -> None:
        """`limit` is the field of `Limits` that says so."""
        self.limit = limit
        self.most = most
        self.free = most
        """How many more calls may run."""
        self._replay_due_s = 0.0

    def replay_rest_s(self, takes_s: float, now_s: float) -> float:
        """How long to read nothing of who has wished for past events that are to take so long.

        One connection is behind the other: many are not read faster than one.
        """
        self._replay_due_s = max(self._replay_due_s, now_s) + takes_s
        return self._replay_due_s - now_s


class Line:
    """Who waits for room of one kind, the longest first."""

    def __init__(self, has_room: Callable[[], bool]) -> None:
        self.waiting: dict[Waiter, None] = {}
        """To be asked whether there is anybody, and by `Budget`."""
        self._has_room = has_room
        self._is_waking = False

    def add(self, waiter: Waiter) -> None:
        """Tell it once, when room has been given back."""
        self.waiting[waiter] = None

    def remove(self, waiter: Waiter) -> None:
        """Tell it nothing."""
        self.waiting.pop(waiter, None)

    def wake(self) -> None:
        """Room has been given back: those who wait are asked in the next turn of the loop."""
        if self.waiting and not self._is_waking:
            self._is_waking = True
            asyncio.get_running_loop().call_soon(self._wake)

    def _wake(self) -> None:
        self._is_waking = False
        waiting, self.waiting = self.waiting, {}
        while waiting and self._has_room():
            waiter = next(iter(waiting))
            del waiting[waiter]
            waiter.resume()
        # Whoever has had a turn and waits again is behind those who have not.
        self.waiting = {**waiting, **self.waiting}


class Budget:
    """The calls of all peers of an endpoint, their answers, and the streams that are sent to them.

    A handler that ignores its cancellation counts on when its connection is gone. Nobody may run
    more than there is room left for others: `Admission` and `OutgoingStreams` see to it. Plain
    numbers, because they are looked at for every call.
    """

    def __init__(self, limits: Limits) -> None:
        self.free_calls = limits.max_running_calls_total
        """Calls that may begin now."""
        self.free_bytes = limits.max_running_bytes_total
        """What those may weigh together."""
        self.calls = Line(lambda: self.free_calls > 0)
        """Peers whose calls wait for room."""
        self.free_streams = limits.max_outgoing_streams_total
        """Streams that may begin to be sent now."""
        self.free_stream_bytes = limits.max_outgoing_stream_bytes_total
        """What those may hold together."""
        self.free_waiting_bytes = limits.max_waiting_bytes_total
        """What calls that wait for a free handler may hold together."""
        self.free_answer_bytes = limits.max_held_answer_bytes_total
        """What answers may hold together that nobody takes yet."""
        self.debts = Debts(limits)
        """What peers are owed that take nothing."""
        self.queued_events: Final = QueuedEvents(limits)
        """What waits for their subscribers."""
        self._holders: dict[Holder, None] = {}
        self.streams = Line(lambda: self.free_streams > 0)
        """Peers whose streams wait for a place."""
        self._limits: Final = limits
        self._shares: WeakValueDictionary[bytes | str, Share] | None = None

    @property
    def is_unused(self) -> bool:
        """Whether nothing that weighs anything is running."""
        return self.free_bytes >= self._limits.max_running_bytes_total

    def hold(self, holder: Holder, size_bytes: int) -> None:
        """`holder` holds so much more; whoever holds most gives up what is too much.

        Of those that hold the same it is the one that began first.
        """
        self._holders[holder] = None
        self.free_answer_bytes -= size_bytes
        while self.free_answer_bytes < 0:
            max(self._holders, key=lambda each: each.held_bytes).give_up_newest()

    def let_go(self, holder: Holder, size_bytes: int) -> None:
        """`holder` holds so much less."""
        self.free_answer_bytes += size_bytes
        if not holder.held_bytes:
            self._holders.pop(holder, None)

    def share_of(self, key: bytes | None, address_group: str) -> Share:
        """The share of a key; of a peer without one it is that of its address, if that is known."""
        who = key or address_group
        limit = "max_running_calls_per_key" if key else "max_running_calls_per_address"
        if not who:
            return Share("max_running_calls_total", self._limits.max_running_calls_total)
        if self._shares is None:
            self._shares = WeakValueDictionary()
        share = self._shares.get(who)
        if share is None:
            # Lives as long as a connection of that key, or a handler that runs for one.
            share = self._shares[who] = Share(limit, getattr(self._limits, limit))
        return share
