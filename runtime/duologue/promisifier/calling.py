"""Own calls over one connection, from the moment they are sent until they are settled."""

import asyncio
import logging
import math
from collections.abc import Mapping
from typing import Any, Final

from duologue.connection.base import CLOSE_CODE_LOST, Connection
from duologue.errors import (
    BadFrame,
    ConnectionClosed,
    ContractError,
    ContractMismatch,
    DeadlineExceeded,
    DuologueError,
    GoingAway,
    LimitExceeded,
    Sent,
)
from duologue.limits import Limits
from duologue.promisifier.admission import Admission
from duologue.promisifier.deadlines import Deadlines
from duologue.promisifier.explaining import Explaining
from duologue.promisifier.intake import Hold, Intake
from duologue.promisifier.message_writer import MessageWriter
from duologue.promisifier.own_call import Call, Reading, Target
from duologue.promisifier.promise import end_of_call
from duologue.promisifier.served_call import serving
from duologue.promisifier.stats import Stats
from duologue.promisifier.stream_receiver import StreamReceiver
from duologue.promisifier.waiting_calls import WaitingCalls
from duologue.promisifier.wakeups import Wakeups
from duologue.protocol import codec
from duologue.protocol.call_fields import NESTED_FIELD, timeout_field
from duologue.protocol.codec import Route
from duologue.protocol.codec import route as make_route
from duologue.protocol.hello import BATCHES, CONTROL_SERVICE, DEADLINE, META, NESTED, Counterpart
from duologue.protocol.messages import (
    AnswerBroken,
    ChunkReceived,
    FailureReceived,
    StreamEnded,
)
from duologue.protocol.parcels import Parcel, Payload
from duologue.protocol.session import Session

_log: Final = logging.getLogger("duologue")


