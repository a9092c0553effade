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
    ProtocolError,
    Sent,
)
from duologue.limits import Limits
from duologue.promisifier.deadlines import CallDeadlines
from duologue.promisifier.dispatch import Dispatcher
from duologue.promisifier.handlers import Handler
from duologue.promisifier.negotiation import Negotiation
from duologue.promisifier.own_call import Call
from duologue.promisifier.parts_deadline import PartsDeadline
from duologue.promisifier.promise import end_of_call
from duologue.promisifier.stats import Stats
from duologue.promisifier.streams.receiver import StreamReceiver
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
from duologue.protocol.parcels import Parcel, Payload
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
            peer,
            handlers,
            self._session,
            connection,
            reply=self._send_text,
            give_up=self._give_up,
            limits=limits,
        )
        self._receiver = StreamReceiver(
            self._session,
            limits,
            send_text=self._send_text,
            pause=self._stop_listening,
            resume=self._start_listening,
        )
        self._limits = limits
        loop = asyncio.get_running_loop()
        self._patience = PartsDeadline(loop, self._session, limits, self._give_up)
        self._deadlines = CallDeadlines(loop, self._session.open_calls, self._on_deadline)
        self._is_started = self._is_over = False
        self._is_listening = False
        self._unlisten_message: Unlisten | None = None
        self._unlisten_state = connection.state.on_enter_state.listen(self._on_state)
        # Not at once: whoever made this has services to add before the first request is served.
        loop.call_soon(self.start)

    def start(self) -> None:
        """Serve from now on, and say hello. Comes by itself in the next turn of the loop."""
        if self._is_started or self._is_over:
            return
        self._is_started = True
        if self.connection.state.current_state is ConnectionState.CLOSED:
            self._end()
            return
        self._start_listening()
        # If the other side's hello was waiting, our answer to it has introduced us as well.
        if self.negotiation is not None and self.negotiation.remote is None:
            self._peer.say_hello(self.negotiation)

    # -- own calls ------------------------------------------------------------------------------

    @property
    def in_flight(self) -> int:
        """Own calls that count towards `max_open_calls`."""
        return self._session.in_flight

    def send(
        self, call: Call[Any], args: Payload, timeout_s: float | None, takes_parts: bool
    ) -> None:
        """Send the request of `call`, which is settled exactly once: here, if it cannot be sent.

        `args` is a JSON list; `timeout_s` counts from now, None waits for ever; with `takes_parts`
        the answer may have parts beside it.
        """
        service_id = call.service_id
        try:
            request_id, text = self._session.open_call(service_id, args, call, takes_parts)
        except LimitExceeded as error:
            call.fail(error)
            return
        try:
            if isinstance(args, Parcel):
                self._send_parcel(text, args)
            else:
                self.connection.send_utf8(text)
        except ConnectionClosed as error:
            # A message in pieces may have ended the connection half-way, and the call with it.
            if request_id in self._session.open_calls:
                self._session.take_back(request_id, service_id)
                call.owner.on_unanswered(call, self.aborted(call, "no", error.reason))
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
        negotiation.on_introduced = self._peer.on_introduced
        self._session.has_control_service = True
        self._dispatcher.control = negotiation
        if self._is_started:
            self._peer.say_hello(negotiation)

    async def drain(self, timeout_s: float) -> None:
        """Refuse new calls, let the running ones finish within `timeout_s`, cancel the rest."""
        await self._dispatcher.drain(timeout_s)

    # -- messages -------------------------------------------------------------------------------

    def _start_listening(self) -> None:
        if self._is_listening or self._is_over:
            return
        self._is_listening = True
        # What has waited is delivered before `listen` returns, and may make us stop again.
        self._unlisten_message = self.connection.on_message.listen(self._on_message)
        if self._is_listening:
            self._patience.watch()
        else:
            self._unlisten_message()

    def _stop_listening(self) -> None:
        self._is_listening = False
        self._patience.stop()
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
            elif self._session.arriving is not None:
                self._patience.watch()
        except (ProtocolError, LimitExceeded) as error:
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

    def _settle(self, call: Call[Any], data: Payload | None) -> None:
        if call.done():
            # It is a stream by now, and this is no way to end one.
            self._receiver.break_off(call, BadFrame("a stream was cut off by an ordinary answer"))
            return
        try:
            if type(data) is Parcel and not call.reading.takes_parts:
                raise BadFrame("parts came beside an answer that was to have none")
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

    def _send_text(self, text: bytes, parcel: Parcel | None = None, /) -> None:
        try:
            if parcel is None:
                self.connection.send_utf8(text)
            else:
                self._send_parcel(text, parcel)
        except ConnectionClosed:
            self._counters.results_dropped += 1
        else:
            self._counters.bytes_sent += len(text)

    def _send_parcel(self, text: bytes, parcel: Parcel) -> None:
        """Send the text that announces `parcel` and, with nothing between, its parts.

        Raises:
            ConnectionClosed: the connection is not open; nothing was taken.
            LimitExceeded: all together is larger than a message may be; nothing was taken.
        """
        size = len(text) + sum(map(len, parcel.parts))
        if size > self._limits.max_message_bytes:
            raise LimitExceeded("max_message_bytes", self._limits.max_message_bytes, size)
        self.connection.send_utf8(text)
        for part in parcel.parts:
            # Sending may have ended the connection; whoever waits for an answer knows by then.
            if self._is_over:
                return
            self.connection.send(part)
            self._counters.bytes_sent += len(part)

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
        self._deadlines.end()
        self._patience.end()
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
                call.owner.on_unanswered(call, error)
        self._receiver.close()
        self._dispatcher.close()
        self._peer.on_conversation_end(Ending(connection, pending, sent))
        # What holds us is let go of: connections that come and go would keep the collector busy.
        del self._peer, self._unlisten_state
        if self.negotiation is not None:
            self.negotiation.forget_listeners()
