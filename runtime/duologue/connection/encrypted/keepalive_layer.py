"""A lifesign when there is nothing to say, and an end when nothing is heard (PROTOCOL 5)."""

from collections.abc import Sequence
from typing import Final

from duologue.connection.base import Connection, ConnectionState, Message
from duologue.connection.encrypted.timed_layer import TimedLayer
from duologue.connection.event_loop import LATE_S, Loop
from duologue.errors import ConnectionClosed
from duologue.limits import Limits
from duologue.protocol.closing import NO_LIFESIGN
from duologue.protocol.escaping import KEEPALIVE, KEEPALIVE_WORDS, escape, escape_utf8, unescape

_WORDS_UTF8: Final = tuple(word.encode() for word in KEEPALIVE_WORDS)


class KeepAliveLayer(TimedLayer):
    """Sends `keepalive` after a time without sending; ends the connection after one of silence.

    Silence is measured only while messages are taken from the carrier, and while none has begun to
    come there. One timer serves both; messages only note the time.
    """

    _takes_each = True

    def __init__(self, carrier: Connection, limits: Limits, loop: Loop | None = None) -> None:
        super().__init__(carrier, loop)
        self._interval_s = limits.keepalive_interval_s
        self._timeout_s = limits.keepalive_timeout_s
        self._last_sent_s = self._last_received_s = self._loop.time()
        self._timer_due_s = 0.0

    def start(self) -> None:
        """See `Layer.start`; the times begin to run."""
        super().start()
        self._arm()

    def send_lifesign(self) -> None:
        """Tell the other side that we are here; nothing comes of it above."""
        try:
            self._carrier.send(KEEPALIVE)
        except ConnectionClosed:
            return  # whoever wants to know listens to the state
        self._last_sent_s = self._loop.time()

    def send(self, message: Message) -> None:
        """See `Connection.send`."""
        if isinstance(message, str):
            message = escape(message, KEEPALIVE_WORDS)
        self._carrier.send(message)
        self._last_sent_s = self._loop.time()

    def send_utf8(self, text: bytes) -> None:
        """See `Connection.send_utf8`."""
        if text.startswith(_WORDS_UTF8):
            text = escape_utf8(text, _WORDS_UTF8)
        self._carrier.send_utf8(text)
        self._last_sent_s = self._loop.time()

    def _receive(self, message: Message) -> None:
        self._last_received_s = self._loop.time()
        if isinstance(message, str):
            if message == KEEPALIVE:
                return
            message = unescape(message, KEEPALIVE_WORDS)
        self._deliver(message)

    def _receive_each(self, messages: Sequence[Message]) -> None:
        # Those of a batch are nearly always none of ours: they go on as they have come.
        if any(isinstance(each, str) and each.startswith(KEEPALIVE) for each in messages):
            super()._receive_each(messages)
        else:
            self._last_received_s = self._loop.time()
            self._deliver_each(messages)

    def _on_listening_started(self) -> None:
        # What was said meanwhile is still in the carrier.
        self._last_received_s = self._loop.time()

    def _arm(self) -> None:
        if self.state.current_state is not ConnectionState.OPEN:
            return
        due_s = self._last_sent_s + self._interval_s
        if self.is_listening:
            due_s = min(due_s, self._last_received_s + self._timeout_s)
        self._arm_in(due_s - self._loop.time())

    def _arm_in(self, delay_s: float) -> None:
        self._timer_due_s = self._loop.time() + delay_s
        self._call_in(delay_s)

    def _on_time(self) -> None:
        now_s = self._loop.time()
        if now_s - self._last_sent_s >= self._interval_s:
            self.send_lifesign()
        if self.is_listening and now_s - self._last_received_s >= self._timeout_s:
            if self._carrier.is_mid_message:
                # A large frame comes slowly, and nothing can come beside it.
                self._last_received_s = now_s
                self._arm()
            elif now_s - self._timer_due_s < LATE_S:
                self.terminate(NO_LIFESIGN)
            else:
                self._arm_in(LATE_S)
            return
        self._arm()