class Calling:
    """Sends calls, gives them up, and settles each exactly once.

    A call that may wait does so, in order, while as many are open as may be, or while the
    connection has more to send than it takes. Those that are made for a call of the other side
    (`admission` knows which run) go ahead of the others, and `max_nested_calls` of them are not
    counted: the other side waits for them.
    """

    def __init__(
        self,
        session: Session[Call[Any]],
        connection: Connection,
        writer: MessageWriter,
        limits: Limits,
        *,
        admission: Admission[Any],
        intake: Intake,
    ) -> None:
        self.counterpart = Counterpart()
        """What is known of the other side."""
        self._routes: dict[Target, Route] = {}
        """Of methods that have been called; as long as nothing new is known of the other side."""
        self._session = session
        self._own = session.own
        self._counters = session.counters
        self._connection = connection
        self._gate = connection.gate
        self._writer = writer
        self._admission = admission
        self._intake = intake
        self._max_open_calls = limits.max_open_calls
        self._max_nested_calls = limits.max_nested_calls
        self._receiver: StreamReceiver | None = None
        loop = asyncio.get_running_loop()
        self.wakeups = Wakeups(loop)
        """Of those who wait for the answers."""
        self._deadlines = Deadlines(loop, self._own.unanswered.values, self._on_deadline)
        self._nested: WaitingCalls[Call[Any]] = WaitingCalls(loop, limits, _too_late)
        self._line: WaitingCalls[Call[Any]] = WaitingCalls(loop, limits, _too_late)
        self._limits = limits
        self._explaining: Explaining | None = None
        """Made for the first call that fails."""
        self._is_notified = False
        self._is_over = False
        self._takes_deadlines = self._takes_meta = False
        """What the other side has said that it understands."""
        self._usual_timeout_field = timeout_field(limits.call_timeout_s)
        self._has_told_of_meta = False

    @property
    def in_flight(self) -> int:
        """Own calls that count towards `max_open_calls`."""
        return self._own.in_flight

    def send(
        self, call: Call[Any], args: Payload, is_next: bool = False, is_nested: bool = False
    ) -> bool:
        """Send the request of `call`, or let it wait; returns whether it has left.

        `args` is a JSON list. `call` is settled exactly once: here, if it cannot be sent. With
        `is_next` it has waited, and its turn has come; `is_nested` says in which line.
        """
        target, options = call.target, call.options
        try:
            try:
                route = self._routes[target]
            except KeyError:
                route = self._find_route(target, call.reading)
            call.service_id = route.service_id
            if not is_next:
                is_nested = self._note_nested(call) if self._admission.running else False
                if (self._gate.is_shut or (self._line.calls and not is_nested)) and target.may_wait:
                    self._wait(call, args, is_nested=is_nested)
                    return False
            fields = b""
            if self._takes_deadlines:
                if call.is_late:
                    fields = self._time_left(call)
                elif options.timeout_s is None:
                    fields = self._usual_timeout_field
                else:
                    fields = options.timeout_field
            if is_nested and self._admission.peer_tells_nested:
                fields += NESTED_FIELD
            if options.answer_meta:
                # Of the call before.
                options.answer_meta.clear()
            if options.meta_field:
                fields += self._meta_of(call)
            request_id, text = self._own.open(route, args, call, fields)
        except LimitExceeded as error:
            if target.may_wait:
                self._wait(call, args, is_nested=False)
            else:
                call.fail(error)
            return False
        except ContractMismatch as error:
            self._fail(call, error)
            return False
        if call.items is not None:
            self._bind_items(call, request_id)
        try:
            if type(args) is Parcel:
                self._writer.send_parcel(text, args)
            else:
                self._connection.send_utf8(text)
        except ConnectionClosed as error:
            # A message in pieces may have ended the connection half-way, and the call with it.
            if self._own.is_open(request_id):
                self._own.take_back(request_id, route.service_id)
                call.owner.on_unanswered(call, self.aborted(call, "no", error.reason))
            return False
        except LimitExceeded as error:
            self._own.take_back(request_id, route.service_id)
            call.fail(error)
            return False
        self._counters.bytes_sent += len(text)
        if call.request_id >= 0:
            # Over another connection it had left before.
            self._counters.requests_repeated += 1
        call.request_id = request_id
        # Sending may have ended the connection, and the call with it.
        if call.due_s < self._deadlines.timer_due_s and not self._is_over:
            self._deadlines.arm(call.due_s)
        # The answer may be behind what nobody reads at the moment.
        if self._intake.held:
            self._intake.release(Hold.CALLS)
            if self._receiver is not None:
                self._receiver.inflow.look_again()
        return True

    def _find_route(self, target: Target, reading: Reading[Any]) -> Route:
        contract = target.contract
        if contract is None:
            return make_route(target.id)
        base = self.counterpart.base_of(contract)
        takes_parts = reading.takes_parts and self.counterpart.takes_parts_of(contract)
        route = self._routes[target] = make_route(base + target.id, takes_parts)
        return route

    def _time_left(self, call: Call[Any]) -> bytes:
        return timeout_field(call.due_s - call.get_loop().time())

    def _meta_of(self, call: Call[Any]) -> bytes:
        if self._takes_meta:
            return call.options.meta_field
        if not self._has_told_of_meta:
            self._has_told_of_meta = True
            _log.info(
                "connection %d: the other side knows no metadata; that of %s, and of calls after "
                "it, is left out",
                self._connection.id,
                call.reading.full_name,
            )
        return b""

    def _bind_items(self, call: Call[Any], request_id: int) -> None:
        items = call.items
        assert items is not None
        items.bind(self._own.items, self._connection, self._counters, request_id)

        def begun() -> None:
            # The deadline was for the first item, of either side.
            call.due_s = math.inf

        for half in (items.source, items.sink):
            if half is not None:
                half.on_begun = begun

    def meet(self, counterpart: Counterpart) -> None:
        """What is known of the other side stands here from now on: see `obey`."""
        self.counterpart = counterpart
        self._routes.clear()

    def obey(self) -> None:
        """Keep to what the other side has said of itself."""
        self._routes.clear()
        hello = self.counterpart.hello
        if hello is None:
            return
        self._takes_deadlines = self.counterpart.has(DEADLINE)
        self._takes_meta = self.counterpart.has(META)
        self._admission.peer_tells_nested = self.counterpart.has(NESTED)
        if self.counterpart.has(BATCHES):
            self._connection.send_batches()
        if hello.limits.max_calls > 0:
            self._own.max_open_calls = min(self._max_open_calls, hello.limits.max_calls)
        if hello.limits.max_message_bytes > 0:
            self._connection.bound_sending(hello.limits.max_message_bytes)

    # -- calls that wait ------------------------------------------------------------------------

    def _note_nested(self, call: Call[Any]) -> bool:
        """Whether `call` is made for a call of the other side; up to a bound such do not count."""
        served = serving.get(None)
        if served is None or not self._admission.runs(served):
            return False
        is_exempt = self._own.exempt_calls < self._max_nested_calls
        self._own.exempt_calls += is_exempt
        self._admission.note_own_call(served)

        def settled(_: object) -> None:
            self._own.exempt_calls -= is_exempt
            self._admission.note_own_call_settled(served)

        call.add_done_callback(settled)
        return True

    def _wait(self, call: Call[Any], args: Payload, *, is_nested: bool) -> None:
        try:
            (self._nested if is_nested else self._line).add(call, args)
        except LimitExceeded as error:
            call.fail(error)
            return
        if self._gate.is_shut:
            self._notify()

    def _notify(self) -> None:
        if not self._is_notified:
            self._is_notified = True
            self._gate.notify(self._on_drained)

    def _on_drained(self) -> None:
        self._is_notified = False
        self._resume()

    def _resume(self) -> None:
        """Send what waits, as far as it may leave now."""
        while self._nested.calls and not self._gate.is_shut:
            self.send(*self._nested.take(), is_next=True, is_nested=True)
        while self._line.calls and not self._gate.is_shut and self._own.has_room:
            self.send(*self._line.take(), is_next=True)
        if (self._nested.calls or self._line.calls) and self._gate.is_shut:
            self._notify()

    def abandon(self, call: Call[Any]) -> bool:
        """Give a call up and, if it was open, tell the other side; returns whether it was."""
        if self._line.remove(call) or self._nested.remove(call):
            return False
        was_open = self._own.give_up(call.request_id)
        if was_open and self.counterpart.has("cancel"):
            self._writer.reply(codec.cancel(call.request_id))
        if self._line.calls:
            self._resume()
        return was_open

    def aborted(self, call: Call[Any], sent: Sent, reason: str) -> ConnectionClosed:
        """What `call` fails with because the connection is closed."""
        stats = Stats(self._counters).snapshot()
        return end_of_call(self._connection, stats, call.service_id, sent, reason)

    # -- what the other side says ---------------------------------------------------------------

    def settle(self, call: Call[Any], data: Payload | None) -> None:
        """An answer to `call` has come.

        Raises:
            LimitExceeded: it is unreadable, and so were too many.
        """
        if call.done():
            # It is a stream by now, and this is no way to end one.
            self._stream_receiver().break_off(
                call, BadFrame("a stream was cut off by an ordinary answer")
            )
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
            self._fail(call, error)
        else:
            call.settle(result, self.wakeups)
        if self._line.calls:
            self._resume()

    def note_meta(self, call: Call[Any], meta: Mapping[str, str]) -> None:
        """The answer of `call`, which is to be settled next, says this beside its result."""
        if call.options.answer_meta is not None:
            call.options.answer_meta.update(meta)

    def fail(self, event: FailureReceived[Call[Any]]) -> None:
        """The other side says that a call has failed."""
        call, failure = event.call, event.failure
        if event.meta is not None:
            self.note_meta(call, event.meta)
        if failure.code != GoingAway.code or not self._is_taken_back(call):
            self._fail(call, call.reading.decode_failure(failure))
        if self._line.calls:
            self._resume()

    def _fail(self, call: Call[Any], error: DuologueError) -> None:
        """Fail a call, or its stream, in words that help; perhaps later, if these are asked for."""
        if call.done() or self._explain(call, error):
            self._stream_receiver().break_off(call, error)

    def _fail_unfit(self, call: Call[Any], error: DuologueError) -> None:
        """Fail a call that was answered by a stream which does not fit."""
        self._explain(call, error)
        call.fail(error)

    def _explain(self, call: Call[Any], error: DuologueError) -> bool:
        """See `Explaining.explain`. What a contract declares needs no explaining."""
        if call.target.contract is None or isinstance(error, ContractError):
            return True
        if self._explaining is None:
            self._explaining = Explaining(self.counterpart, self._limits, self.send)
        return self._explaining.explain(call, error)

    def receive(
        self,
        event: ChunkReceived[Call[Any]] | StreamEnded[Call[Any]] | AnswerBroken[Call[Any]],
    ) -> None:
        """Something of a stream that answers a call has come, or of what is no answer at all."""
        self._stream_receiver().receive(event)
        if self._line.calls:
            self._resume()

    def _is_taken_back(self, call: Call[Any]) -> bool:
        # Only the runtime of a peer that has introduced itself is known to mean what the code says.
        return (
            self.counterpart.is_introduced and not call.done() and call.owner.on_turned_away(call)
        )

    def _stream_receiver(self) -> StreamReceiver:
        # Made late: most conversations have no streams.
        if self._receiver is None:
            self._receiver = StreamReceiver(
                self._own,
                self._limits,
                self._intake,
                send_text=self._writer.reply,
                fail=self._fail_unfit,
            )
        return self._receiver

    def note_reading(self, is_reading: bool) -> None:
        """The connection is read from now on, or is not."""
        if self._receiver is not None:
            self._receiver.silence.note_reading(is_reading)

    # -- the end --------------------------------------------------------------------------------

    def end(self) -> tuple[tuple[int, ...], Sent]:
        """The connection is closed: give each open call back to its owner.

        Returns the service ids of those calls, in the order of their requests, and whether the
        requests had left. What the two sides arrange between them (service 0) nobody has called.
        """
        self._is_over = True
        self._deadlines.end()
        connection = self._connection
        # Without the peer's close frame nobody can say how much of what was accepted went out.
        sent: Sent = "unknown" if connection.close_code == CLOSE_CODE_LOST else "yes"
        calls = self._session.close()
        waiting = [*self._nested.take_all(), *self._line.take_all()]
        ids = [call.service_id for call in (*calls, *(each for each, _ in waiting))]
        pending = tuple(each for each in ids if each != CONTROL_SERVICE)
        for call in calls:
            error = self.aborted(call, sent, connection.close_reason)
            if self._receiver is not None and self._receiver.is_streaming(call):
                self._receiver.break_off(call, error)
            else:
                call.owner.on_unanswered(call, error)
        for call, _ in waiting:
            call.owner.on_unanswered(call, self.aborted(call, "no", connection.close_reason))
        if self._receiver is not None:
            self._receiver.close()
        return pending, sent

    def _on_deadline(self, call: Call[Any]) -> None:
        if self.abandon(call):
            name = call.reading.full_name
            text = f"no answer to {name} within {call.timeout_s:.3g} s"
            call.fail_quietly(DeadlineExceeded(text, details={"where": "answer"}))


def _too_late(call: Call[Any]) -> DeadlineExceeded:
    return DeadlineExceeded(
        f"{call.reading.full_name} could not leave within {call.timeout_s:.3g} s: too many calls "
        "are open, or the other side is slow to take what is sent",
        details={"where": "leaving"},
    )
