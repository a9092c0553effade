"""Own calls of a peer that is between two connections."""

import asyncio
from typing import Any, TypeVar

from duologue.errors import DeadlineExceeded, Sent
from duologue.limits import Limits
from duologue.promisifier.own_call import Call, CallOptions, CallOwner, Reading, Target
from duologue.promisifier.waiting_calls import WaitingCalls
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
        options: CallOptions,
        args: Payload,
        serial: int,
    ) -> None:
        super().__init__(loop, target, reading, owner, timeout_s, options)
        self.args = args
        """Kept until it is settled: the other side may turn away what has left."""
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


class ParkedCalls(WaitingCalls[KeptCall[Any]]):
    """Calls that wait for a connection, each with what it needs to leave once more."""

    def __init__(self, loop: asyncio.AbstractEventLoop, limits: Limits) -> None:
        super().__init__(loop, limits, too_late)

    def keep(self, call: KeptCall[Any], args: Payload) -> None:
        """As for others; items that it would send wait with it."""
        if call.items is not None:
            call.items.unbind()
        super().keep(call, args)

    def sort(self) -> None:
        """Bring calls that came back into their place among those that never left."""
        in_order = sorted(self.calls.items(), key=lambda item: item[0].serial)
        self.calls.clear()
        self.calls.update(in_order)


def too_late(call: Call[Any]) -> DeadlineExceeded:
    """What a call fails with whose time was over while there was no connection."""
    return DeadlineExceeded(
        f"no connection came back for {call.reading.full_name} within {call.timeout_s:.3g} s",
        details={"where": "leaving"},
    )


def numbers_of(calls: list[KeptCall[Any]]) -> tuple[int, ...]:
    """What they called: for one that never left, what our contract says."""
    return tuple(call.service_id or _own_number(call.target) for call in calls)


def _own_number(target: Target) -> int:
    return target.id if target.contract is None else target.contract.base + target.id
