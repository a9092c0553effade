"""How many of the other side's calls run at once, and what becomes of the others."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Final, Generic, TypeVar

from duologue.connection.base import Connection
from duologue.errors import LimitExceeded
from duologue.limits import STALLED_CALLS_PATIENCE_S, WAITING_CALL_BYTES, Limits
from duologue.promisifier.budget import Budget
from duologue.promisifier.served_call import ServedCall
from duologue.protocol.parcels import size_of

CallT = TypeVar("CallT", bound=ServedCall[Any])


class Admission(Generic[CallT]):
    """Lets calls run, wait in line, or be turned away.

    A call runs from `began` until `ended`, whatever it does with a cancellation. Those that find
    no room, or no room for their answers, wait undecoded, the oldest first, within
    `max_waiting_calls`, `max_waiting_bytes`, and what others leave. `start` is given each call that
    has waited, in its turn. Room is what this peer, its key and all peers of the `budget` may use.

    A call that a handler of the peer has made for a call of ours is let in beyond the room, or both
    would wait for each other. Peers that know how say which those are. Of others, what arrives may
    be one while every call that runs here waits for an own call to the same peer.
    """

    def __init__(
        self,
        limits: Limits,
        connection: Connection,
        start: Callable[[CallT], None],
        refuse: Callable[[CallT, LimitExceeded], None],
        budget: Budget | None = None,
    ) -> None:
        """`refuse` is given those that have waited, and would wait for ever."""
        self.running = 0
        """Calls that have begun and not ended."""
        self.room = limits.max_running_calls
        """A new call starts at once while fewer than these run; 0 once the door is shut, and while
        others wait until answers may leave: none overtakes those."""
        self.is_shut = False
        """Whether new calls are refused: this side is going away."""
        self.budget = budget or Budget(limits)
        """What all peers share."""
        # No handler runs before the other side has proved that the key is its.
        self.share = self.budget.share_of(connection.claimed_key, connection.address_group)
        """What the connections of the same key share, or without keys, of the same address."""
        self.calls: dict[int, CallT] = {}
        """Those that run, by request id."""
        self.on_room: Callable[[], None] = _ignore
        """Told when the line has become shorter."""
        self.peer_tells_nested = False
        """Whether the other side says which of its calls are nested, and wants to know of ours."""
        self._limits = limits
        self._connection = connection
        self._start = start
        self._refuse = refuse
        self._running_bytes = 0
        self._stuck = 0
        """Running calls that wait for an own call to the same peer."""
        self._has_just_called = False
        """Whether one of them has made it in this turn of the loop."""
        self._stall_timer: asyncio.TimerHandle | None = None
        self._nested: deque[CallT] = _NONE
        """Those that wait and are known to be nested: they go first."""
        self._waiting: deque[CallT] = _NONE
        self._waiting_bytes = 0
        self._is_starting = False
        self._is_notified = False
        self._idle: asyncio.Future[None] | None = None

    # -- calls that run -------------------------------------------------------------------------

    def began(self, call: CallT) -> None:
        """A call runs from now on."""
        self.running += 1
        budget = self.budget
        budget.free_calls -= 1
        self.share.free -= 1
        request = call.request
        if request.weight:
            self._running_bytes += request.weight
            budget.free_bytes -= request.weight
        self.calls[request.request_id] = call

    def ended(self, call: CallT) -> None:
        """One that ran has ended: the next may have its place."""
        self.running -= 1
        budget = self.budget
        budget.free_calls += 1
        self.share.free += 1
        request = call.request
        if request.weight:
            self._running_bytes -= request.weight
            budget.free_bytes += request.weight
        del self.calls[request.request_id]
        if call.own_calls:
            self._stuck -= 1
        if self._waiting or self._nested:
            self.resume()
        if budget.calls.waiting:
            budget.calls.wake()
        if self._idle is not None and not (self.running or self._waiting or self._nested):
            self._tell_idle()

    def accepted(self) -> Iterable[CallT]:
        """Those that run, and those that wait."""
        return (*self.calls.values(), *self._nested, *self._waiting)

    def runs(self, call: ServedCall[Any]) -> bool:
        """Whether this very call is running here."""
        return self.calls.get(call.request.request_id) is call

    def note_own_call(self, call: ServedCall[Any]) -> None:
        """A running call has made a call to the same peer, and may wait for it."""
        call.own_calls += 1
        if call.own_calls == 1:
            self._stuck += 1
            if not self._has_just_called:
                self._has_just_called = True
                asyncio.get_running_loop().call_soon(self._note_turn_over)

    def note_own_call_settled(self, call: ServedCall[Any]) -> None:
        """That call is settled."""
        call.own_calls -= 1
        if not call.own_calls and self.runs(call):
            self._stuck -= 1

    def lets_in(self, call: CallT) -> bool:
        """Whether a call that finds no room runs all the same, as it is nested, or may be.

        Raises:
            LimitExceeded: it may not, and must not wait: nothing that runs would ever end.
        """
        if self._connection.gate.is_shut:
            return False
        request = call.request
        if request.is_nested:
            if self._may_run(call, self._most_with_nested):
                return True
        elif self.peer_tells_nested or self._has_just_called:
            # What has come in the turn in which one of them made its call was not made for that.
            return False
        if not self._is_stuck:
            return False
        self._check_nesting()
        return True

    @property
    def _is_stuck(self) -> bool:
        """Whether every running call waits for the other side."""
        return 0 < self.running == self._stuck

    def _check_nesting(self) -> None:
        """See whether one more call may run beyond the room.

        Raises:
            LimitExceeded: it may not.
        """
        limits = self._limits
        if self.running >= self._most_with_nested:
            raise LimitExceeded("max_nested_calls", limits.max_nested_calls)
        if self.budget.free_calls <= 0:
            raise LimitExceeded("max_running_calls_total", limits.max_running_calls_total)
        if self.share.free <= 0:
            raise LimitExceeded(self.share.limit, self.share.most)

    @property
    def _most_with_nested(self) -> int:
        return self._limits.max_running_calls + self._limits.max_nested_calls

    def has_room_for(self, weight: int) -> bool:
        """Whether arguments of this weight may be decoded now.

        What runs alone may weigh more than the limit says: it would wait for ever.
        """
        running, budget = self._running_bytes, self.budget
        return (not running or running + weight <= self._limits.max_running_bytes) and (
            budget.is_unused or running + weight <= budget.free_bytes
        )

    # -- calls that wait ------------------------------------------------------------------------

    def wait(self, call: CallT) -> None:
        """Let a call wait until there is room.

        Raises:
            LimitExceeded: too many wait, or what they hold is too large.
        """
        limits = self._limits
        size = size_of(call.request.args or b"")
        if self._number_waiting >= limits.max_waiting_calls:
            raise LimitExceeded("max_waiting_calls", limits.max_waiting_calls)
        if self._waiting_bytes + size > limits.max_waiting_bytes:
            raise LimitExceeded("max_waiting_bytes", limits.max_waiting_bytes)
        cost = size + WAITING_CALL_BYTES
        if self._waiting_cost + cost > self.budget.free_waiting_bytes:
            raise LimitExceeded("max_waiting_bytes_total", limits.max_waiting_bytes_total)
        self.budget.free_waiting_bytes -= cost
        if call.request.is_nested:
            if self._nested is _NONE:
                self._nested = deque()
            self._nested.append(call)
        else:
            if self._waiting is _NONE:
                self._waiting = deque()
            self._waiting.append(call)
        self._waiting_bytes += size
        if self._connection.gate.is_shut:
            self.room = 0
        self._ask_to_be_told()

    @property
    def is_nearly_full(self) -> bool:
        """Whether one more message, the largest there may be, might have to be turned away."""
        limits = self._limits
        if not self._number_waiting:
            # What others hold is no reason: nobody would tell when they hold less.
            return False
        largest = limits.max_message_bytes
        return (
            self._number_waiting >= limits.max_waiting_calls
            or self._waiting_bytes + largest > limits.max_waiting_bytes
            or self._waiting_cost + largest + WAITING_CALL_BYTES > self.budget.free_waiting_bytes
        )

    @property
    def _waiting_cost(self) -> int:
        return self._waiting_bytes + WAITING_CALL_BYTES * self._number_waiting

    @property
    def _number_waiting(self) -> int:
        return len(self._waiting) + len(self._nested)

    def resume(self) -> None:
        """Start what waits, as far as there is room for it and its answers."""
        # One that ends at once comes back here: one loop starts them all, no recursion.
        if self._is_starting:
            return
        self._is_starting = True
        try:
            while True:
                if self._nested and self._may_run(self._nested[0], self._most_with_nested):
                    line = self._nested
                elif self._waiting and self._may_run(
                    self._waiting[0], self._limits.max_running_calls
                ):
                    line = self._waiting
                else:
                    break
                self._start(self._take(line.popleft()))
        finally:
            self._is_starting = False
        self._open()
        if self._number_waiting:
            self._ask_to_be_told()
        else:
            self.budget.calls.remove(self)
        self.on_room()

    def withdraw(self, request_id: int) -> CallT | None:
        """Take a call out of the line: its caller has given up. None if it does not wait."""
        for line in (self._nested, self._waiting):
            for call in line:
                if call.request.request_id == request_id:
                    line.remove(call)
                    return self._take(call)
        return None

    # -- the end --------------------------------------------------------------------------------

    def shut(self) -> None:
        """Let no new call run or wait; those that do go on."""
        self.is_shut = True
        self.room = 0

    async def idle(self, timeout_s: float) -> list[CallT]:
        """Wait, at most so long, until none runs or waits; returns those that still wait.

        They wait no more.
        """
        if self.running or self._number_waiting:
            self._idle = self._idle or asyncio.get_running_loop().create_future()
            await asyncio.wait([self._idle], timeout=timeout_s)
        waiting = [*self._nested, *self._waiting]
        self.close()
        return waiting

    def close(self) -> None:
        """Forget what waits."""
        self.budget.free_waiting_bytes += self._waiting_cost
        self._nested.clear()
        self._waiting.clear()
        self._waiting_bytes = 0
        if self._stall_timer is not None:
            self._stall_timer.cancel()
            self._stall_timer = None
        self.budget.calls.remove(self)
        self.on_room = _ignore
        self._tell_idle()

    def forget_owner(self) -> None:
        """Nothing waits or runs any more, and nothing will."""
        del self._start, self._refuse

    def _may_run(self, call: CallT, most: int) -> bool:
        """Whether a call may begin where so many may run."""
        weight = call.request.weight
        return (
            self.running < most
            and self.running < self.budget.free_calls
            and self.share.free > 0
            and (not weight or self.has_room_for(weight))
            and not self._connection.gate.is_shut
        )

    def _ask_to_be_told(self) -> None:
        """Of what may let the first in the line start, unless it is the end of a call of ours."""
        if self._connection.gate.is_shut:
            if not self._is_notified:
                self._is_notified = True
                self._connection.gate.notify(self._on_drained)
        elif self.running < self._limits.max_running_calls:
            self.budget.calls.add(self)
        self._watch_for_stall()

    def _on_drained(self) -> None:
        self._is_notified = False
        if self._number_waiting:
            self.resume()
        else:
            self._open()

    # -- calls that may be nested ---------------------------------------------------------------

    def _note_turn_over(self) -> None:
        self._has_just_called = False
        self._watch_for_stall()

    @property
    def _may_wait_for_ever(self) -> bool:
        return bool(self._nested or (self._waiting and not self.peer_tells_nested))

    def _watch_for_stall(self) -> None:
        """If what waits may be what those that run wait for, see after a while if it is."""
        if self._stall_timer is None and self._is_stuck and self._may_wait_for_ever:
            self._stall_timer = asyncio.get_running_loop().call_later(
                STALLED_CALLS_PATIENCE_S, self._look_for_stall, tuple(self.calls)
            )

    def _look_for_stall(self, running: tuple[int, ...]) -> None:
        self._stall_timer = None
        if not (self._is_stuck and self._may_wait_for_ever):
            return
        if tuple(self.calls) == running and not self._connection.gate.is_shut:
            try:
                self._check_nesting()
            except LimitExceeded as error:
                while self._nested:
                    self._refuse(self._take(self._nested.popleft()), error)
            else:
                # The newest has the best reason to be one.
                self._start(self._take((self._nested or self._waiting).pop()))
        self._watch_for_stall()

    def _take(self, call: CallT) -> CallT:
        size = size_of(call.request.args or b"")
        self._waiting_bytes -= size
        self.budget.free_waiting_bytes += size + WAITING_CALL_BYTES
        return call

    def _open(self) -> None:
        """Let new calls start at once again."""
        # With nobody waiting there is nobody to overtake, and nobody who would be told later: the
        # answer of the last one may have shut the gate anew.
        if not self.is_shut and not (self._connection.gate.is_shut and self._number_waiting):
            self.room = self._limits.max_running_calls

    def _tell_idle(self) -> None:
        if self._idle is not None and not self._idle.done():
            self._idle.set_result(None)


_NONE: Final[deque[Any]] = deque(maxlen=0)
"""Where nothing waits: an empty deque of one's own takes 700 bytes, and most never need it."""


def _ignore() -> None:
    pass
