"""A connection that is carried by another one."""

from collections.abc import Sequence
from typing import ClassVar

from duologue.connection.base import CLOSE_CODE_LOST, Connection, ConnectionState, Message, Unlisten
from duologue.errors import DuologueError


class Layer(Connection):
    """Passes everything on; subclasses change what messages look like on the way.

    State, close code and reason are those of the carrier. While something waits here that nobody
    listens to, the carrier is not listened to either, so that waiting messages are held back where
    they can be bounded: at the socket.
    """

    _takes_each: ClassVar = False
    """Whether several messages at once are worth a look."""

    def __init__(self, carrier: Connection) -> None:
        is_over = carrier.state.current_state is ConnectionState.CLOSED
        super().__init__(
            ConnectionState.CLOSING if is_over else carrier.state.current_state,
            gate=carrier.gate,
            max_send_bytes=carrier.max_send_bytes,
        )
        self.id = carrier.id
        self.remote_address = carrier.remote_address
        self.request = carrier.request
        self.own_key = carrier.own_key
        self.claimed_key = carrier.claimed_key
        self.remote_key = carrier.remote_key
        self._carrier = carrier
        self._unlisten_message: Unlisten | None = None
        self._unlisten_state = carrier.state.on_enter_state.listen(self._on_carrier_state)
        self.on_message.when_emptied = self._listen_to_carrier

    def start(self) -> None:
        """Take the carrier's messages from now on; once, when the layer is ready for them."""
        self._on_carrier_state(self._carrier.state.current_state)
        self._listen_to_carrier()

    def send(self, message: Message) -> None:
        """See `Connection.send`."""
        self._carrier.send(message)

    def send_utf8(self, text: bytes) -> None:
        """See `Connection.send_utf8`."""
        self._carrier.send_utf8(text)

    def bound_sending(self, max_bytes: int) -> None:
        """See `Connection.bound_sending`."""
        self._carrier.bound_sending(max_bytes)
        self.max_send_bytes = self._carrier.max_send_bytes

    def read_batches(self) -> None:
        """See `Connection.read_batches`."""
        self._carrier.read_batches()

    def send_batches(self) -> None:
        """See `Connection.send_batches`."""
        self._carrier.send_batches()

    def gather(self) -> None:
        """See `Connection.gather`."""
        self._carrier.gather()

    def note_batch(self, more: int) -> None:
        """See `Connection.note_batch`."""
        self._carrier.note_batch(more)

    def close(self, reason: str | None = None) -> None:
        """See `Connection.close`."""
        self._carrier.close(reason)

    def terminate(self, reason: str) -> None:
        """See `Connection.terminate`."""
        self._carrier.terminate(reason)

    @property
    def buffered_amount(self) -> int:
        """See `Connection.buffered_amount`."""
        return self._carrier.buffered_amount

    @property
    def is_mid_message(self) -> bool:
        """See `Connection.is_mid_message`."""
        return self._carrier.is_mid_message

    @property
    def is_listening(self) -> bool:
        """Whether the carrier's messages are taken; not while some wait here."""
        return self._unlisten_message is not None

    def _receive(self, message: Message) -> None:
        """For subclasses: a message of the carrier. `_deliver` passes on what becomes of it."""
        self._deliver(message)

    def _receive_each(self, messages: Sequence[Message]) -> None:
        """For subclasses with `_takes_each`: messages of the carrier that have come together."""
        for message in messages:
            # One of them may have ended the connection, and nothing is delivered after that.
            if self.state.current_state is not ConnectionState.OPEN:
                return
            self._receive(message)

    def _deliver(self, message: Message) -> None:
        self.on_message.emit(message)
        self._stop_if_unheard()

    def _deliver_each(self, messages: Sequence[Message]) -> None:
        self.on_message.emit_each(messages, self.state)
        self._stop_if_unheard()

    def _stop_if_unheard(self) -> None:
        if self.on_message.backlog and self._unlisten_message is not None:
            self._unlisten_message()
            self._unlisten_message = None
            self._on_listening_stopped()

    def _listen_to_carrier(self) -> None:
        if self._unlisten_message is None and self.state.current_state is ConnectionState.OPEN:
            self._unlisten_message = self._carrier.on_message.add_listener(
                self._receive, self._receive_each if self._takes_each else None
            )
            self._on_listening_started()
            # May end the listening again.
            self._carrier.on_message.hand_over()

    def _on_listening_started(self) -> None:
        """For subclasses: messages are taken again; silence means something from now on."""

    def _on_listening_stopped(self) -> None:
        """For subclasses: messages wait below, because nobody takes them above."""

    def _fail(self, failure: DuologueError, reason: str) -> None:
        """For subclasses: close because the other side broke the rules of this layer."""
        if self.failure is None:
            self.failure = failure
        self._carrier.close(reason)

    def _on_carrier_state(self, state: ConnectionState) -> None:
        if state is ConnectionState.CLOSED:
            carrier = self._carrier
            code = CLOSE_CODE_LOST if carrier.close_code is None else carrier.close_code
            self._end(code, carrier.close_reason, self.failure or carrier.failure)
        else:
            self.state.enter(state)

    def _end(self, code: int, reason: str, failure: DuologueError | None = None) -> None:
        # What holds us is let go of, here too: see `Connection._end`.
        self._unlisten_state()
        self._unlisten_state = _ignore
        if self._unlisten_message is not None:
            self._unlisten_message()
            self._unlisten_message = None
        self.on_message.when_emptied = None
        super()._end(code, reason, failure)


def _ignore() -> None:
    pass
