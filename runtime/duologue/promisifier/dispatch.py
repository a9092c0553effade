"""Requests of the other side to handlers: how many may run, and who owns their tasks."""

import asyncio
import contextvars
import sys
from collections import deque
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Final, Protocol

from duologue.connection.base import Connection, ConnectionState
from duologue.errors import ConnectionClosed, DuologueError, LimitExceeded
from duologue.limits import Limits
from duologue.promisifier.failures import describe_incident, describe_limit
from duologue.promisifier.handlers import Handler, Result, UnreadableArguments
from duologue.promisifier.streams.sending import send_stream
from duologue.promisifier.streams.stream import ByteStream, TextStream
from duologue.protocol.messages import Failure, RequestReceived
from duologue.protocol.parcels import Parcel, Payload, size_of
from duologue.protocol.session import UNKNOWN_SERVICE, Session

if TYPE_CHECKING:
    from duologue.promisifier.promisifier import WebsocketPromisifier

_JSON: Final = (bytes, Parcel)
"""A union would say the same and take three times as long to ask."""

_GOING_AWAY: Final = Failure("GoingAway", "this side is shutting down", "GOING_AWAY")
_NO_PARTS: Final = Failure(
    "InvalidParams", "this service takes no parts beside its arguments", "INVALID_PARAMS"
)
_CANCELLED: Final = Failure("Cancelled", "the call was cancelled", "CANCELLED")


class Reply(Protocol):
    """What sends answers."""

    def __call__(self, text: bytes, parcel: Parcel | None = None, /) -> None:
        """Send `text`; the parts of `parcel`, if it announces one, follow it."""


