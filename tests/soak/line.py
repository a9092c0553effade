"""A line between two connections in memory, with the faults of networks and of proxies."""

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial

from duologue.connection.base import CLOSE_CODE_LOST, Connection, ConnectionState, Message
from duologue.connection.memory import connected_pair
from duologue.errors import ConnectionClosed
from duologue.limits import Limits
from duologue.protocol.closing import CLOSE_CALLED
from tests.reconnect_support import lose

Ended = Callable[["Line"], object]


class Line:
    """Joins `near`, for who calls, with `far`, for who is called."""

    def __init__(
        self, limits: Limits, *, latency_s: float, idle_cut_s: float | None, on_ended: Ended
    ) -> None:
        """`idle_cut_s`: both sides are cut off after so long without a message."""
        self.near, near_end = connected_pair(limits)
        self.far, far_end = connected_pair(limits)
        self.is_black_hole = False
        self._latency_s = latency_s
        self._idle_cut_s = idle_cut_s
        self._loop = asyncio.get_running_loop()
        self._last_s = self._loop.time()
        self._idle_timer: asyncio.TimerHandle | None = None
        self._on_ended = on_ended
        self._ends = {near_end: far_end, far_end: near_end}
        self._under_way: dict[Connection, deque[Message | None]] = {
            end: deque() for end in self._ends
        }
        for end in self._ends:
            end.on_message.listen(partial(self._take, end))
            end.state.on_enter_state.listen(partial(self._note_state, end))
        self._watch_idleness()

    def cut(self) -> None:
        """Both sides learn of it at once, without a close frame."""
        for end in self._ends:
            lose(end)

    def cut_one_side(self, who_calls: bool) -> None:
        """One side learns of it; the other speaks into nothing from now on."""
        self.is_black_hole = True
        near_end, far_end = self._ends
        lose(near_end if who_calls else far_end)

    def _take(self, end: Connection, message: Message | None) -> None:
        if self.is_black_hole:
            return
        self._last_s = self._loop.time()
        self._under_way[end].append(message)
        self._loop.call_later(self._latency_s, self._hand_on, end)

    def _hand_on(self, end: Connection) -> None:
        message = self._under_way[end].popleft()
        other = self._ends[end]
        if self.is_black_hole or other.state.current_state is not ConnectionState.OPEN:
            return
        if message is None:
            self._end_like(end, other)
            return
        try:
            other.send(message)
        except ConnectionClosed:
            return

    def _end_like(self, end: Connection, other: Connection) -> None:
        if end.close_code == CLOSE_CODE_LOST:
            lose(other)
        else:
            other.close(end.close_reason.removeprefix(f"{CLOSE_CALLED}: "))

    def _note_state(self, end: Connection, state: ConnectionState) -> None:
        if state is not ConnectionState.CLOSED:
            return
        # Behind what is still under way.
        self._take(end, None)
        if all(each.state.current_state is ConnectionState.CLOSED for each in self._ends):
            if self._idle_timer is not None:
                self._idle_timer.cancel()
            self._on_ended(self)

    def _watch_idleness(self) -> None:
        if self._idle_cut_s is None:
            return
        left_s = self._last_s + self._idle_cut_s - self._loop.time()
        if left_s <= 0:
            self.cut()
        else:
            self._idle_timer = self._loop.call_later(left_s + 0.001, self._watch_idleness)
