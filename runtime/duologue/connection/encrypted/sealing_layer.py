"""Messages sealed, numbered and padded (PROTOCOL 4); those of a turn in one box (PROTOCOL 18)."""

import asyncio
import contextlib
from typing import Final

from duologue.connection.base import Connection, ConnectionState, Message, Signal
from duologue.connection.event_loop import filler_stock
from duologue.connection.layer import Layer
from duologue.errors import (
    BadFrame,
    ConnectionClosed,
    DecryptionFailed,
    LimitExceeded,
    NonceExhausted,
)
from duologue.limits import MAX_SEALED_MESSAGE_BYTES
from duologue.protocol.closing import refusal_text
from duologue.protocol.sealing import Opener, RandomBytes, Sealer

BATCH_MESSAGES: Final = 32
"""At most: while the first are opened, the next are sealed."""

BATCH_BYTES: Final = 16_384
"""From here on a batch leaves, so that it is one fragment of the carrier's at most with the next
message; longer ones leave alone, for which a box of their own costs little."""

BATCHED_BELOW_BYTES: Final = 4_096


class SealingLayer(Layer):
    """Sends messages as sealed binary messages of the carrier, and opens what comes.

    A message is one box of its own, until the other side has said that it reads several in one.
    From then on the first text of a turn of the loop leaves at once, and those behind it together.
    The first frame that does not open ends the connection.
    """

    def __init__(
        self,
        carrier: Connection,
        key: bytes,
        *,
        is_connector: bool,
        max_message_bytes: int = MAX_SEALED_MESSAGE_BYTES,
        random_bytes: RandomBytes | None = None,
    ) -> None:
        """`key` is of this connection alone; `is_connector` tells our role in the handshake."""
        super().__init__(carrier)
        self.on_opened: Signal[None] = Signal()
        """The other side's first frame has opened: it has the key. Told before its message."""
        self._sealer = Sealer(
            key,
            random_bytes or filler_stock().take,
            is_connector=is_connector,
            max_message_bytes=max_message_bytes,
        )
        self._opener = Opener(key, is_connector=is_connector, max_message_bytes=max_message_bytes)
        self._has_opened = False
        self._batches = False
        self._turn_has_begun = False
        """A text has left in this turn of the loop; others wait for its end."""
        self._is_receiving = False
        """A frame is being delivered: what is sent meanwhile leaves together."""
        self._pending: list[bytes] = []
        self._pending_bytes = 0

    def read_batches(self) -> None:
        """See `Connection.read_batches`."""
        self._opener.reads_batches = True

    def send_batches(self) -> None:
        """See `Connection.send_batches`."""
        self._batches = True

    def send(self, message: Message) -> None:
        """See `Connection.send`."""
        if isinstance(message, str):
            self.send_utf8(message.encode())
            return
        if self._pending:
            self._flush()
        self._send(message, is_text=False)

    def send_utf8(self, text: bytes) -> None:
        """See `Connection.send_utf8`."""
        if not self._batches:
            self._send(text, is_text=True)
        elif len(text) >= BATCHED_BELOW_BYTES:
            if self._pending:
                self._flush()
            self._send(text, is_text=True)
        elif self._turn_has_begun or self._is_receiving:
            if self.state.current_state is not ConnectionState.OPEN:
                raise self._refuse_send()
            self._pending.append(text)
            self._pending_bytes += len(text)
            if len(self._pending) == BATCH_MESSAGES or self._pending_bytes >= BATCH_BYTES:
                self._flush()
        else:
            # The loop may refuse, from another thread: before anything is taken.
            asyncio.get_running_loop().call_soon(self._end_turn)
            self._turn_has_begun = True
            self._send(text, is_text=True)

    def close(self, reason: str | None = None) -> None:
        """See `Connection.close`. What was sent before leaves before."""
        if self._pending:
            self._flush()
        super().close(reason)

    @property
    def buffered_amount(self) -> int:
        """See `Connection.buffered_amount`."""
        return self._pending_bytes + super().buffered_amount

    def _end_turn(self) -> None:
        self._turn_has_begun = False
        if self._pending:
            self._flush()

    def _flush(self) -> None:
        """Seal what is pending. Nobody is told here that it has not left: the state says so."""
        pending = self._pending
        self._pending, self._pending_bytes = [], 0
        if self.state.current_state is not ConnectionState.OPEN:
            return
        try:
            if len(pending) == 1:
                frame = self._sealer.seal(pending[0], is_text=True)
            else:
                frame = self._sealer.seal_batch(pending)
        except NonceExhausted as error:
            self._fail(error, "No more messages can be sealed")
            return
        with contextlib.suppress(ConnectionClosed):
            self._carrier.send(frame)

    def _send(self, message: bytes, *, is_text: bool) -> None:
        # Before a number is used: a frame that is not sent would be missed.
        if self.state.current_state is not ConnectionState.OPEN:
            raise self._refuse_send()
        try:
            frame = self._sealer.seal(message, is_text=is_text)
        except NonceExhausted as error:
            self._fail(error, "No more messages can be sealed")
            raise self._refuse_send() from error
        self._carrier.send(frame)

    def _receive(self, message: Message) -> None:
        if isinstance(message, str):
            text = "Incoming encrypted message is a string, it needs to be binary"
            self._fail(BadFrame(text), text)
            return
        try:
            opened = self._opener.open(message)
        except DecryptionFailed as error:
            self._fail(error, str(error))
        except LimitExceeded as error:
            self._fail(error, refusal_text(error))
        except (BadFrame, NonceExhausted) as error:
            self._fail(error, str(error))
        else:
            if not self._has_opened:
                self._has_opened = True
                self.on_opened.emit(None)
                self.on_opened.forget_listeners()
            self._is_receiving = self._batches
            try:
                if isinstance(opened, list):
                    self._carrier.note_batch(len(opened) - 1)
                    self._deliver_each(opened)
                else:
                    self._deliver(opened)
            finally:
                self._is_receiving = False
                if self._pending:
                    self._flush()
