"""Calls that this side has made: their ids, and whose answer a message is (base profile 7 and 8).

`call_states.NEXT_OWN` says what may follow what. A plain call costs one entry of a dictionary; only
one that is answered by a stream is given a state of its own, in `IncomingStreams`.
"""

from collections.abc import Callable, Mapping
from typing import Generic, TypeGuard

from duologue.errors import BadFrame, LimitExceeded
from duologue.limits import Limits
from duologue.protocol import codec
from duologue.protocol.call_fields import meta_fault
from duologue.protocol.call_states import OwnState
from duologue.protocol.counters import Counters
from duologue.protocol.incoming_streams import IncomingStreams
from duologue.protocol.items import ItemCalls
from duologue.protocol.late_messages import LateMessages
from duologue.protocol.messages import (
    AnswerBroken,
    AnswerReceived,
    CallT,
    Failure,
    FailureReceived,
    Refused,
    SessionEvent,
)
from duologue.protocol.parcels import Parcel, Payload, split
from duologue.protocol.stream_kinds import read_binary


class OwnCalls(Generic[CallT]):
    """Numbers own requests and matches answers to calls.

    `CallT` is whatever the shell files under a request, a future for instance. Invariant: a call is
    open from the moment its request is handed out until exactly one of: its answer is returned by
    one of the `receive`s, it is given up or taken back, or `close` hands it back.
    """

    def __init__(self, limits: Limits, counters: Counters, late: LateMessages) -> None:
        self._counters = counters
        self._limits = limits
        self.max_open_calls = limits.max_open_calls
        """Calls that may be open at once: ours, or what the other side allows if that is less."""
        self.exempt_calls = 0
        """Open calls that do not count: those made for a call of the other side, which waits for
        them. Whoever makes them counts them."""
        # The counters may have a past: those of a peer that outlives its connection.
        self._max_unasked = counters.answers_dropped_unknown + limits.max_unasked_messages
        self._open: dict[float, CallT] = {}
        """By request id. An id that came as `1.0` finds the call of 1."""
        self._streams = IncomingStreams(self._open, counters, late.count)
        self._late_answers = 0
        self._late = late
        self.items = ItemCalls(limits, counters, late, is_own=True)
        self._next_request_id = 0
        self._control_ids: set[int] = set()
        """Own calls of service 0; those that are settled may still be in it."""
        self.take_open: Callable[[float, None], CallT | None] = self._open.pop
        """The open call with this id, which is settled by what came; None if there is none."""

    @property
    def in_flight(self) -> int:
        """What `max_open_calls` bounds: calls without an answer, and streams that answer one."""
        return len(self._open) + len(self._streams.streaming) - self.exempt_calls

    @property
    def has_room(self) -> bool:
        """Whether one more call may be opened."""
        in_flight = self.in_flight
        if in_flight < self.max_open_calls:
            return True
        return in_flight - len(self._open_control_ids()) < self.max_open_calls

    @property
    def unanswered(self) -> Mapping[float, CallT]:
        """Calls of whose answers nothing has come, by request id; a live view, in order."""
        return self._open

    def is_open(self, request_id: float) -> bool:
        """Whether nothing of the answer to this call has come, and it is still waited for."""
        return request_id in self._open

    def state_of(self, request_id: int) -> OwnState:
        """Where a call stands."""
        return self._streams.state_of(request_id)

    # -- what this side does --------------------------------------------------------------------

    def open(
        self, route: codec.Route, args: Payload, call: CallT, fields: bytes = b""
    ) -> tuple[int, bytes]:
        """File `call`; returns its request id and the text to send; the parts of `args` follow it.

        `args` is a JSON list, `fields` are those of `call_fields`. If the connection refuses the
        text, `take_back` undoes this.

        Raises:
            LimitExceeded: `max_open_calls` calls are open already; no id was used up. Calls of
                service 0 are ours and count apart, or an unanswered hello would take a place.
        """
        open_calls = self._open
        in_flight = len(open_calls) + len(self._streams.streaming) - self.exempt_calls
        if in_flight >= self.max_open_calls:
            self._check_open_calls(is_control=not route.service_id)
        request_id = self._next_request_id
        self._next_request_id = request_id + 1
        open_calls[request_id] = call
        if route.service_id:
            self._counters.requests_sent_total += 1
        else:
            self._control_ids = self._open_control_ids() | {request_id}
            # Perhaps to be told of an event no more.
            self._late.came = 0
            self._counters.control_requests_sent += 1
        if type(args) is bytes:
            # As `codec.request`, for what comes by the thousand.
            return request_id, b'{"requestId":%d%b%b%b%b}' % (
                request_id,
                route.head,
                args,
                route.tail,
                fields,
            )
        text, parts = split(args)
        return request_id, codec.request(request_id, route, text, fields, parts)

    def take_back(self, request_id: int, service_id: int) -> None:
        """Undo the latest `open`: its text was never handed to the connection."""
        del self._open[request_id]
        self._next_request_id = request_id
        if service_id:
            self._counters.requests_sent_total -= 1
        else:
            self._control_ids.discard(request_id)
            self._counters.control_requests_sent -= 1

    def give_up(self, request_id: float) -> bool:
        """Forget an open call; a late answer will be dropped. False if it had been settled."""
        if self._open.pop(request_id, None) is None:
            return False
        self._late.came = 0
        return True

    def replace_streaming(self, request_id: int, call: CallT) -> None:
        """Let what comes of a stream name `call` from now on."""
        self._streams.replace(request_id, call)

    def stop_stream(self, request_id: int) -> bytes | None:
        """Read no more of a stream; the text that tells the other side, if it has to be told."""
        told = self._streams.stop(request_id)
        if told is not None:
            self._late.came = 0
        return told

    def close(self) -> list[CallT]:
        """End everything; returns the calls that were still open, in order of their requests."""
        self.items.close_all()
        calls = [*self._streams.close(), *self._open.values()]
        self._open.clear()
        return calls

    # -- what the other side says ---------------------------------------------------------------

    def receive_late_answer(self, envelope: codec.Envelope) -> CallT | None:
        """The call of an answer that `take_open` did not find: one that streams, or none.

        Raises:
            BadFrame: its id is no integer.
            LimitExceeded: too many answers came to requests that never were, or are over.
        """
        response_id = _response_id(envelope)
        call = self._open.pop(response_id, None)
        if call is None:
            call = self._streams.interrupt(response_id)
        if call is None and self._was_made(response_id):
            self._counters.answers_dropped_late += 1
            self._late_answers += 1
            # Each call can have one that crossed our giving up.
            most = self._limits.max_unasked_messages
            if self._late_answers > most + self._next_request_id:
                raise LimitExceeded("max_unasked_messages", most, self._late_answers)
        return call

    def receive_failure(self, envelope: codec.Envelope) -> SessionEvent[CallT] | None:
        """An `error` message; raises as `receive_late_answer`."""
        call = self.receive_late_answer(envelope)
        if call is None:
            return None
        try:
            failure = codec.read_failure(codec.slice_or_none(envelope.error))
        except BadFrame:
            # An answer all the same: its caller must not be left waiting. There is at most one for
            # each own call, so the bound on unreadable messages need not be looked at.
            self._counters.requests_received_invalid += 1
            failure = Failure(None, None, None)
        return FailureReceived(call, failure, self.read_meta(envelope))

    def read_meta(self, envelope: codec.Envelope) -> Mapping[str, str] | None:
        """What an answer says beside its result; None if that is nothing, or not to be read."""
        meta = envelope.meta
        if meta is None or meta_fault(meta) is None:
            return meta
        self._counters.meta_dropped += 1
        return None

    def receive_parcel(
        self, parcel: Parcel, envelope: codec.Envelope
    ) -> SessionEvent[CallT] | None:
        """An answer with parts beside it; raises as `receive_late_answer`."""
        call = self.receive_late_answer(envelope)
        return None if call is None else AnswerReceived(call, parcel, self.read_meta(envelope))

    def receive_excess(
        self, envelope: codec.Envelope, excess: BadFrame | LimitExceeded
    ) -> AnswerBroken[CallT] | None:
        """An answer that holds too much to be read; raises as `receive_late_answer`."""
        call = self.receive_late_answer(envelope)
        return None if call is None else AnswerBroken(call, excess, None)

    def receive_stream(self, kind: str, envelope: codec.Envelope) -> SessionEvent[CallT] | None:
        """A text of a stream; raises as `receive_late_answer`."""
        response_id = _response_id(envelope)
        if not self._was_made(response_id):
            return None
        if kind == "stream":
            return self._streams.receive_text(response_id, envelope.chunk, envelope.encoding)
        if kind == "stream-end":
            return self._streams.receive_end(response_id)
        return self._streams.receive_failure(response_id, envelope.error)

    def receive_items(
        self, kind: str, text: str, envelope: codec.Envelope, data: Payload | None
    ) -> Refused | None:
        """Items of the other side, or what it says of ours; raises as `receive_late_answer`."""
        response_id = _response_id(envelope)
        if not self._was_made(response_id):
            return None
        return self.items.receive(response_id, kind, text, data)

    def receive_bytes(self, message: bytes) -> SessionEvent[CallT] | None:
        """A chunk of a binary stream, or an item that is bytes.

        Raises:
            BadFrame: shorter than the id in front of every chunk (base profile 8.2).
            LimitExceeded: as `receive_late_answer`.
        """
        request_id, chunk = read_binary(message)
        if not self._was_made(request_id):
            return None
        if request_id in self.items.calls:
            self.items.receive_bytes(request_id, chunk)
            return None
        return self._streams.receive_bytes(request_id, chunk)

    # -- inside ---------------------------------------------------------------------------------

    def _was_made(self, request_id: int | None) -> TypeGuard[int]:
        # What answers a request of ours that never was is counted, and not for ever.
        if request_id is not None and 0 <= request_id < self._next_request_id:
            return True
        self.count_unasked()
        return False

    def count_unasked(self) -> None:
        """Something came about a request that never was.

        Raises:
            LimitExceeded: there were too many.
        """
        self._counters.answers_dropped_unknown += 1
        if self._counters.answers_dropped_unknown > self._max_unasked:
            raise LimitExceeded("max_unasked_messages", self._limits.max_unasked_messages)

    def _open_control_ids(self) -> set[int]:
        streaming = self._streams.streaming
        return {each for each in self._control_ids if each in self._open or each in streaming}

    def _check_open_calls(self, *, is_control: bool) -> None:
        # The set is looked through only when it may matter: ordinary calls stay as cheap.
        controls = len(self._open_control_ids())
        ordinary = self.in_flight - controls
        open_calls = controls if is_control else ordinary
        if open_calls >= self.max_open_calls:
            raise LimitExceeded("max_open_calls", self.max_open_calls, open_calls + 1)


def _response_id(envelope: codec.Envelope) -> int:
    response_id = codec.integral(envelope.responseId)
    if response_id is None:
        raise BadFrame("an answer needs an integral `responseId`")
    return response_id
