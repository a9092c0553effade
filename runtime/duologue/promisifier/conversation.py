"""What two sides say to each other over one connection."""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from duologue.connection.base import (
    CLOSE_CODE_LOST,
    Connection,
    ConnectionState,
    Message,
    Unlisten,
)
from duologue.errors import (
    BadFrame,
    ConnectionClosed,
    DeadlineExceeded,
    DuologueError,
    LimitExceeded,
    Sent,
)
from duologue.limits import Limits
from duologue.promisifier.call import Call
from duologue.promisifier.call_deadlines import CallDeadlines
from duologue.promisifier.dispatch import Dispatcher
from duologue.promisifier.handlers import Handler
from duologue.promisifier.negotiation import Negotiation
from duologue.promisifier.promise import end_of_call
from duologue.promisifier.receiver import StreamReceiver
from duologue.promisifier.stats import Stats
from duologue.protocol import codec
from duologue.protocol.counters import Counters
from duologue.protocol.messages import (
    AnswerReceived,
    CancelReceived,
    Event,
    FailureReceived,
    Refused,
    RequestReceived,
    StreamRefused,
)
from duologue.protocol.session import Session

if TYPE_CHECKING:
    from duologue.promisifier.promisifier import WebsocketPromisifier


@dataclass(frozen=True, slots=True)
class Ending:
    """How a conversation ended."""

    connection: Connection
    pending: tuple[int, ...]
    """Service ids of the own calls that were open, in the order of their requests."""
    sent: Sent
    """Whether the requests of those calls had left."""


