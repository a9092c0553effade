"""Requests of the other side to handlers, and what they give to the wire."""

import asyncio
import contextvars
import logging
import math
import sys
from collections.abc import Callable, Coroutine
from typing import Any, Final, Generic, Protocol, TypeVar

from duologue.connection.base import Connection, ConnectionState
from duologue.errors import ConnectionClosed, DeadlineExceeded, DuologueError, LimitExceeded
from duologue.limits import Limits
from duologue.promisifier.admission import Admission
from duologue.promisifier.budget import Budget
from duologue.promisifier.deadline_scope import in_force, lift_deadlines
from duologue.promisifier.failures import describe_incident, describe_late, describe_limit
from duologue.promisifier.handlers import Handler, Result, Unfinished, UnreadableArguments
from duologue.promisifier.held_answers import HeldAnswers
from duologue.promisifier.intake import Hold, Intake
from duologue.promisifier.patience import Patience
from duologue.promisifier.served_call import ServedCall, serving
from duologue.promisifier.streams.items import ItemDesk
from duologue.promisifier.streams.sending import OutgoingStreams
from duologue.promisifier.streams.stream import ByteStream, TextStream
from duologue.protocol.call_fields import meta_field
from duologue.protocol.hello import CONTROL_SERVICE
from duologue.protocol.messages import Failure, RequestReceived
from duologue.protocol.parcels import Parcel, Payload, size_of
from duologue.protocol.session import UNKNOWN_SERVICE, Session

PeerT = TypeVar("PeerT")
PeerT_contra = TypeVar("PeerT_contra", contravariant=True)

_log: Final = logging.getLogger("duologue")

_JSON: Final = (bytes, Parcel)
_STREAMS: Final = (ByteStream, TextStream)
"""Unions would say the same and take three times as long to ask."""

_GOING_AWAY: Final = Failure("GoingAway", "this side is shutting down", "GOING_AWAY")
_NO_PARTS: Final = Failure(
    "InvalidParams", "this service takes no parts beside its arguments", "INVALID_PARAMS"
)
_CANCELLED: Final = Failure("Cancelled", "the call was cancelled", "CANCELLED")
_CUT_OFF: Final = Failure(
    "Cancelled", "cut off while it ran: the side that served it is shutting down", "CANCELLED"
)


class Reply(Protocol):
    """What sends answers."""

    def __call__(self, text: bytes, parcel: Parcel | None = None, /) -> None:
        """Send `text`; the parts of `parcel`, if it announces one, follow it."""


class ControlHandler(Handler[PeerT_contra], Protocol[PeerT_contra]):
    """Answers service 0."""

    def is_prompt(self, args: Payload | None) -> bool:
        """Whether a call with these arguments is answered while others wait: its answer is small.

        Of large ones, whoever takes no answers could have us keep many.
        """
        ...


