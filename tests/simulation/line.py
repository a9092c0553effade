"""A line between two peers in memory that is slow, holds everything up, or breaks."""

import asyncio
from collections import deque
from contextlib import suppress
from functools import partial

from duologue import ConnectionClosed
from duologue.connection.base import Connection, ConnectionState, Message
from duologue.connection.memory import connected_pair
from tests.reconnect_support import lose


class Line:
    """`guest` and `host` are its ends, for the peers."""

    def __init__(self, delay_s: float) -> None:
        self.delay_s = delay_s
        self.guest, near = connected_pair()
        self.host, far = connected_pair()
        self._ends = (near, far)
        self._ways = (_Way(self, near, far), _Way(self, far, near))

    def hold(self) -> None:
        """Let nothing through."""
        for way in self._ways:
            way.is_held = True

    def release(self) -> None:
        """Let through what was held, and what comes."""
        for way in self._ways:
            way.is_held = False
            way.pass_on()

    def cut(self) -> None:
        """What is under way is lost, and both ends see it."""
        for end in self._ends:
            lose(end)

    def cut_near(self) -> None:
        """The guest sees it, and the host does not yet."""
        lose(self._ends[0])


class _Way:
    """From one end to the other."""

    def __init__(self, line: Line, source: Connection, target: Connection) -> None:
        self.is_held = False
        self._line = line
        self._target = target
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[tuple[float, Message | None]] = deque()
        """None: it has been closed."""
        source.on_message.listen(self._take)
        source.state.on_enter_state.listen(partial(self._note_state))

    def pass_on(self) -> None:
        """Everything that is due."""
        while self._waiting and not self.is_held:
            due_s, message = self._waiting[0]
            if due_s > self._loop.time():
                self._loop.call_at(due_s, self.pass_on)
                return
            self._waiting.popleft()
            if message is None:
                self._target.close()
            else:
                with suppress(ConnectionClosed):
                    self._target.send(message)

    def _note_state(self, state: ConnectionState) -> None:
        if state is ConnectionState.CLOSED:
            self._take(None)

    def _take(self, message: Message | None) -> None:
        self._waiting.append((self._loop.time() + self._line.delay_s, message))
        if len(self._waiting) == 1:
            self._loop.call_later(self._line.delay_s, self.pass_on)
