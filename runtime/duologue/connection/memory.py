"""Two connections joined inside one process, for tests and for peers that share one."""

import asyncio
from collections import deque
from dataclasses import dataclass

from duologue.connection.base import (
    CLOSE_CODE_LOST,
    CLOSE_CODE_NORMAL,
    CLOSE_CODE_TOO_BIG,
    Connection,
    ConnectionState,
    Message,
    size_in_bytes,
)
from duologue.connection.drain_gate import PAUSE_ABOVE_BYTES, RESUME_BELOW_BYTES, DrainGate
from duologue.connection.write_watch import WriteWatch
from duologue.errors import DuologueError, LimitExceeded
from duologue.limits import Limits
from duologue.protocol.closing import (
    LOST,
    close_text,
    no_answer_text,
    shorten,
    takes_nothing_text,
    terminate_text,
)


def connected_pair(
    limits: Limits | None = None, *, other_limits: Limits | None = None
) -> tuple[Connection, Connection]:
    """Two open connections: what one sends, the other receives on a later loop turn.

    They are bounded and they close as WebSocket connections do. `limits` holds for both, unless
    the second is given `other_limits`. Needs a running event loop.
    """
    limits = limits or Limits()
    left = _MemoryConnection(limits)
    right = _MemoryConnection(other_limits or limits)
    left.join(right)
    right.join(left)
    return left, right


@dataclass(frozen=True, slots=True)
class _Closing:
    """Stands in the queue for a close frame."""

    code: int
    reason: str


class _MemoryConnection(Connection):
    """One end. `_outgoing` holds what the other end has not been given yet."""

    def __init__(self, limits: Limits) -> None:
        loop = asyncio.get_running_loop()
        super().__init__(
            ConnectionState.OPEN, gate=DrainGate(loop), max_send_bytes=limits.max_message_bytes
        )
        self.remote_address = "memory"
        self._limits = limits
        self._loop = loop
        self._partner: _MemoryConnection = self
        self._outgoing: deque[tuple[Message | _Closing, int]] = deque()
        self._outgoing_bytes = 0
        self._delivery_is_due = False
        self._close_received: _Closing | None = None
        self._close_timer: asyncio.TimerHandle | None = None
        self._write_watch = WriteWatch(
            limits, loop, lambda: self._outgoing_bytes, self._lose_stopped
        )

    def join(self, partner: "_MemoryConnection") -> None:
        """Give the other end; once, before anything is sent."""
        self._partner = partner
        self.on_message.when_emptied = partner._deliver_soon

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
            self._lose(str(failure), failure)
            return
        self._put(message, size)
        self._write_watch.written_bytes += size
        if self._outgoing_bytes > PAUSE_ABOVE_BYTES:
            self.gate.shut(self._outgoing_bytes)
            self._write_watch.start()

    def close(self, reason: str | None = None) -> None:
        """See `Connection.close`."""
        if self.state.current_state is ConnectionState.OPEN:
            self._start_closing(_Closing(CLOSE_CODE_NORMAL, close_text(reason)))

    def terminate(self, reason: str) -> None:
        """See `Connection.terminate`. What was sent before still arrives."""
        if self.state.current_state is ConnectionState.CLOSED:
            return
        text = terminate_text(reason)
        if self.state.current_state is ConnectionState.OPEN:
            self._put(_Closing(CLOSE_CODE_NORMAL, text))
        else:
            self._loop.call_soon(self._partner._end, CLOSE_CODE_LOST, LOST)
        self._end(CLOSE_CODE_LOST, text)

    @property
    def buffered_amount(self) -> int:
        """See `Connection.buffered_amount`."""
        return self._outgoing_bytes

    def _put(self, item: Message | _Closing, size: int = 0) -> None:
        # The loop may refuse, from another thread: before anything is taken.
        self._make_delivery_due()
        self._outgoing.append((item, size))
        self._outgoing_bytes += size

    def _deliver_soon(self) -> None:
        if self._outgoing:
            self._make_delivery_due()

    def _make_delivery_due(self) -> None:
        if not self._delivery_is_due:
            self._loop.call_soon(self._deliver)
            self._delivery_is_due = True

    def _deliver(self) -> None:
        """Hand over what waited when this turn began; the rest waits for the next."""
        self._delivery_is_due = False
        partner = self._partner
        for _ in range(len(self._outgoing)):
            if not self._outgoing or partner._is_full:
                break
            item, size = self._outgoing.popleft()
            self._outgoing_bytes -= size
            if isinstance(item, _Closing):
                self._hand_over_closing(item)
            elif partner.state.current_state is ConnectionState.OPEN:
                partner._receive(item, size)
        if self.gate.is_shut and self._outgoing_bytes < RESUME_BELOW_BYTES:
            self._write_watch.stop()
            self.gate.open()
        if not partner._is_full:
            self._deliver_soon()

    @property
    def _is_full(self) -> bool:
        return (
            self.state.current_state is ConnectionState.OPEN
            and self.on_message.backlog_bytes > self._limits.max_message_bytes
        )

    def _receive(self, message: Message, size: int) -> None:
        limit = self._limits.max_message_bytes
        if size <= limit:
            self.on_message.emit(message)
            return
        self.failure = LimitExceeded("max_message_bytes", limit, size)
        self._partner.failure = LimitExceeded("max_message_bytes", limit, size)
        text = f"message of {size} bytes exceeds limit of {limit} bytes"
        self._start_closing(_Closing(CLOSE_CODE_TOO_BIG, shorten(text)))

    def _start_closing(self, closing: _Closing) -> None:
        self._close_timer = self._loop.call_later(
            self._limits.close_timeout_s, self._lose_unanswered
        )
        self._put(closing)
        self._write_watch.stop()
        self.state.enter(ConnectionState.CLOSING)
        # Whatever waited to be read is not wanted any more: the other end can go on.
        self._partner._deliver_soon()

    def _hand_over_closing(self, closing: _Closing) -> None:
        partner = self._partner
        partner._close_received = closing
        if partner.state.current_state is ConnectionState.CLOSING:
            partner._end(closing.code, closing.reason)
        elif partner.state.current_state is ConnectionState.OPEN:
            if self.state.current_state is ConnectionState.CLOSED:
                partner.state.enter(ConnectionState.CLOSING)
                partner._end(closing.code, closing.reason)
            else:
                partner._start_closing(closing)
        if self._close_received is not None:
            self._end(self._close_received.code, self._close_received.reason)

    def _lose_stopped(self) -> None:
        """The other end takes nothing any more."""
        timeout_s = self._limits.write_timeout_s
        self._lose(takes_nothing_text(timeout_s), LimitExceeded("write_timeout_s", timeout_s))

    def _lose_unanswered(self) -> None:
        self._lose(no_answer_text(self._limits.close_timeout_s))

    def _lose(self, reason: str = LOST, failure: DuologueError | None = None) -> None:
        """End without a closing handshake; the other end sees a lost connection."""
        self._outgoing.clear()
        self._outgoing_bytes = 0
        self._loop.call_soon(self._partner._end, CLOSE_CODE_LOST, LOST)
        self._end(CLOSE_CODE_LOST, reason, failure)

    def _end(self, code: int, reason: str, failure: DuologueError | None = None) -> None:
        if self._close_timer is not None:
            self._close_timer.cancel()
        self._write_watch.stop()
        self.gate.open()
        super()._end(code, reason, failure)
