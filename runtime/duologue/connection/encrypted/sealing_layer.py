"""Every message sealed, numbered and padded (PROTOCOL 4)."""

from duologue.connection.base import Connection, ConnectionState, Message, Signal
from duologue.connection.event_loop import filler_stock
from duologue.connection.layer import Layer
from duologue.errors import BadFrame, DecryptionFailed, LimitExceeded, NonceExhausted
from duologue.limits import MAX_SEALED_MESSAGE_BYTES
from duologue.protocol.closing import refusal_text
from duologue.protocol.sealing import Opener, RandomBytes, Sealer


class SealingLayer(Layer):
    """Sends each message as one sealed binary message of the carrier, and opens what comes.

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

    def send(self, message: Message) -> None:
        """See `Connection.send`."""
        if isinstance(message, str):
            self._send(message.encode(), is_text=True)
        else:
            self._send(message, is_text=False)

    def send_utf8(self, text: bytes) -> None:
        """See `Connection.send_utf8`."""
        self._send(text, is_text=True)

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
            self._deliver(opened)