class Conversation:
    """Own calls out and the other side's in, over one connection, until that is closed.

    All of it runs in the event loop's thread, in callbacks of the connection; the only tasks are
    those of async handlers. When the connection is closed, `peer` is given every call that was
    open, running handlers are cancelled, and `peer` is told of the end, in this order.
    """

    def __init__(
        self,
        peer: "WebsocketPromisifier",
        connection: Connection,
        limits: Limits,
        handlers: dict[int, Handler],
        counters: Counters,
    ) -> None:
        self.connection = connection
        self.negotiation: Negotiation | None = None
        self._peer = peer
        self._counters = counters
        self._session: Session[Call[Any]] = Session(limits, counters)
        self._dispatcher = Dispatcher(
            peer, handlers, self._session, connection, self._send_text, self._give_up, limits
        )
        self._receiver = StreamReceiver(
            self._session,
            limits,
            send_text=self._send_text,
            pause=self._stop_listening,
            resume=self._start_listening,
        )
        loop = asyncio.get_running_loop()
        self._deadlines = CallDeadlines(loop, self._session.open_calls, self._on_deadline)
        self._is_over = False
        self._is_listening = False
        self._unlisten_message: Unlisten | None = None
        self._unlisten_state = connection.state.on_enter_state.listen(self._on_state)
        # Not at once: whoever made this has services to add before the first request is served.
        loop.call_soon(self._start)

    # -- own calls ------------------------------------------------------------------------------

    @property
    def in_flight(self) -> int:
        """Own calls that count towards `max_open_calls`."""
        return self._session.in_flight

    def send(self, call: Call[Any], args: bytes, timeout_s: float | None) -> None:
        """Send the request of `call`, which is settled exactly once: here, if it cannot be sent.

        `args` is a JSON list; `timeout_s` counts from now, None waits for ever.
        """
        service_id = call.service_id
        try:
            request_id, text = self._session.open_call(service_id, args, call)
        except LimitExceeded as error:
            call.fail(error)
            return
        try:
            self.connection.send_utf8(text)
        except ConnectionClosed as error:
            self._session.take_back(request_id, service_id)
            self._peer.on_unanswered(call, self.aborted(call, "no", error.reason))
            return
        except LimitExceeded as error:
            self._session.take_back(request_id, service_id)
            call.fail(error)
            return
        self._counters.bytes_sent += len(text)
        call.request_id = request_id
        # Sending may have ended the connection, and the call with it.
        if timeout_s is not None and not self._is_over:
            self._deadlines.set(call, timeout_s)
        # The answer may be behind a stream that nobody reads at the moment.
        if self._receiver.inflow.is_paused:
            self._receiver.inflow.look_again()

    def abandon(self, call: Call[Any]) -> bool:
        """Give a call up and, if it was open, tell the other side; returns whether it was."""
        was_open = self._session.abandon(call.request_id)
        if was_open and self.negotiation is not None and self.negotiation.has("cancel"):
            self._send_text(codec.cancel(call.request_id))
        return was_open

    def aborted(self, call: Call[Any], sent: Sent, reason: str) -> ConnectionClosed:
        """What `call` fails with because the connection is closed."""
        stats = Stats(self._counters).snapshot()
        return end_of_call(self.connection, stats, call.service_id, sent, reason)

    # -- the other side's -----------------------------------------------------------------------

    def allow_control(self, negotiation: Negotiation) -> None:
        """Serve the control calls of the duologue profile from now on."""
        self.negotiation = negotiation
        negotiation.on_mismatch = self._give_up
        self._session.has_control_service = True
        self._dispatcher.control = negotiation

    async def drain(self, timeout_s: float) -> None:
        """Refuse new calls, let the running ones finish within `timeout_s`, cancel the rest."""
        await self._dispatcher.drain(timeout_s)

    # -- messages -------------------------------------------------------------------------------

    def _start(self) -> None:
        if self._is_over:
            return
        if self.connection.state.current_state is ConnectionState.CLOSED:
            self._end()
        else:
            self._start_listening()

    def _start_listening(self) -> None:
        if self._is_listening or self._is_over:
            return
        self._is_listening = True
        # What has waited is delivered before `listen` returns, and may make us stop again.
        self._unlisten_message = self.connection.on_message.listen(self._on_message)
        if not self._is_listening:
            self._unlisten_message()

    def _stop_listening(self) -> None:
        self._is_listening = False
        if self._unlisten_message is not None:
            self._unlisten_message()
            self._unlisten_message = None

    def _on_message(self, message: Message) -> None:
        try:
            if isinstance(message, str):
                self._counters.bytes_received += (
                    len(message) if message.isascii() else len(message.encode())
                )
                event = self._session.receive(message)
            else:
                self._counters.bytes_received += len(message)
                event = self._session.receive_bytes(message)
            # The two that come by the thousand first.
            if type(event) is RequestReceived:
                self._dispatcher.dispatch(event)
            elif isinstance(event, AnswerReceived):
                self._settle(event.call, event.data)
            elif event is not None:
                self._on_rare_event(event)
        except (BadFrame, LimitExceeded) as error:
            self._give_up(error)

    def _on_rare_event(self, event: Event[Call[Any]]) -> None:
        if isinstance(event, FailureReceived):
            self._receiver.break_off(event.call, event.call.reading.decode_failure(event.failure))
        elif isinstance(event, Refused):
            self._send_text(event.reply)
        elif isinstance(event, StreamRefused):
            self._dispatcher.stop_stream(event.request_id)
        elif isinstance(event, CancelReceived):
            self._dispatcher.cancel(event.request_id)
        elif not isinstance(event, AnswerReceived | RequestReceived):
            self._receiver.receive(event)

    def _settle(self, call: Call[Any], data: bytes | None) -> None:
        if call.done():
            # It is a stream by now, and this is no way to end one.
            self._receiver.break_off(call, BadFrame("a stream was cut off by an ordinary answer"))
            return
        try:
            result = call.reading.decode_result(data)
        except BadFrame as error:
            # Unreadable, and yet an answer: counted as the one, failed as the other, so that the
            # caller is not left waiting.
            call.fail(error)
            self._session.count_invalid()
        except DuologueError as error:
            call.fail(error)
        else:
            call.set_result(result)

    def _send_text(self, text: bytes) -> None:
        try:
            self.connection.send_utf8(text)
        except ConnectionClosed:
            self._counters.results_dropped += 1
        else:
            self._counters.bytes_sent += len(text)

    # -- the end --------------------------------------------------------------------------------

    def _give_up(self, error: DuologueError) -> None:
        self.connection.failure = error
        self.connection.close(f"onMsgHandler error: {error}")

    def _on_deadline(self, call: Call[Any]) -> None:
        if self.abandon(call):
            name = call.reading.full_name
            call.fail_quietly(DeadlineExceeded(f"no answer to {name} within {call.timeout_s:g} s"))

    def _on_state(self, state: ConnectionState) -> None:
        if state is ConnectionState.CLOSED:
            self._end()

    def _end(self) -> None:
        self._is_over = True
        self._unlisten_state()
        self._stop_listening()
        self._receiver.inflow.close()
        self._deadlines.close()
        connection = self.connection
        # Without the peer's close frame nobody can say how much of what was accepted went out.
        sent: Sent = "unknown" if connection.close_code == CLOSE_CODE_LOST else "yes"
        calls = self._session.close()
        pending = tuple(call.service_id for call in calls)
        for call in calls:
            error = self.aborted(call, sent, connection.close_reason)
            if self._receiver.is_streaming(call):
                self._receiver.break_off(call, error)
            else:
                self._peer.on_unanswered(call, error)
        self._dispatcher.close()
        self._peer.on_conversation_end(Ending(connection, pending, sent))
