"""Own calls of a peer that is between two connections."""

import asyncio
from typing import Any, TypeVar

from duologue.errors import DeadlineExceeded, Sent
from duologue.promisifier.deadlines import CallDeadlines
from duologue.promisifier.own_call import Call, CallOwner, Reading, Target
from duologue.protocol.parcels import Payload

T = TypeVar("T")


class KeptCall(Call[T]):
    """A call that still has its request, so that it can leave later, or once more."""

    __slots__ = ("args", "serial", "times_sent", "was_sent")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        target: Target,
        reading: Reading[T],
        owner: CallOwner,
        timeout_s: float,
        args: Payload,
        serial: int,
    ) -> None:
        super().__init__(loop, target, reading, owner, timeout_s)
        self.args: Payload | None = args
        """None once the request will not be needed again."""
        self.serial = serial
        """Calls leave in the order in which they were made, also the second time."""
        self.times_sent = 0
        """Connections that were lost while the request was out."""
        self.was_sent: Sent = "no"
        """What the caller is told if no answer ever comes."""

    def note_lost(self, sent: Sent) -> None:
        """The connection is gone; `sent` tells whether the request had left over that one."""
        if sent != "no":
            self.times_sent += 1
        if self.was_sent != "yes" and sent != "no":
            self.was_sent = sent

    @property
    def is_due(self) -> bool:
        """Whether its time is over."""
        return self.due_s <= self.get_loop().time()


class Parked:
    """Calls that wait for a connection, the oldest first; each fails when its deadline passes."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._calls: dict[float, KeptCall[Any]] = {}
        self._deadlines = CallDeadlines(loop, self._calls.values(), self._on_due)

    def __len__(self) -> int:
        return len(self._calls)

    def __contains__(self, call: Call[Any]) -> bool:
        return isinstance(call, KeptCall) and call.serial in self._calls

    def add(self, call: KeptCall[Any]) -> None:
        """Keep `call` until it is taken, removed, or due."""
        self._calls[call.serial] = call
        self._deadlines.watch(call)

    def remove(self, call: Call[Any]) -> bool:
        """Forget a call that was given up; returns whether it was here."""
        return isinstance(call, KeptCall) and self._calls.pop(call.serial, None) is not None

    def sort(self) -> None:
        """Bring calls that came back into their place among those that never left."""
        in_order = sorted(self._calls.items())
        self._calls.clear()
        self._calls.update(in_order)

    def take(self) -> KeptCall[Any]:
        """The oldest of them, once `sort` was called."""
        return self._calls.pop(next(iter(self._calls)))

    def take_all(self) -> list[KeptCall[Any]]:
        """All of them, the oldest first; no timer is left."""
        self.sort()
        calls = list(self._calls.values())
        self._calls.clear()
        self._deadlines.close()
        return calls

    def _on_due(self, call: Call[Any]) -> None:
        if self.remove(call):
            call.fail_quietly(too_late(call))


def too_late(call: Call[Any]) -> DeadlineExceeded:
    """What a call fails with whose time was over while there was no connection."""
    return DeadlineExceeded(
        f"no connection came back for {call.reading.full_name} within {call.timeout_s:g} s"
    )
