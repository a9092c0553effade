"""Long messages in pieces (PROTOCOL 6)."""

from collections.abc import Iterator, Sequence
from typing import Final

from duologue.connection.base import Connection, ConnectionState, Message
from duologue.connection.encrypted.timed_layer import TimedLayer
from duologue.connection.event_loop import Loop
from duologue.errors import BadFrame, LimitExceeded
from duologue.limits import Limits
from duologue.protocol.closing import refusal_text
from duologue.protocol.escaping import FRAGMENT_WORDS, escape, escape_utf8
from duologue.protocol.fragments import FRAGMENT_BYTES, Joiner, Splitter

_OPEN: Final = ConnectionState.OPEN
_WORDS_UTF8: Final = tuple(word.encode() for word in FRAGMENT_WORDS)


class FragmentLayer(TimedLayer):
    """Cuts messages that are long, joins what comes in pieces, and bounds both.

    `send` gives all pieces of a message to the carrier before it returns, so nothing comes between.
    """

    _takes_each = True

    def __init__(self, carrier: Connection, limits: Limits, loop: Loop | None = None) -> None:
        super().__init__(carrier, loop)
        # The carrier's limit is that of its frames, however large the message is.
        self.max_send_bytes = limits.max_message_bytes
        self._fragment_timeout_s = limits.fragment_timeout_s
        self._splitter = Splitter()
        self._joiner = Joiner(limits.max_message_bytes)
        self._joined_at_timer_start = 0

    def send(self, message: Message) -> None:
        """See `Connection.send`."""
        if isinstance(message, str):
            if len(message) < self._splitter.text_threshold and not self._splitter.is_long_text(
                message
            ):
                self._check_size(len(message) if message.isascii() else len(message.encode()))
                self._carrier.send(escape(message, FRAGMENT_WORDS))
                return
            self._send_long_text(message.encode())
            return
        self._check_size(len(message))
        if self._splitter.is_long(message):
            self._send_pieces(self._splitter.split_bytes(message))
        else:
            self._carrier.send(message)

    def send_utf8(self, text: bytes) -> None:
        """See `Connection.send_utf8`."""
        # A character has at least as many bytes as UTF-16 units.
        size = len(text)
        if size >= self._splitter.text_threshold and (
            text.isascii() or self._splitter.is_long_text(text.decode())
        ):
            self._send_long_text(text)
            return
        if size > self.max_send_bytes or self.state.current_state is not _OPEN:
            self._check_size(size)
        if text.startswith(_WORDS_UTF8):
            text = escape_utf8(text, _WORDS_UTF8)
        self._carrier.send_utf8(text)

    def bound_sending(self, max_bytes: int) -> None:
        """See `Connection.bound_sending`. It is told of whole messages, not of their pieces."""
        Connection.bound_sending(self, max_bytes)

    def _send_long_text(self, text: bytes) -> None:
        self._check_size(len(text))
        self._send_pieces(self._splitter.split_utf8(text))

    def _send_pieces(self, pieces: Iterator[Message]) -> None:
        # Sending may end the connection: then the next piece raises. Without its end the message
        # counts for nothing at the other side, so it is right to say that nothing was sent.
        for piece in pieces:
            self._carrier.send(piece)

    def _check_size(self, size: int) -> None:
        if self.state.current_state is not ConnectionState.OPEN:
            raise self._refuse_send()
        if size > self.max_send_bytes:
            raise self.too_large(size)

    def _receive(self, message: Message) -> None:
        try:
            whole = self._joiner.receive(message)
        except BadFrame as error:
            self._fail(error, str(error))
            return
        except LimitExceeded as error:
            self._fail(error, refusal_text(error))
            return
        if whole is None:
            self._watch_progress()
            return
        if self._timer is not None:
            self._stop_timer()
        self._deliver(whole)

    def _receive_each(self, messages: Sequence[Message]) -> None:
        # Those of a batch are nearly always whole: they go on as they have come.
        if self._joiner.are_whole(messages):
            self._deliver_each(messages)
        else:
            super()._receive_each(messages)

    def _watch_progress(self) -> None:
        joined = self._joiner.joined_bytes
        if self._timer is not None:
            if joined - self._joined_at_timer_start < FRAGMENT_BYTES:
                return
            self._stop_timer()
        self._joined_at_timer_start = joined
        self._call_in(self._fragment_timeout_s)

    def _on_time(self) -> None:
        failure = LimitExceeded("fragment_timeout_s", self._fragment_timeout_s)
        self._fail(failure, refusal_text(failure))
