"""A WebSocket that an ASGI server holds, as a connection.

ASGI has a coroutine for each WebSocket, which takes events and gives some. The server reads and
writes frames, sends pings, and says no to messages above a limit of its own.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any, Final

from duologue.connection.base import (
    CLOSE_CODE_LOST,
    CLOSE_CODE_NONE_GIVEN,
    CLOSE_CODE_NORMAL,
    CLOSE_CODE_TOO_BIG,
    Connection,
    ConnectionState,
    Message,
    size_in_bytes,
)
from duologue.connection.drain_gate import PAUSE_ABOVE_BYTES, RESUME_BELOW_BYTES, DrainGate
from duologue.connection.event_loop import OWN_READ_BYTES
from duologue.connection.write_watch import WriteWatch
from duologue.errors import DuologueError, LimitExceeded
from duologue.limits import MAX_MESSAGES_AT_ONCE, Limits
from duologue.protocol.closing import (
    LOST,
    close_text,
    no_answer_text,
    shorten,
    takes_nothing_text,
    terminate_text,
)

Event = MutableMapping[str, Any]
"""What ASGI calls an event: its `type`, and what belongs to that."""
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]

CLOSE_CODE_SHORT_OF_FRAMES: Final = (CLOSE_CODE_NONE_GIVEN, CLOSE_CODE_LOST)
"""Codes that no close frame can have."""


class AsgiConnection(Connection):
    """Whole messages over one WebSocket of an ASGI server; see `Connection` for what it promises.

    It lives while `run` does, which is the server's coroutine for this WebSocket.
    """

    def __init__(self, receive: Receive, send: Send, limits: Limits) -> None:
        loop = asyncio.get_running_loop()
        super().__init__(gate=DrainGate(loop), max_send_bytes=limits.max_message_bytes)
        self._receive_event = receive
        self._send_event = send
        self._limits = limits
        self._loop = loop
        self._outgoing: deque[tuple[Event, int]] = deque()
        self._outgoing_bytes = 0
        self._has_outgoing = asyncio.Event()
        self._has_room = asyncio.Event()
        self._has_room.set()
        self._messages_left = 0
        """How many may still be read in this turn of the loop."""
        self._over = asyncio.Event()
        self._is_gone = False
        """Whether the server has no WebSocket for us any more."""
        self._closing: tuple[int, str] | None = None
        """What we have closed it with."""
        self._close_timer: asyncio.TimerHandle | None = None
        self._write_watch = WriteWatch(
            limits, loop, lambda: self._outgoing_bytes, self._lose_stopped
        )
        self.on_message.when_emptied = self._has_room.set

    async def run(self, on_open: Callable[["AsgiConnection"], None]) -> None:
        """Accept the WebSocket, tell `on_open`, and return when the connection is closed.

        Raises:
            Whatever `on_open` raises, and what the server's own functions do but `OSError`.
        """
        tasks: list[asyncio.Task[object]] = []
        try:
            await self._send_event({"type": "websocket.accept"})
            self.state.enter(ConnectionState.OPEN)
            on_open(self)
            work = (self._read(), self._write(), self._over.wait())
            tasks.extend(map(self._loop.create_task, work))
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        except OSError:
            # How servers say that the other side is gone.
            self._is_gone = True
        finally:
            # The server has its reasons too: it cancels this when it is stopped.
            self._end(CLOSE_CODE_LOST, LOST)
            await self._stop(tasks)

    def send(self, message: Message) -> None:
        """See `Connection.send`."""
        if self.state.current_state is not ConnectionState.OPEN:
            raise self._refuse_send()
        size = size_in_bytes(message)
        if size > self.max_send_bytes:
            raise self.too_large(size)
        unsent = self._outgoing_bytes
        if unsent > self._limits.max_unsent_bytes:
            failure = LimitExceeded("max_unsent_bytes", self._limits.max_unsent_bytes, unsent)
            self._end(CLOSE_CODE_LOST, str(failure), failure)
            return
        kind = "text" if isinstance(message, str) else "bytes"
        self._put({"type": "websocket.send", kind: message}, size)
        self._write_watch.written_bytes += size
        if self._outgoing_bytes > PAUSE_ABOVE_BYTES:
            self.gate.shut(self._outgoing_bytes)
            self._write_watch.start()

    def close(self, reason: str | None = None) -> None:
        """See `Connection.close`."""
        if self.state.current_state is ConnectionState.OPEN:
            self._start_closing(CLOSE_CODE_NORMAL, close_text(reason))

    def terminate(self, reason: str) -> None:
        """See `Connection.terminate`. The server tells the other side as the run ends."""
        self._closing = self._closing or (CLOSE_CODE_NORMAL, terminate_text(reason))
        self._end(CLOSE_CODE_LOST, terminate_text(reason))

    @property
    def buffered_amount(self) -> int:
        """See `Connection.buffered_amount`. What the server holds is not known."""
        return self._outgoing_bytes

    # -- writing --------------------------------------------------------------------------------

    def _put(self, event: Event, size: int) -> None:
        self._outgoing.append((event, size))
        self._outgoing_bytes += size
        self._has_outgoing.set()

    async def _write(self) -> None:
        while True:
            await self._has_outgoing.wait()
            self._has_outgoing.clear()
            while self._outgoing:
                event, size = self._outgoing.popleft()
                await self._send_event(event)
                self._outgoing_bytes -= size
                if self.gate.is_shut and self._outgoing_bytes < RESUME_BELOW_BYTES:
                    self._write_watch.stop()
                    self.gate.open()

    def _start_closing(self, code: int, reason: str) -> None:
        self._close_timer = self._loop.call_later(
            self._limits.close_timeout_s, self._lose_unanswered
        )
        self._closing = (code, reason)
        self._put({"type": "websocket.close", "code": code, "reason": reason}, 0)
        self._write_watch.stop()
        self._has_room.set()
        self.state.enter(ConnectionState.CLOSING)

    # -- reading --------------------------------------------------------------------------------

    async def _read(self) -> None:
        self._messages_left, bytes_left = MAX_MESSAGES_AT_ONCE, OWN_READ_BYTES
        while True:
            if self._messages_left <= 0 or bytes_left <= 0:
                # The server gives at once what it has: others are to have a turn as well.
                self._messages_left, bytes_left = MAX_MESSAGES_AT_ONCE, OWN_READ_BYTES
                await asyncio.sleep(0)
            await self._has_room.wait()
            event = await self._receive_event()
            if event["type"] == "websocket.disconnect":
                self._is_gone = True
                self._note_disconnect(event)
                return
            text: str | None = event.get("text")
            if self.state.current_state is ConnectionState.OPEN:
                bytes_left -= self._take(event["bytes"] if text is None else text)
            self._messages_left -= 1

    def note_batch(self, more: int) -> None:
        """See `Connection.note_batch`."""
        self._messages_left -= more

    def _take(self, message: Message) -> int:
        """Hand on a message; returns its size in bytes."""
        limit = self._limits.max_message_bytes
        size = size_in_bytes(message)
        if size > limit:
            self.failure = LimitExceeded("max_message_bytes", limit, size)
            text = f"message of {size} bytes exceeds limit of {limit} bytes"
            self._start_closing(CLOSE_CODE_TOO_BIG, shorten(text))
            return size
        self.on_message.emit(message)
        if self.on_message.backlog_bytes > limit:
            self._has_room.clear()
        return size

    def _note_disconnect(self, event: Event) -> None:
        code = event.get("code") or CLOSE_CODE_NONE_GIVEN
        if self._closing is not None and code in (self._closing[0], *CLOSE_CODE_SHORT_OF_FRAMES):
            # Not every server tells how the other side has answered.
            code, reason = self._closing
        else:
            reason = event.get("reason") or (LOST if code == CLOSE_CODE_LOST else "")
        if self.state.current_state is ConnectionState.OPEN:
            self.state.enter(ConnectionState.CLOSING)
        self._end(code, reason)

    # -- ending ---------------------------------------------------------------------------------

    async def _stop(self, tasks: Sequence[asyncio.Task[object]]) -> None:
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        if not self._is_gone:
            await self._send_last_word()
        for task in tasks:
            error = None if task.cancelled() else task.exception()
            if error is not None and not isinstance(error, OSError):
                raise error

    async def _send_last_word(self) -> None:
        code, reason = self._closing or (CLOSE_CODE_NORMAL, "")
        try:
            async with asyncio.timeout(self._limits.close_timeout_s):
                await self._send_event({"type": "websocket.close", "code": code, "reason": reason})
        except (OSError, TimeoutError, RuntimeError):
            # Closed already: servers differ in what they say then, and nothing is left to do.
            return

    def _lose_stopped(self) -> None:
        timeout_s = self._limits.write_timeout_s
        failure = LimitExceeded("write_timeout_s", timeout_s)
        self._end(CLOSE_CODE_LOST, takes_nothing_text(timeout_s), failure)

    def _lose_unanswered(self) -> None:
        self._end(CLOSE_CODE_LOST, no_answer_text(self._limits.close_timeout_s))

    def _end(self, code: int, reason: str, failure: DuologueError | None = None) -> None:
        if self._close_timer is not None:
            self._close_timer.cancel()
        self._write_watch.stop()
        self._outgoing.clear()
        self._outgoing_bytes = 0
        self.gate.open()
        self._over.set()
        super()._end(code, reason, failure)
