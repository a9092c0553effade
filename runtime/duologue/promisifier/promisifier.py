"""Calls and services over one connection: the object an application holds."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

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
    ServiceIdTaken,
)
from duologue.limits import Limits
from duologue.promisifier.call import Call, Reading
from duologue.promisifier.call_deadlines import CallDeadlines
from duologue.promisifier.dispatch import Dispatcher
from duologue.promisifier.handlers import FunctionHandler, Handler
from duologue.promisifier.negotiation import CONTROL_SERVICE, HELLO_TIMEOUT_S, Negotiation
from duologue.promisifier.promise import Promise, end_of, end_of_call
from duologue.promisifier.pump import PAUSE_ABOVE_BYTES
from duologue.promisifier.receiver import StreamReceiver
from duologue.promisifier.stats import Stats
from duologue.promisifier.untyped import Untyped
from duologue.protocol import codec
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
from duologue.protocol.values import encode_arguments

T = TypeVar("T")


class WebsocketPromisifier:
    """One end of a conversation: calls the other side's services and serves its calls.

    Made by `create_websocket_promisifier`, `connect` and `serve`. Both directions work at once and
    neither side is special. All of it runs in the event loop's thread, in callbacks of the
    connection; the only tasks are those of async services.
    """

    def __init__(self, connection: Connection, limits: Limits) -> None:
        self._loop = asyncio.get_running_loop()
        self._connection = connection
        self._limits = limits
        self._session: Session[Call[Any]] = Session(limits)
        self._dispatcher = Dispatcher(
            self, self._session, connection, self._send_text, self._give_up, limits
        )
        self._receiver = StreamReceiver(
            self._session,
            limits,
            send_text=self._send_text,
            pause=self._stop_listening,
            resume=self._start_listening,
        )
        self._deadlines = CallDeadlines(self._loop, self._on_deadline)
        self._promise = Promise(self._loop)
        self._stats = Stats(self._session.counters)
        self._negotiation: Negotiation | None = None
        self._closed_listeners: list[Callable[[WebsocketPromisifier], None]] = []
        self._is_started = False
        self._is_listening = False
        self._unlisten_message: Unlisten | None = None
        self._unlisten_state = connection.state.on_enter_state.listen(self._on_state)
        # Not at once: whoever made this has services to add before the first request is served.
        self._loop.call_soon(self.start)

    # -- the documented API ---------------------------------------------------------------------

    @property
    def promise(self) -> Promise:
        """Awaitable; settles once, when the connection is closed.

        Gives a `CloseStatus` if it was closed with code 1000, else raises `ConnectionClosed`.
        """
        return self._promise

    @property
    def conn_id(self) -> int:
        """The id of the underlying connection."""
        return self._connection.id

    @property
    def stats(self) -> Stats:
        """What this side has counted; a live, read-only view."""
        return self._stats

    @property
    def limits(self) -> Limits:
        """The bounds of this side."""
        return self._limits

    @property
    def remote_address(self) -> str | None:
        """What the transport knows of the other side's address."""
        return self._connection.remote_address

    @property
    def remote_key(self) -> bytes | None:
        """The other side's public key once it has proved to have it; None if it has not.

        Always None on a connection that is not encrypted. Set before any handler runs on one that
        is.
        """
        return self._connection.remote_key

    def add_service(self, service_id: int, function: Callable[..., object]) -> None:
        """Serve `function`, plain or async, under a number; args come as positional arguments.

        Tell callers about a failure by raising a `CallError`; of any other exception they learn
        only an incident id. Returning nothing gives the caller `UNDEFINED`.

        Raises:
            RefusedService: the id is no integer above 0.
            ServiceIdTaken: something is served under it.
        """
        self._session.check_service_id(service_id)
        handler = FunctionHandler(service_id, function, self._limits.max_json_depth - 1)
        self.add_handlers({service_id: handler})

    def add_handlers(self, handlers: Mapping[int, Handler]) -> None:
        """Serve ready-made handlers, all of them or none.

        Raises:
            ServiceIdTaken: something is served under one of the numbers.
        """
        for service_id, handler in handlers.items():
            holder = self._dispatcher.handlers.get(service_id)
            if holder is not None:
                raise ServiceIdTaken(service_id, holder.name, handler.name)
        self._dispatcher.handlers.update(handlers)

    def handler(self, service_id: int) -> Handler | None:
        """What is served under a number."""
        return self._dispatcher.handlers.get(service_id)

    def remove_service(self, service_id: int) -> None:
        """Serve nothing under this number any more; what runs goes on."""
        self._dispatcher.handlers.pop(service_id, None)

    def clear_services(self) -> None:
        """Serve nothing any more; what runs goes on."""
        self._dispatcher.handlers.clear()

    def send(self, service_id: int, *args: object) -> Call[Any]:
        """Call the other side's service; awaiting the result gives its value.

        The request leaves when `send` is called, not when its result is awaited. There is no
        deadline; cancelling gives the call up and drops a late answer.

        Raises (when awaited):
            RefusedService: the id is no integer above 0.
            RefusedValue: an argument has no form on the wire; nothing was sent.
            RemoteError: the service failed; `.cause` says how.
            ConnectionClosed: no answer can come; `.sent` tells whether the request had left.
            LimitExceeded: too many open calls, or the request is too large; nothing was sent.
        """
        reading = Untyped(service_id)
        try:
            self._session.check_service_id(service_id)
            encoded = encode_arguments(args, self._limits.max_json_depth - 1)
        except DuologueError as error:
            failed: Call[Any] = Call(self._loop, 0, reading, self._on_call_cancelled)
            failed.fail(error)
            return failed
        return self.start_call(service_id, encoded, reading, None)

    def close(self, reason: str | None = None) -> None:
        """Start closing with code 1000; the result is in `promise`. A second call does nothing.

        A reason is cut, at a whole character, to what a close frame can hold (base profile 8.3).
        """
        self._connection.close(reason)

    # -- for the typed layer and the endpoints --------------------------------------------------

    def start_call(
        self,
        service_id: int,
        args: bytes,
        reading: Reading[T],
        timeout_s: float | None,
    ) -> Call[T]:
        """Send a request and return its future, which settles exactly once.

        `args` is a JSON list; `timeout_s` counts from now, None waits for ever. A request that
        could not be sent is a future that has failed already.
        """
        call = Call(self._loop, service_id, reading, self._on_call_cancelled)
        try:
            request_id, text = self._session.open_call(service_id, args, call)
        except LimitExceeded as error:
            call.fail(error)
            return call
        try:
            self._connection.send_utf8(text)
        except ConnectionClosed as error:
            self._session.take_back(request_id, service_id)
            call.fail_quietly(self._aborted(call, "no", error.reason))
            return call
        except LimitExceeded as error:
            self._session.take_back(request_id, service_id)
            call.fail(error)
            return call
        self._session.counters.bytes_sent += len(text)
        call.request_id = request_id
        # Sending may have ended the connection, and the call with it.
        if timeout_s is not None and not call.done():
            self._deadlines.set(call, timeout_s)
        # The answer may be behind a stream that nobody reads at the moment.
        if self._receiver.inflow.is_paused:
            self._receiver.inflow.look_again()
        return call

    def negotiate(self, negotiation: Negotiation) -> None:
        """Introduce this side, and learn what the other side is (duologue profile 1)."""
        self._negotiation = negotiation
        negotiation.on_mismatch = self._give_up
        self._session.has_control_service = True
        self._dispatcher.control = negotiation
        if self._is_started:
            self._say_hello(negotiation)

    def start(self) -> None:
        """Serve from now on, and say hello. Comes by itself in the next turn of the loop."""
        if self._is_started or self._promise.done():
            return
        self._is_started = True
        if self._connection.state.current_state is ConnectionState.CLOSED:
            self._on_closed()
            return
        self._start_listening()
        # If the other side's hello was waiting, our answer to it has introduced us as well.
        if self._negotiation is not None and self._negotiation.remote is None:
            self._say_hello(self._negotiation)

    def _say_hello(self, negotiation: Negotiation) -> None:
        hello = self.start_call(CONTROL_SERVICE, negotiation.hello, negotiation, HELLO_TIMEOUT_S)
        hello.add_done_callback(negotiation.settle)

    async def negotiated(self) -> None:
        """Wait until the other side has introduced itself, or is known for a base peer."""
        if self._negotiation is not None:
            await self._negotiation.settled()

    @property
    def speaks_duologue(self) -> bool:
        """Whether the other side has introduced itself; False means the base profile only."""
        return self._negotiation is not None and self._negotiation.remote is not None

    def base_of(self, name: str, base: int, digest: str) -> int:
        """The number that the methods of a service of the other side are counted from.

        Raises:
            ContractMismatch: the other side offers it by another contract.
        """
        if self._negotiation is None:
            return base
        return self._negotiation.base_of(name, base, digest)

    @property
    def is_congested(self) -> bool:
        """Whether so much is on its way out that what can wait should."""
        return self._connection.buffered_amount > PAUSE_ABOVE_BYTES

    def count_dropped_event(self) -> None:
        """Note that this peer has missed an event."""
        self._session.counters.events_dropped += 1

    async def drain(self, timeout_s: float) -> None:
        """Refuse new calls, let the running ones finish within `timeout_s`, cancel the rest."""
        await self._dispatcher.drain(timeout_s)

    def on_closed(self, listener: "Callable[[WebsocketPromisifier], None]") -> None:
        """Tell `listener`, once, when the connection is closed."""
        self._closed_listeners.append(listener)

    # -- messages -------------------------------------------------------------------------------

    def _start_listening(self) -> None:
        if self._is_listening or self._promise.done():
            return
        self._is_listening = True
        # What has waited is delivered before `listen` returns, and may make us stop again.
        self._unlisten_message = self._connection.on_message.listen(self._on_message)
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
                self._session.counters.bytes_received += (
                    len(message) if message.isascii() else len(message.encode())
                )
                self._on_event(self._session.receive(message))
            else:
                self._session.counters.bytes_received += len(message)
                self._on_event(self._session.receive_bytes(message))
        except (BadFrame, LimitExceeded) as error:
            self._give_up(error)

    def _give_up(self, error: DuologueError) -> None:
        self._connection.failure = error
        self._connection.close(f"onMsgHandler error: {error}")

    def _on_event(self, event: Event[Call[Any]] | None) -> None:
        if isinstance(event, AnswerReceived):
            self._settle(event.call, event.data)
        elif isinstance(event, RequestReceived):
            self._dispatcher.dispatch(event)
        elif isinstance(event, Refused):
            self._send_text(event.reply)
        elif isinstance(event, FailureReceived):
            self._deadlines.forget(event.call)
            self._receiver.break_off(event.call, event.call.reading.decode_failure(event.failure))
        elif isinstance(event, StreamRefused):
            self._dispatcher.stop_stream(event.request_id)
        elif isinstance(event, CancelReceived):
            self._dispatcher.cancel(event.request_id)
        elif event is not None:
            self._deadlines.forget(event.call)
            self._receiver.receive(event)

    def _settle(self, call: Call[Any], data: bytes | None) -> None:
        self._deadlines.forget(call)
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
            self._connection.send_utf8(text)
        except ConnectionClosed:
            self._session.counters.results_dropped += 1
        else:
            self._session.counters.bytes_sent += len(text)

    # -- giving up ------------------------------------------------------------------------------

    def _on_call_cancelled(self, call: Call[Any]) -> None:
        self._deadlines.forget(call)
        self._abandon(call)

    def _abandon(self, call: Call[Any]) -> bool:
        was_open = self._session.abandon(call.request_id)
        if was_open and self._negotiation is not None and self._negotiation.has("cancel"):
            self._send_text(codec.cancel(call.request_id))
        return was_open

    def _on_deadline(self, call: Call[Any]) -> None:
        if self._abandon(call):
            name = call.reading.full_name
            call.fail_quietly(DeadlineExceeded(f"no answer to {name} within {call.timeout_s:g} s"))

    # -- the end --------------------------------------------------------------------------------

    def _on_state(self, state: ConnectionState) -> None:
        if state is ConnectionState.CLOSED:
            self._on_closed()

    def _on_closed(self) -> None:
        self._unlisten_state()
        self._stop_listening()
        self._deadlines.end()
        connection = self._connection
        # Without the peer's close frame nobody can say how much of what was accepted went out.
        sent: Sent = "unknown" if connection.close_code == CLOSE_CODE_LOST else "yes"
        calls = self._session.close()
        pending = tuple(call.service_id for call in calls)
        stats = self._stats.snapshot()
        for call in calls:
            self._receiver.break_off(call, self._aborted(call, sent, connection.close_reason))
        self._receiver.close()
        self._dispatcher.close()
        # What holds us is let go of: connections that come and go would keep the collector busy.
        del self._unlisten_state
        if self._negotiation is not None:
            self._negotiation.on_mismatch = _ignore
        self._promise.settle(end_of(connection, stats, pending, sent))
        for listener in self._closed_listeners:
            listener(self)
        self._closed_listeners.clear()

    def _aborted(self, call: Call[Any], sent: Sent, reason: str) -> ConnectionClosed:
        stats = self._stats.snapshot()
        return end_of_call(self._connection, stats, call.service_id, sent, reason)


def create_websocket_promisifier(
    connection: Connection, *, limits: Limits | None = None
) -> WebsocketPromisifier:
    """A promisifier over `connection`, for calls and services by number (base profile 7).

    Must be called in a running event loop. Messages that came before are not lost.
    """
    return WebsocketPromisifier(connection, limits or Limits())


def _ignore(_: object) -> None:
    pass
