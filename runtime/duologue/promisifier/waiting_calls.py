"""Own calls that have not left yet: there is no connection, or it takes no more at present."""

import asyncio
from collections.abc import Callable
from typing import Any, Generic, TypeVar, cast

from duologue.errors import DeadlineExceeded, LimitExceeded
from duologue.limits import Limits
from duologue.promisifier.deadlines import Deadlines
from duologue.promisifier.own_call import Call
from duologue.protocol.parcels import Payload, size_of

CallT = TypeVar("CallT", bound=Call[Any])


class WaitingCalls(Generic[CallT]):
    """Calls and their arguments in order; each fails when its deadline passes.

    Bounded by `max_parked_calls` and `max_parked_bytes`. `too_late` says what a call fails with
    whose time is over.
    """

    __slots__ = ("_bytes", "_deadlines", "_limits", "_loop", "_too_late", "calls")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        limits: Limits,
        too_late: Callable[[Call[Any]], DeadlineExceeded],
    ) -> None:
        self.calls: dict[CallT, Payload] = {}
        """The oldest first. To be asked whether there are any, not to be changed."""
        self._loop = loop
        self._limits = limits
        self._too_late = too_late
        self._bytes = 0
        self._deadlines: Deadlines[Call[Any]] | None = None

    def add(self, call: CallT, args: Payload) -> None:
        """Keep `call`, behind the others, until it is taken, removed, or due.

        Raises:
            LimitExceeded: too many wait, or what they hold is too much.
        """
        limits, size = self._limits, size_of(args)
        if len(self.calls) >= limits.max_parked_calls:
            raise LimitExceeded("max_parked_calls", limits.max_parked_calls, len(self.calls) + 1)
        if self._bytes + size > limits.max_parked_bytes:
            raise LimitExceeded("max_parked_bytes", limits.max_parked_bytes, self._bytes + size)
        self.keep(call, args)

    def keep(self, call: CallT, args: Payload) -> None:
        """`add` for a call that was let in before: it is not turned away now."""
        self.calls[call] = args
        call.is_late = True
        self._bytes += size_of(args)
        # Made late: on most connections nothing waits.
        if self._deadlines is None:
            self._deadlines = Deadlines(self._loop, self.calls.keys, self._on_due)
        self._deadlines.watch(call)

    def remove(self, call: Call[Any]) -> bool:
        """Forget a call that was given up; returns whether it was here."""
        # Typed by the loosest of both: whoever asks need not know what kind of calls wait here.
        calls = cast("dict[Any, Payload]", self.calls)
        args = calls.pop(call, None)
        if args is None:
            return False
        self._bytes -= size_of(args)
        return True

    def take(self) -> tuple[CallT, Payload]:
        """The oldest call and its arguments; it waits no more."""
        call = next(iter(self.calls))
        args = self.calls.pop(call)
        self._bytes -= size_of(args)
        return call, args

    def take_all(self) -> list[tuple[CallT, Payload]]:
        """All of them, the oldest first; no timer is left."""
        calls = list(self.calls.items())
        self.calls.clear()
        self._bytes = 0
        if self._deadlines is not None:
            self._deadlines.close()
        return calls

    def _on_due(self, call: Call[Any]) -> None:
        if self.remove(call):
            call.fail_quietly(self._too_late(call))