class Dispatcher(Generic[PeerT]):
    """Starts handlers in order of arrival and sends what they give.

    Plain handlers run at once, in the read callback. Async ones, and streams that are an answer,
    get a task each. `Admission` decides how many of those there are.
    """

    def __init__(
        self,
        peer: PeerT,
        handlers: dict[int, Handler[PeerT]],
        session: Session[Any],
        connection: Connection,
        *,
        reply: Reply,
        give_up: Callable[[DuologueError], None],
        intake: Intake,
        limits: Limits,
        budget: Budget,
        takes_meta: Callable[[], bool],
    ) -> None:
        """`takes_meta` says whether the other side wants to know metadata of answers."""
        self.control: ControlHandler[PeerT] | None = None
        """What answers service 0; None in the base profile, where it is unknown like any other."""
        self._peer = peer
        self._handlers = handlers
        self._session = session
        self._served = session.served
        self._connection = connection
        self._gate = connection.gate
        self._desk = ItemDesk(session.served.items, connection, session.counters)
        self._intake = intake
        self._reply = reply
        self._give_up = give_up
        self._limits = limits
        self._takes_meta = takes_meta
        self._loop = asyncio.get_running_loop()
        self._context = contextvars.copy_context()
        self.admission: Admission[ServedCall[PeerT]] = Admission(
            limits, connection, self._start, self._refuse_busy, budget
        )
        self.admission.on_room = self._on_room
        # Looked at for every call.
        self._budget = budget
        self._share = self.admission.share
        self._streams: OutgoingStreams | None = None
        self._held: HeldAnswers | None = None
        self._patience: Patience[ServedCall[PeerT]] | None = None
        """Made for the first call that may come to be late."""
        # A side that was made in a block with a deadline serves others as long as it is there.
        self._context.run(lift_deadlines)
        self._cancelled = _CANCELLED
        """What a call is answered whose handler was cancelled."""
        self._closed = False

    def dispatch(self, request: RequestReceived) -> None:
        """Serve one request: start it, let it wait, or refuse it."""
        call = ServedCall(request, self._peer, self._desk)
        admission = self.admission
        running = admission.running
        # Here, not in a method: it is asked for every call. Small ones have no weight.
        if (
            running < admission.room
            and running < self._budget.free_calls
            and self._share.free > 0
            and not (request.weight and not admission.has_room_for(request.weight))
            and not self._gate.is_shut
        ):
            self._start(call)
        else:
            self._start_later(call)

    def _start_later(self, call: ServedCall[PeerT]) -> None:
        admission = self.admission
        if admission.is_shut:
            self._refuse(call, _GOING_AWAY)
        elif self._is_prompt(call.request):
            self._start(call)
        else:
            try:
                if admission.lets_in(call):
                    self._start(call)
                    return
                admission.wait(call)
            except LimitExceeded as error:
                self._refuse_busy(call, error)
                return
            if call.request.timeout_ms:
                (self._patience or self._make_patience()).watch(call)
            self._slow_down()

    def _is_prompt(self, request: RequestReceived) -> bool:
        return (
            request.service_id == CONTROL_SERVICE
            and self.control is not None
            and self.control.is_prompt(request.args)
        )

    def _slow_down(self) -> None:
        # The other side does not take our answers, so it must not send more than may wait here. But
        # whoever waits for an answer of it reads on: it may be behind what we would not read.
        if (
            self._gate.is_shut
            and self.admission.is_nearly_full
            and not self._session.own.unanswered
        ):
            self._intake.hold(Hold.CALLS)

    def _on_room(self) -> None:
        if self._intake.held and not self.admission.is_nearly_full:
            self._intake.release(Hold.CALLS)

    def _make_patience(self) -> Patience[ServedCall[PeerT]]:
        self._patience = Patience(self._loop, self.admission, self._refuse_late)
        return self._patience

    def _refuse_late(self, call: ServedCall[PeerT]) -> None:
        self._refuse(call, describe_late(self._name_of(call), has_run=False))

    def _name_of(self, call: ServedCall[PeerT]) -> str:
        handler = self._handlers.get(call.request.service_id)
        return f"service {call.request.service_id}" if handler is None else handler.name

    def _refuse_busy(self, call: ServedCall[PeerT], error: LimitExceeded) -> None:
        self._session.counters.requests_refused_busy += 1
        self._refuse(call, describe_limit(error))

    def stop_stream(self, request_id: int) -> None:
        """The caller wants no more of a stream: stop its source and say so."""
        call = self.admission.calls.get(request_id)
        if call is not None:
            call.cancel(self._loop)

    def cancel(self, request_id: int) -> None:
        """The caller has given up: what has not been answered is answered CANCELLED."""
        waiting = self.admission.withdraw(request_id)
        if waiting is not None:
            self._refuse(waiting, _CANCELLED)
        else:
            self.stop_stream(request_id)

    def close(self) -> None:
        """Cancel what runs and forget what waits; results are dropped from now on."""
        self._closed = True
        if self._patience is not None:
            self._patience.end()
        self.admission.close()
        self._cancel_running()
        if not self.admission.calls:
            # Nothing more is dispatched or answered: the peer need not wait for the collector.
            del self._peer, self._reply, self._give_up, self._takes_meta
            self.admission.forget_owner()

    async def drain(self, timeout_s: float) -> None:
        """Refuse new calls and let the accepted ones finish; cancel those that take too long."""
        self.admission.shut()
        for call in await self.admission.idle(timeout_s):
            self._refuse(call, _GOING_AWAY)
        # Each answers CANCELLED while the connection is still open.
        self._cancelled = _CUT_OFF
        self._cancel_running()
        tasks = [call.task for call in self.admission.calls.values() if call.task is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=self._limits.cancel_timeout_s)

    def _cancel_running(self) -> None:
        for call in self.admission.calls.values():
            call.cancel(self._loop)

    # -- handlers -------------------------------------------------------------------------------

    def _start(self, call: ServedCall[PeerT]) -> None:
        request = call.request
        handler = self._handlers.get(request.service_id)
        if handler is None and request.service_id == 0:
            handler = self.control
        if handler is None:
            self._refuse(call, unknown_service(request.service_id))
            return
        if type(request.args) is Parcel and not handler.takes_parts:
            self._refuse(call, _NO_PARTS)
            return
        if handler.ignores_cancel:
            call.ignores_cancel = True
        # A context of its own: what a handler sets must not reach the next caller's.
        context = self._context.copy()
        try:
            outcome = context.run(handler.start, call)
        except BaseException as error:
            self._fail(call, handler, error)
        else:
            if type(outcome) is bytes or outcome is None or isinstance(outcome, _JSON):
                self._answer(call, outcome)
            elif isinstance(outcome, _STREAMS):
                self._start_task(call, self._run_stream(call, handler, outcome), context)
            else:
                self._start_task(call, self._run(call, handler, outcome), context)

    def _start_task(
        self,
        call: ServedCall[PeerT],
        coroutine: Coroutine[Any, Any, None],
        context: contextvars.Context,
    ) -> None:
        # Before its first step, in which it may end.
        self.admission.began(call)
        request = call.request
        if request.timeout_ms and call.due_s == math.inf:
            call.due_s = self._loop.time() + request.timeout_ms / 1000
        if sys.version_info >= (3, 12):
            call.task = asyncio.Task(coroutine, loop=self._loop, context=context, eager_start=True)
        else:
            call.task = self._loop.create_task(coroutine, context=context)
        if self._closed:
            # Its own first step has ended the conversation.
            call.cancel(self._loop)
        elif request.timeout_ms and not call.task.done():
            # Where tasks begin at once, most are over by now.
            (self._patience or self._make_patience()).watch(call)

    async def _run(
        self,
        call: ServedCall[PeerT],
        handler: Handler[PeerT],
        outcome: Unfinished | Coroutine[Any, Any, Result],
    ) -> None:
        serving.set(call)
        if call.due_s != math.inf:
            in_force.add(call)
        try:
            if isinstance(outcome, Unfinished):
                result = outcome.finish(await outcome.awaitable)
            else:
                result = await outcome
            if self._gate.is_shut and not isinstance(result, _STREAMS):
                # The other side is slow to take what it has asked for: no reason to end it.
                await self._held_answers().wait(0 if result is None else size_of(result))
        except BaseException as error:
            self._fail(call, handler, error)
        else:
            if isinstance(result, _STREAMS):
                await self._send_stream(call, handler, result)
            else:
                self._answer(call, result)
        finally:
            in_force.discard(call)
            self.admission.ended(call)

    async def _run_stream(
        self, call: ServedCall[PeerT], handler: Handler[PeerT], stream: ByteStream | TextStream
    ) -> None:
        try:
            await self._send_stream(call, handler, stream)
        finally:
            self.admission.ended(call)

    async def _send_stream(
        self, call: ServedCall[PeerT], handler: Handler[PeerT], stream: ByteStream | TextStream
    ) -> None:
        request_id = call.request.request_id
        call.note_begun()
        self._served.start_stream(request_id)
        try:
            async with stream:
                await self._outgoing_streams().send(request_id, stream)
        except (asyncio.CancelledError, ConnectionClosed):
            # Refused by the caller, or closed. The source has been stopped.
            closing = self._served.fail_stream(request_id)
        except (GeneratorExit, KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:
            # A panic in a Rust extension, too: the reader must be told even so.
            describe_incident(error, f"the stream of {handler.name}")
            closing = self._served.fail_stream(request_id)
        else:
            closing = self._served.end_stream(request_id)
        if self._closed:
            self._session.counters.results_dropped += 1
        else:
            self._reply(closing)

    def _outgoing_streams(self) -> OutgoingStreams:
        # Made late: most conversations send no stream.
        if self._streams is None:
            self._streams = OutgoingStreams(
                self._connection, self._limits, self.admission.budget, self._session.counters
            )
        return self._streams

    def _held_answers(self) -> HeldAnswers:
        # Made late: most peers take their answers.
        if self._held is None:
            self._held = HeldAnswers(self._gate, self._limits, self.admission.budget)
        return self._held

    # -- answers --------------------------------------------------------------------------------

    def _fail(self, call: ServedCall[PeerT], handler: Handler[PeerT], error: BaseException) -> None:
        """Answer a call whose handler has raised."""
        if isinstance(error, UnreadableArguments):
            self._disown(call)
        elif isinstance(error, asyncio.CancelledError):
            late = describe_late(handler.name, has_run=True) if call.is_overdue else None
            self._refuse(call, late or self._cancelled)
        elif isinstance(error, DeadlineExceeded) and self._is_late(call):
            # Of a call that it made, and that had no more time than was left of this one.
            self._refuse(call, describe_late(handler.name, has_run=True))
        elif isinstance(error, KeyboardInterrupt | SystemExit) or self._is_dropped(call, error):
            raise error
        elif not isinstance(error, Exception):
            # A panic in a Rust extension, say, is no `Exception`; the caller must be told even so.
            self._refuse(call, describe_incident(error, handler.name))
        elif isinstance(error, ConnectionClosed) and not self._is_open:
            # The handler called back on this very connection: no fault of its, and nobody to tell.
            self._session.counters.results_dropped += 1
        else:
            try:
                self._refuse(call, handler.failure(error))
            except Exception as flaw:
                # The error itself is broken: its text raises, or its fields have no form in JSON.
                self._refuse(call, describe_incident(flaw, handler.name))

    def _is_dropped(self, call: ServedCall[PeerT], error: BaseException) -> bool:
        """Whether its coroutine is being closed from outside, so that nothing can be done."""
        if not isinstance(error, GeneratorExit) or call.task is None:
            return False
        try:
            return asyncio.current_task() is not call.task
        except RuntimeError:
            return True  # the loop itself is gone

    def _is_late(self, call: ServedCall[PeerT]) -> bool:
        return call.is_overdue or call.due_s <= self._loop.time()

    def _disown(self, call: ServedCall[PeerT]) -> None:
        try:
            self._session.disown(call.request)
        except LimitExceeded as error:
            self._give_up(error)

    @property
    def _is_open(self) -> bool:
        return self._connection.state.current_state is ConnectionState.OPEN

    def _refuse(self, call: ServedCall[PeerT], failure: Failure) -> None:
        if self._closed:
            self._session.counters.results_dropped += 1
            return
        request_id = call.request.request_id
        fields = b"" if call.answer_meta is None else self._answer_fields(call)
        try:
            self._reply(self._served.fail(request_id, failure, fields))
        except LimitExceeded as error:
            # Larger than a message may be; nothing of it was taken.
            self._reply(self._served.fail(request_id, describe_limit(error)))

    def _answer(self, call: ServedCall[PeerT], data: Payload | None) -> None:
        if self._closed:
            self._session.counters.results_dropped += 1
            return
        fields = b"" if call.answer_meta is None else self._answer_fields(call)
        text = self._served.answer(call.request.request_id, data, fields)
        try:
            if type(data) is Parcel:
                self._reply(text, data)
            else:
                self._reply(text)
        except LimitExceeded as error:
            # The result is larger than a message may be; nothing of it was taken.
            self._refuse(call, describe_limit(error))

    def _answer_fields(self, call: ServedCall[PeerT]) -> bytes:
        """What an answer says beside its result. What may not be said is left out, and told."""
        assert call.answer_meta is not None
        try:
            return meta_field(call.answer_meta) if self._takes_meta() else b""
        except (ValueError, LimitExceeded) as error:
            what = self._name_of(call)
            _log.error("the metadata of an answer of %s is left out: %s", what, error)
            return b""


def unknown_service(service_id: int) -> Failure:
    """The answer to a number that nobody serves; the spelling is the original's."""
    return Failure(
        "TypeError", f"Not a function: Servcie ID {service_id} [number]", UNKNOWN_SERVICE
    )
