"""The sending half of a WebSocket: messages to frames, and frames to few writes."""

import asyncio
from typing import Final, cast

from duologue.connection.base import CLOSE_CODE_LOST, Connection, ConnectionState, Message
from duologue.connection.drain_gate import DrainGate
from duologue.connection.event_loop import Loop
from duologue.connection.random_stocks import MaskKeys
from duologue.connection.websocket.frames import (
    WHOLE_BINARY,
    WHOLE_TEXT,
    encode_frame,
    encode_masked_frame,
)
from duologue.connection.websocket.opening import Opening
from duologue.connection.websocket.wire import Wire
from duologue.errors import DuologueError, LimitExceeded
from duologue.limits import Limits

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

    def __init__(self, limits: Limits, loop: Loop) -> None:
        super().__init__(gate=DrainGate(loop), max_send_bytes=limits.max_message_bytes)
        self._limits = limits
        self._max_message_bytes = limits.max_message_bytes
        """Of what comes; see `WebSocketConnection.allow_message_bytes`."""
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._mask_keys: MaskKeys | None = None
        """Clients have some; servers do not mask."""
        self._is_receiving = False
        """Messages are being delivered: what is sent meanwhile is written together."""
        self._pending: list[bytes] = []
        """Frames accepted by `send` and not written yet."""
        self._pending_bytes = 0
        self._flush_messages = FLUSH_MESSAGES
        self._tick_is_due = False

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
        if self._mask_keys is None:
            frame = encode_frame(first, text)
        else:
            frame = encode_masked_frame(first, text, self._mask_keys.take())
        pending = self._pending
        if self._is_receiving or self._tick_is_due:
            pending.append(frame)
            self._pending_bytes += len(frame)
            if len(pending) >= self._flush_messages or self._pending_bytes >= FLUSH_BYTES:
                self._flush()
        else:
            # The first message of an idle tick does not wait; those that follow it do. The loop
            # may refuse, from another thread: before anything is taken.
            self._loop.call_soon(self._end_tick)
            self._tick_is_due = True
            pending.append(frame)
            self._flush()

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
        if self.gate.is_shut and self._is_overfull(transport):
            return
        transport.write(b"".join(cast(list[bytes], frames)))

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
        if self.gate.is_shut and self._is_overfull(transport):
            return
        transport.write(data)

    def _is_overfull(self, transport: asyncio.Transport) -> bool:
        """Whether too much is unsent to write more; then the connection has ended."""
        # What is about to be written does not count: one message within its limit ends nothing.
        unsent = transport.get_write_buffer_size()
        if unsent <= self._limits.max_unsent_bytes:
            return False
        # No close frame: it would stand behind all that the peer does not read.
        transport.abort()
        failure = LimitExceeded("max_unsent_bytes", self._limits.max_unsent_bytes, unsent)
        self._end(CLOSE_CODE_LOST, "", failure)
        return True

    def _write_from(self, source: Wire | Opening) -> None:
        """Write what `websockets` wants sent."""
        transport = self._transport
        data_to_send = source.protocol.data_to_send()
        if (
            data_to_send
            and transport is not None
            and self.gate.is_shut
            and self._is_overfull(transport)
        ):
            return
        for data in data_to_send:
            if transport is None or transport.is_closing():
                return
            if data:
                transport.write(data)
            elif transport.can_write_eof():
                try:
                    transport.write_eof()
                except OSError:
                    transport.abort()  # the peer was faster: the socket is gone
            else:
                transport.close()  # TLS has no half-close

    def pause_writing(self) -> None:
        """The transport holds more than it should."""
        self.gate.shut()

    def resume_writing(self) -> None:
        """The transport has little left."""
        self.gate.open()

    def _end(self, code: int, reason: str, failure: DuologueError | None = None) -> None:
        self._pending.clear()
        self._pending_bytes = 0
        self.gate.open()
        super()._end(code, reason, failure)
