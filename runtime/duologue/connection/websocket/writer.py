"""The sending half of a WebSocket: messages to frames, and frames to few writes."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Final, cast

from duologue.connection.base import CLOSE_CODE_LOST, Connection, ConnectionState, Message
from duologue.connection.drain_gate import DrainGate
from duologue.connection.event_loop import Loop
from duologue.connection.websocket.frames import (
    PING,
    WHOLE_BINARY,
    WHOLE_TEXT,
    encode_frame,
    encode_masked_frame,
)
from duologue.connection.websocket.opening import Opening
from duologue.connection.websocket.pulse import Pulse
from duologue.connection.websocket.wire import Wire
from duologue.connection.write_watch import WriteWatch
from duologue.errors import DuologueError, LimitExceeded
from duologue.limits import Limits
from duologue.protocol.closing import NO_LIFESIGN, takes_nothing_text

FLUSH_MESSAGES: Final = 32
"""Messages that wait at most before they are written. One by one costs a system call each; all at
the end of a batch makes the two sides take turns instead of working side by side."""

FLUSH_BYTES: Final = 16_384
"""Bytes that wait at most before they are written."""

_OPEN: Final = ConnectionState.OPEN


class SocketWriter(Connection):
    """What a WebSocket connection is to those who send; `WebSocketConnection` adds the rest.

    A class of its own for readers only: a call from one object to another, for each message, would
    cost more than it explains.
    """

    __slots__ = (
        "_is_receiving",
        "_limits",
        "_loop",
        "_mask_keys",
        "_max_message_bytes",
        "_pending",
        "_pending_bytes",
        "_pulse",
        "_tick_is_due",
        "_transport",
        "_write_watch",
    )

    def __init__(self, limits: Limits, loop: Loop) -> None:
        super().__init__(gate=DrainGate(loop), max_send_bytes=limits.max_message_bytes)
        self._limits = limits
        self._max_message_bytes = limits.max_message_bytes
        """Of what comes; see `WebSocketConnection.allow_message_bytes`."""
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._mask_keys: Iterator[bytes] | None = None
        """Clients have some; servers do not mask."""
        self._is_receiving = False
        """Messages are being delivered: what is sent meanwhile is written together."""
        self._pending: list[bytes] = []
        """Frames accepted by `send` and not written yet."""
        self._pending_bytes = 0
        self._tick_is_due = False
        # Made when they are needed, and let go of at the end: they know us, as we know them.
        self._pulse: Pulse | None = None
        self._write_watch: WriteWatch | None = None

    def send(self, message: Message) -> None:
        """See `Connection.send`."""
        if isinstance(message, str):
            self.send_utf8(message.encode())
        else:
            self.send_utf8(message, WHOLE_BINARY)

    def send_utf8(self, text: bytes, first: int = WHOLE_TEXT) -> None:
        """See `Connection.send_utf8`. `first` is the first byte of the frame."""
        if self.state.current_state is not _OPEN:
            raise self._refuse_send()
        if len(text) > self.max_send_bytes:
            raise self.too_large(len(text))
        keys = self._mask_keys
        if keys is None:
            frame = encode_frame(first, text)
        else:
            frame = encode_masked_frame(first, text, next(keys))
        pending = self._pending
        if self._is_receiving or self._tick_is_due:
            pending.append(frame)
            self._pending_bytes += len(frame)
            if len(pending) >= FLUSH_MESSAGES or self._pending_bytes >= FLUSH_BYTES:
                self._flush()
        else:
            # The first message of an idle tick does not wait; those that follow it do. The loop
            # may refuse, from another thread: before anything is taken.
            self._loop.call_soon(self._end_tick)
            self._tick_is_due = True
            pending.append(frame)
            self._flush()

    def gather(self) -> None:
        """See `Connection.gather`."""
        if not self._tick_is_due and self.state.current_state is _OPEN:
            self._loop.call_soon(self._end_tick)
            self._tick_is_due = True

    def send_frames(self, frames: list[Message]) -> None:
        """`send` for bytes that are whole frames already, written at once.

        Raises:
            ConnectionClosed: the connection is not open; nothing was taken.
        """
        if self.state.current_state is not _OPEN:
            raise self._refuse_send()
        if self._pending:
            self._flush()
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        data = b"".join(cast(list[bytes], frames))
        if self.gate.is_shut and not self._may_add(len(data), transport):
            return
        transport.write(data)

    def send_ping_frame(self) -> None:
        """Send a WebSocket ping; the answer shows in nothing but the bytes that come."""
        if self.state.current_state is not _OPEN:
            return
        keys = self._mask_keys
        # Pings do not wait for the end of the tick: the time they take tells something.
        self._pending.append(
            encode_frame(PING, b"") if keys is None else encode_masked_frame(PING, b"", next(keys))
        )
        self._flush()

    @property
    def buffered_amount(self) -> int:
        """See `Connection.buffered_amount`."""
        transport = self._transport
        if transport is None or self.state.current_state is ConnectionState.CLOSED:
            return 0
        return self._pending_bytes + transport.get_write_buffer_size()

    def _end_tick(self) -> None:
        self._tick_is_due = False
        if self._pending:
            self._flush()

    def _flush(self) -> None:
        """Give what is pending to the transport."""
        pending = self._pending
        data = pending[0] if len(pending) == 1 else b"".join(pending)
        pending.clear()
        self._pending_bytes = 0
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if self.gate.is_shut and not self._may_add(len(data), transport):
            return
        if self._pulse is not None:
            self._pulse.has_written = True
        transport.write(data)

    def _may_add(self, size: int, transport: asyncio.Transport) -> bool:
        """Whether `size` bytes may be written while the gate is shut; if not, it has ended."""
        # They themselves do not count: one message within its limit ends nothing.
        unsent = transport.get_write_buffer_size()
        if unsent > self._limits.max_unsent_bytes:
            failure = LimitExceeded("max_unsent_bytes", self._limits.max_unsent_bytes, unsent)
            self._drop(str(failure), failure)
            return False
        if self._write_watch is not None:
            self._write_watch.written_bytes += size
        self.gate.shut(unsent + size)
        return True

    def _unsent_bytes(self) -> int:
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    def _lose_stopped(self) -> None:
        """The other side takes nothing any more."""
        timeout_s = self._limits.write_timeout_s
        failure = LimitExceeded("write_timeout_s", timeout_s)
        self._drop(takes_nothing_text(timeout_s), failure)

    def _lose_silent(self) -> None:
        """Nothing comes any more."""
        self.terminate(NO_LIFESIGN)

    def _drop(self, reason: str, failure: DuologueError) -> None:
        """End without a close frame: it would stand behind all that the peer does not read."""
        if self._transport is not None:
            self._from_outside(self._transport, self._transport.abort)
        self._end(CLOSE_CODE_LOST, reason, failure)

    def _write_from(self, source: Wire | Opening) -> None:
        """Write what is to be sent beside messages."""
        transport = self._transport
        for data in source.data_to_send():
            if transport is None or transport.is_closing():
                return
            if data:
                if self.gate.is_shut and not self._may_add(len(data), transport):
                    return
                if self._pulse is not None:
                    self._pulse.has_written = True
                transport.write(data)
            elif isinstance(source, Wire) and source.is_agreed:
                # Nobody waits for anything: to hear the peer's end too would only cost a turn.
                self._from_outside(transport, transport.close)
            elif transport.can_write_eof():
                try:
                    transport.write_eof()
                except OSError:
                    transport.abort()  # the peer was faster: the socket is gone
            else:
                # TLS has no half-close.
                self._from_outside(transport, transport.close)

    def _from_outside(self, transport: asyncio.Transport, end: Callable[[], None]) -> None:
        """Call `end` of `transport` from where it is no caller of ours.

        One with TLS that is ended while it hands over what it has read goes on reading inside the
        call, and fails where the other side has ended TLS in the same packet.
        """
        if transport.get_extra_info("sslcontext"):
            self._loop.call_soon(end)
        else:
            end()

    def pause_writing(self) -> None:
        """The transport holds more than it should."""
        if self.state.current_state is not ConnectionState.CLOSED:
            self.gate.shut(self._unsent_bytes())
            self._watch_writing()

    def resume_writing(self) -> None:
        """The transport has little left."""
        if self._write_watch is not None:
            self._write_watch.stop()
        self.gate.open()

    def _watch_writing(self) -> None:
        if self.state.current_state is _OPEN:
            if self._write_watch is None:
                self._write_watch = WriteWatch(
                    self._limits, self._loop, self._unsent_bytes, self._lose_stopped
                )
            self._write_watch.start()

    def _stop_watching(self) -> None:
        """Silence, and what is not taken, mean nothing any more."""
        if self._pulse is not None:
            self._pulse.stop()
            self._pulse = None
        if self._write_watch is not None:
            self._write_watch.stop()
            self._write_watch = None

    def _end(self, code: int, reason: str, failure: DuologueError | None = None) -> None:
        self._pending.clear()
        self._pending_bytes = 0
        self._stop_watching()
        self.gate.open()
        super()._end(code, reason, failure)