class Dispatcher:
    """Starts handlers in order of arrival and sends what they give.

    Plain handlers run at once, in the read callback. Async ones get a task each, held here until it
    has really ended: `running` counts it till then, whatever it does with a cancellation. Calls
    above `max_running_calls` wait in line; above `max_waiting_calls` they are refused.
    """

    def __init__(
        self,
        peer: "WebsocketPromisifier",
        handlers: dict[int, Handler],
        session: Session[Any],
        connection: Connection,
        *,
        reply: Reply,
        give_up: Callable[[DuologueError], None],
        limits: Limits,
    ) -> None:
        self.control: Handler | None = None
        """What answers service 0; None in the base profile, where it is unknown like any other."""
        self.running = 0
        self._peer = peer
        self._handlers = handlers
        self._session = session
        self._connection = connection
        self._reply = reply
        self._give_up = give_up
        self._limits = limits
        self._max_running_calls = limits.max_running_calls
        self._loop = asyncio.get_running_loop()
        self._context = contextvars.copy_context()
        self._tasks: set[asyncio.Task[None]] = set()
        self._senders: dict[int, asyncio.Task[None]] = {}
        self._by_request: dict[int, asyncio.Task[None]] = {}
        self._waiting: deque[RequestReceived] = deque()
        self._waiting_bytes = 0
        self._starting_waiting = False
        self._draining = False
        self._closed = False
        self._idle: asyncio.Future[None] | None = None

    def dispatch(self, event: RequestReceived) -> None:
        """Serve one request: start it, let it wait, or refuse it."""
        if self._draining:
            self._refuse(event, _GOING_AWAY)
        elif self.running < self._max_running_calls:
            self._start(event)
        else:
            self._wait_in_line(event)

    def stop_stream(self, request_id: int) -> None:
        """The caller wants no more of a stream: stop its source and say so."""
        sender = self._senders.get(request_id)
        if sender is not None:
            sender.cancel()

    def cancel(self, request_id: int) -> None:
        """The caller has given up: what has not been answered is answered CANCELLED."""
        for event in self._waiting:
            if event.request_id == request_id:
                self._waiting.remove(event)
                self._waiting_bytes -= size_of(event.args or b"")
                self._refuse(event, _CANCELLED)
                return
        # A handler that has just been accepted takes its first step before this.
        self._loop.call_soon(self._cancel_one, request_id)

    def close(self) -> None:
        """Cancel what runs and forget what waits; results are dropped from now on."""
        self._closed = True
        self._waiting.clear()
        self._cancel_running()
        self._tell_idle()
        if not self._tasks:
            # Nothing more is dispatched or answered: the peer need not wait for the collector.
            del self._peer, self._reply, self._give_up

    async def drain(self, timeout_s: float) -> None:
        """Refuse new calls and let the accepted ones finish; cancel those that take too long."""
        self._draining = True
        if self.running or self._waiting:
            self._idle = self._idle or self._loop.create_future()
            await asyncio.wait([self._idle], timeout=timeout_s)
        for event in self._waiting:
            self._refuse(event, _GOING_AWAY)
        self._waiting.clear()
        # Each answers CANCELLED while the connection is still open.
        self._cancel_running()
        if self._tasks:
            await asyncio.wait(tuple(self._tasks), timeout=self._limits.cancel_timeout_s)

    def _cancel_one(self, request_id: int) -> None:
        task = self._by_request.get(request_id)
        if task is not None:
            task.cancel()

    def _cancel_running(self) -> None:
        # Not at once: a task that was never started drops its coroutine, which Python reports. By
        # the time this is due every handler has had its first step.
        for task in self._tasks:
            self._loop.call_soon(task.cancel)

    def _start(self, event: RequestReceived) -> None:
        handler = self._handlers.get(event.service_id)
        if handler is None and event.service_id == 0:
            handler = self.control
        if handler is None:
            self._refuse(event, unknown_service(event.service_id))
            return
        if isinstance(event.args, Parcel) and not handler.takes_parts:
            self._refuse(event, _NO_PARTS)
            return
        # A context of its own: what a handler sets must not reach the next caller's.
        context = self._context.copy()
        try:
            outcome = context.run(handler.start, event.args, self._peer, event.takes_parts)
        except UnreadableArguments:
            self._disown(event)
        except asyncio.CancelledError:
            self._refuse(event, _CANCELLED)
        except Exception as error:
            self._fail(event, handler, error)
        except (KeyboardInterrupt, SystemExit, GeneratorExit):
            raise
        except BaseException as error:
            self._refuse(event, describe_incident(error, handler.name))
        else:
            if outcome is None or isinstance(outcome, _JSON):
                self._answer(event, outcome)
            elif isinstance(outcome, ByteStream | TextStream):
                self._start_task(self._run_stream(event, handler, outcome), context)
            else:
                self._start_task(self._run(event, handler, outcome), context)

    def _start_task(
        self, coroutine: Coroutine[Any, Any, None], context: contextvars.Context
    ) -> None:
        self.running += 1
        if sys.version_info >= (3, 12):
            task = asyncio.Task(coroutine, loop=self._loop, context=context, eager_start=True)
        else:
            task = self._loop.create_task(coroutine, context=context)
        if not task.done():
            self._tasks.add(task)

    async def _run(
        self,
        event: RequestReceived,
        handler: Handler,
        outcome: Coroutine[Any, Any, Result],
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._by_request[event.request_id] = task
        try:
            result = await outcome
        except asyncio.CancelledError:
            self._refuse(event, _CANCELLED)
        except Exception as error:
            self._fail(event, handler, error)
        except (KeyboardInterrupt, SystemExit, GeneratorExit):
            raise
        except BaseException as error:
            # A panic in a Rust extension, say, is no `Exception`; the caller must be told even so.
            self._refuse(event, describe_incident(error, handler.name))
        else:
            if isinstance(result, ByteStream | TextStream):
                await self._send_stream(event, handler, result)
            else:
                self._answer(event, result)
        finally:
            del self._by_request[event.request_id]
            self._ended()

    async def _run_stream(
        self, event: RequestReceived, handler: Handler, stream: ByteStream | TextStream
    ) -> None:
        try:
            await self._send_stream(event, handler, stream)
        finally:
            self._ended()

    async def _send_stream(
        self, event: RequestReceived, handler: Handler, stream: ByteStream | TextStream
    ) -> None:
        request_id = event.request_id
        task = asyncio.current_task()
        assert task is not None
        self._senders[request_id] = task
        self._session.start_stream(request_id)
        try:
            async with stream:
                await send_stream(self._connection, request_id, stream, self._session.counters)
        except (asyncio.CancelledError, ConnectionClosed):
            # Refused by the caller, or closed. The source has been stopped.
            closing = self._session.fail_stream(request_id)
        except Exception as error:
            describe_incident(error, f"the stream of {handler.name}")
            closing = self._session.fail_stream(request_id)
        else:
            closing = self._session.end_stream(request_id)
        finally:
            del self._senders[request_id]
        if self._closed:
            self._session.counters.results_dropped += 1
        else:
            self._reply(closing)

    def _ended(self) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.discard(task)
        self.running -= 1
        # An eager task that ends at once comes back here: one loop starts them all, no recursion.
        if not self._starting_waiting:
            self._starting_waiting = True
            try:
                self._start_waiting()
            finally:
                self._starting_waiting = False
        if not self.running and not self._waiting:
            self._tell_idle()

    def _start_waiting(self) -> None:
        while self._waiting and self.running < self._limits.max_running_calls:
            event = self._waiting.popleft()
            self._waiting_bytes -= size_of(event.args or b"")
            self._start(event)

    def _tell_idle(self) -> None:
        if self._idle is not None and not self._idle.done():
            self._idle.set_result(None)

    def _wait_in_line(self, event: RequestReceived) -> None:
        size = size_of(event.args or b"")
        if len(self._waiting) >= self._limits.max_waiting_calls:
            self._refuse_busy(
                event, LimitExceeded("max_waiting_calls", self._limits.max_waiting_calls)
            )
        elif self._waiting_bytes + size > self._limits.max_waiting_bytes:
            self._refuse_busy(
                event, LimitExceeded("max_waiting_bytes", self._limits.max_waiting_bytes)
            )
        else:
            self._waiting.append(event)
            self._waiting_bytes += size

    def _refuse_busy(self, event: RequestReceived, error: LimitExceeded) -> None:
        self._session.counters.requests_refused_busy += 1
        self._refuse(event, describe_limit(error))

    def _disown(self, event: RequestReceived) -> None:
        try:
            self._session.disown(event)
        except LimitExceeded as error:
            self._give_up(error)

    def _fail(self, event: RequestReceived, handler: Handler, error: Exception) -> None:
        if isinstance(error, ConnectionClosed) and not self._is_open:
            # The handler called back on this very connection: no fault of its, and nobody to tell.
            self._session.counters.results_dropped += 1
            return
        try:
            self._refuse(event, handler.failure(error))
        except Exception as flaw:
            # The error itself is broken: its text raises, or its fields have no form in JSON.
            self._refuse(event, describe_incident(flaw, handler.name))

    @property
    def _is_open(self) -> bool:
        return self._connection.state.current_state is ConnectionState.OPEN

    def _refuse(self, event: RequestReceived, failure: Failure) -> None:
        if self._closed:
            self._session.counters.results_dropped += 1
            return
        try:
            self._reply(self._session.fail(event.request_id, failure))
        except LimitExceeded as error:
            # Larger than a message may be; nothing of it was taken.
            self._reply(self._session.fail(event.request_id, describe_limit(error)))

    def _answer(self, event: RequestReceived, data: Payload | None) -> None:
        if self._closed:
            self._session.counters.results_dropped += 1
            return
        text = self._session.answer(event.request_id, data)
        try:
            self._reply(text, data if isinstance(data, Parcel) else None)
        except LimitExceeded as error:
            # The result is larger than a message may be; nothing of it was taken.
            self._refuse(event, describe_limit(error))


def unknown_service(service_id: int) -> Failure:
    """The answer to a number that nobody serves; the spelling is the original's."""
    return Failure(
        "TypeError", f"Not a function: Servcie ID {service_id} [number]", UNKNOWN_SERVICE
    )
