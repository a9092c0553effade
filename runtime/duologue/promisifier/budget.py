"""What all conversations of one endpoint use together, so that many cannot do what one may not."""

import asyncio
from typing import Final, Protocol
from weakref import WeakValueDictionary

from duologue.limits import Limits


class Waiter(Protocol):
    """Who waits for room in a budget."""

    def resume(self) -> None:
        """There may be room now: take it, or wait anew."""


class KeyShare:
    """How many more calls may run for one proven key, over all its connections."""

    __slots__ = ("__weakref__", "free")

    def __init__(self, free: int) -> None:
        self.free = free


class Budget:
    """The calls that run for all peers of an endpoint, and what they may hold in memory.

    A handler that ignores its cancellation counts on when its connection is gone. Nobody may run
    more than there is room left for others: `Admission` asks so. Plain numbers, because they are
    looked at for every call.
    """

    def __init__(self, limits: Limits) -> None:
        self.free_calls = limits.max_running_calls_total
        """Calls that may begin now."""
        self.free_bytes = limits.max_running_bytes_total
        """What those may weigh together."""
        self.waiting: dict[Waiter, None] = {}
        """Those who wait for room, the longest first."""
        self._limits: Final = limits
        self._shares: WeakValueDictionary[bytes, KeyShare] = WeakValueDictionary()
        self._is_waking = False

    @property
    def is_unused(self) -> bool:
        """Whether nothing that weighs anything is running."""
        return self.free_bytes >= self._limits.max_running_bytes_total

    def share_of(self, key: bytes | None) -> KeyShare:
        """The share of a key; of a peer without one it is a share of its own."""
        if key is None:
            return KeyShare(self._limits.max_running_calls_total)
        share = self._shares.get(key)
        if share is None:
            # Lives as long as a connection of that key, or a handler that runs for one.
            share = self._shares[key] = KeyShare(self._limits.max_running_calls_per_key)
        return share

    def wake(self) -> None:
        """Room has been given back: those who wait are asked in the next turn of the loop."""
        if not self._is_waking:
            self._is_waking = True
            asyncio.get_running_loop().call_soon(self._wake)

    def _wake(self) -> None:
        self._is_waking = False
        waiting, self.waiting = self.waiting, {}
        while waiting and self.free_calls > 0:
            waiter = next(iter(waiting))
            del waiting[waiter]
            waiter.resume()
        # Whoever has had a turn and waits again is behind those who have not.
        self.waiting = {**waiting, **self.waiting}
