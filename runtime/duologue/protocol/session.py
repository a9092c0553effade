"""One end of a conversation, without I/O: messages in, events out (base profile 7 and 8).

It does not know which side it plays: both may call and both may serve. It holds the ids in use, the
calls that wait, and the counters; it opens no socket and reads no clock.
"""

from collections.abc import Sequence
from typing import Generic, TypeGuard

from duologue.errors import BadFrame, LimitExceeded, ProtocolError, RefusedService
from duologue.limits import MAX_SAFE_INTEGER, Limits
from duologue.protocol import codec
from duologue.protocol.arriving_parcel import ArrivingParcel
from duologue.protocol.counters import Counters
from duologue.protocol.depth import is_deeper_than
from duologue.protocol.incoming_streams import IncomingStreams
from duologue.protocol.messages import (
    AnswerBroken,
    AnswerReceived,
    CallT,
    CancelReceived,
    Event,
    Failure,
    FailureReceived,
    Refused,
    RequestReceived,
    StreamRefused,
)
from duologue.protocol.parcels import Parcel, Payload, split
from duologue.protocol.stream_kinds import read_binary

UNKNOWN_SERVICE = "UNKNOWN-SERVICE"
integral = codec.integral
slice_or_none = codec.slice_or_none
read_envelope = codec.read_envelope
_OPENING_BRACKET = ord("[")


def check_service_id(service_id: object) -> int:
    """`service_id` if it can be called.

    Raises:
        RefusedService: not an integer above 0 (base profile 7.1).
    """
    if (
        isinstance(service_id, int)
        and not isinstance(service_id, bool)
        and 0 < service_id <= MAX_SAFE_INTEGER
    ):
        return service_id
    raise RefusedService(service_id)


class Session(Generic[CallT]):
    """Numbers own requests, matches answers to calls, and notes which requests are being served.

    `CallT` is whatever the shell files under a request, a future for instance. Invariant: a call is
    in `open_calls` from the moment its request is handed out until exactly one of: its answer is
    returned by `receive`, it is abandoned, or `close` hands it back.
    """

    def __init__(self, limits: Limits, counters: Counters | None = None) -> None:
        self.counters = counters or Counters()
        self.open_calls: dict[float, CallT] = {}
        """By request id. An id that came as `1.0` finds the call of 1."""
        self.has_control_service = False
        """Whether the other side may use what the duologue profile adds; its calls of service 0
        are then counted apart."""
        self._limits = limits
        self._max_open_calls = limits.max_open_calls
        # The counters may have a past: those of a peer that outlives its connection.
        self._max_invalid = self.counters.requests_received_invalid + limits.max_invalid_messages
        self._max_unasked = self.counters.answers_dropped_unknown + limits.max_unasked_messages
        self._shallow_characters = 2 * limits.max_json_depth
        """A text that is no longer cannot be too deep: each level takes two characters."""
        self._next_request_id = 0
        self._control_ids: set[int] = set()
        """Own calls of service 0; those that are settled may still be in it."""
        self._served: set[int] = set()
        self._streams = IncomingStreams(self.open_calls, self.counters)
        self._sending: set[int] = set()
        self.arriving: ArrivingParcel | None = None
        """A message whose parts are not all there yet."""

    # -- own calls ------------------------------------------------------------------------------

    @property
    def in_flight(self) -> int:
        """What `max_open_calls` bounds: calls without an answer, and streams that answer one."""
        return len(self.open_calls) + len(self._streams.streaming)

    def open_call(
        self, service_id: int, args: Payload, call: CallT, takes_parts: bool = False
    ) -> tuple[int, bytes]:
        """File `call`; returns its request id and the text to send; the parts of `args` follow it.

        `args` is a JSON list. If the connection refuses the text, `take_back` undoes this. With
        `takes_parts` the answer may have parts, too.

        Raises:
            LimitExceeded: `max_open_calls` calls are open already; no id was used up. Calls of
                service 0 are ours and count apart, or an unanswered hello would take a place.
        """
        if len(self.open_calls) + len(self._streams.streaming) >= self._max_open_calls:
            self._check_open_calls(is_control=not service_id)
        request_id = self._next_request_id
        self._next_request_id = request_id + 1
        self.open_calls[request_id] = call
        if service_id:
            self.counters.requests_sent_total += 1
        else:
            self._control_ids = self._open_control_ids() | {request_id}
            self.counters.control_requests_sent += 1
        if type(args) is bytes and not takes_parts:
            return request_id, codec.request(request_id, service_id, args)
        text, parts = split(args)
        return request_id, codec.request_with_parts(
            request_id, service_id, text, parts, takes_parts=takes_parts
        )

    def take_back(self, request_id: int, service_id: int) -> None:
        """Undo the latest `open_call`: its text was never handed to the connection."""
        del self.open_calls[request_id]
        self._next_request_id = request_id
        if service_id:
            self.counters.requests_sent_total -= 1
        else:
            self._control_ids.discard(request_id)
            self.counters.control_requests_sent -= 1

    def _open_control_ids(self) -> set[int]:
        streaming = self._streams.streaming
        return {each for each in self._control_ids if each in self.open_calls or each in streaming}

    def _check_open_calls(self, *, is_control: bool) -> None:
        # The set is looked through only when it may matter: ordinary calls stay as cheap.
        controls = len(self._open_control_ids())
        ordinary = len(self.open_calls) + len(self._streams.streaming) - controls
        open_calls = controls if is_control else ordinary
        if open_calls >= self._max_open_calls:
            raise LimitExceeded("max_open_calls", self._max_open_calls, open_calls + 1)

    def abandon(self, request_id: float) -> bool:
        """Give a call up; a late answer will be dropped. False if it had been settled."""
        return self.open_calls.pop(request_id, None) is not None

    def close(self) -> list[CallT]:
        """End everything; returns the calls that were still open, in order of their requests."""
        calls = [*self._streams.close(), *self.open_calls.values()]
        self.open_calls.clear()
        self._served.clear()
        self._sending.clear()
        self.arriving = None
        return calls

    def replace_streaming(self, request_id: int, call: CallT) -> None:
        """Let events of an incoming stream name `call` from now on."""
        self._streams.replace(request_id, call)

    def cancel_stream(self, request_id: int) -> bytes | None:
        """Give up an incoming stream; the text that tells the other side, if it has to be told."""
        return self._streams.cancel(request_id)

    # -- calls of the other side ----------------------------------------------------------------

    def answer(self, request_id: int, data: Payload | None) -> bytes:
        """The text that answers a request with `data`, JSON; None is no result.

        The parts of `data` follow it.
        """
        self._served.discard(request_id)
        if isinstance(data, Parcel):
            return codec.answer_with_parts(request_id, data.text, data.parts)
        return codec.answer(request_id, data)

    def fail(self, request_id: int, failure: Failure) -> bytes:
        """The text that answers a request with a failure."""
        self._served.discard(request_id)
        return codec.error_answer(request_id, failure)

    def start_stream(self, request_id: int) -> None:
        """From now on a request is answered by chunks, and its caller may refuse more of them."""
        self._sending.add(request_id)

    def end_stream(self, request_id: int) -> bytes:
        """The text that says a stream is complete."""
        self._sending.discard(request_id)
        self._served.discard(request_id)
        return codec.stream_end(request_id)

    def fail_stream(self, request_id: int) -> bytes:
        """The text that says a stream cannot go on."""
        self._sending.discard(request_id)
        self._served.discard(request_id)
        return codec.stream_error(request_id)

    def disown(self, event: RequestReceived) -> None:
        """Count a request as unreadable after all: its arguments are no JSON (base profile 7.2).

        Raises:
            LimitExceeded: as `receive`.
        """
        self._served.discard(event.request_id)
        self.counters.requests_received_total -= 1
        self.count_invalid()

    # -- messages -------------------------------------------------------------------------------

    def receive(self, text: str) -> Event[CallT] | None:
        """What the message `text` means; None if nothing is to be done.

        Unreadable messages are counted and ignored (base profile 8.2).

        Raises:
            LimitExceeded: `max_invalid_messages` or `max_unasked_messages` have been met; the
                connection should be closed.
            ProtocolError: what belongs together has come apart; the connection should be closed.
        """
        if self.arriving is not None:
            raise ProtocolError("a text came where parts of the one before were announced")
        try:
            envelope = read_envelope(text)
            if envelope.parts is not None and self.has_control_service:
                self.arriving = ArrivingParcel(text, envelope, envelope.parts, self._limits)
                return None
            if len(text) > self._shallow_characters and is_deeper_than(
                text, self._limits.max_json_depth
            ):
                return self._receive_too_deep(envelope)
            kind = envelope.type
            if kind == "data":
                call = self.open_calls.pop(envelope.responseId, None)
                if call is None:
                    call = self._answered(envelope)
                    if call is None:
                        return None
                return AnswerReceived(call, slice_or_none(envelope.data))
            if kind == "request":
                return self._receive_request(envelope, ())
            if kind == "error":
                return self._receive_error(envelope)
            if kind in ("stream", "stream-end", "stream-error"):
                return self._receive_stream(kind, envelope)
            if kind == "write-stream-error":
                return self._receive_write_stream_error(envelope)
            if kind == "cancel" and self.has_control_service:
                return self._receive_cancel(envelope)
            raise BadFrame("a `type` that is not known")
        except BadFrame:
            self.count_invalid()
            return None

    def receive_bytes(self, message: bytes) -> Event[CallT] | None:
        """What a byte message means: a part that was announced, or a chunk of a binary stream.

        Raises:
            BadFrame: shorter than the id in front of every chunk (base profile 8.2).
            ProtocolError: a part is not of the announced length.
            LimitExceeded: as `receive`.
        """
        arriving = self.arriving
        if arriving is not None:
            if not arriving.take(message):
                return None
            self.arriving = None
            return self._receive_parcel(arriving)
        request_id, chunk = read_binary(message)
        if not self._was_made(request_id):
            return None
        return self._streams.receive_bytes(request_id, chunk)

    def _receive_parcel(self, whole: ArrivingParcel) -> Event[CallT] | None:
        envelope = whole.envelope
        try:
            if is_deeper_than(whole.text, self._limits.max_json_depth):
                return self._receive_too_deep(envelope)
            if envelope.type == "request":
                return self._receive_request(envelope, whole.parts)
            call = self._answered(envelope)
            if call is None:
                return None
            data = slice_or_none(envelope.data) or b"null"
            return AnswerReceived(call, Parcel(data, whole.parts))
        except BadFrame:
            self.count_invalid()
            return None

    def count_invalid(self) -> None:
        """Count one unreadable message.

        Raises:
            LimitExceeded: as `receive`.
        """
        self.counters.requests_received_invalid += 1
        if self.counters.requests_received_invalid > self._max_invalid:
            raise LimitExceeded("max_invalid_messages", self._limits.max_invalid_messages)

    def _receive_too_deep(self, envelope: codec.Envelope) -> Event[CallT] | None:
        # Unreadable, and counted so; but if it answers a call, its caller must not wait for ever.
        fault = BadFrame(f"nested more than {self._limits.max_json_depth} levels")
        response_id = integral(envelope.responseId)
        if envelope.type not in ("data", "error") or response_id not in self.open_calls:
            raise fault
        self.counters.requests_received_invalid += 1
        return AnswerBroken(self.open_calls.pop(response_id), fault, None)

    def _receive_request(self, envelope: codec.Envelope, parts: Sequence[bytes]) -> Event[CallT]:
        request_id, service_id = envelope.requestId, envelope.serviceId
        if not (
            type(request_id) is int
            and type(service_id) is int
            and 0 <= request_id <= MAX_SAFE_INTEGER
            and 0 <= service_id <= MAX_SAFE_INTEGER
        ):
            request_id, service_id = _unusual_ids(envelope)
        args = slice_or_none(envelope.args)
        if service_id == 0 and self.has_control_service:
            self.counters.control_requests_received += 1
        else:
            self.counters.requests_received_total += 1
        if request_id in self._served:
            return _refused(
                request_id, "Error", f"request id {request_id} is still in use", "DUPLICATE-REQUEST"
            )
        if args is not None and args[0] != _OPENING_BRACKET:
            return _refused(request_id, "TypeError", "args must be a list", None)
        self._served.add(request_id)
        return RequestReceived(
            request_id,
            service_id,
            Parcel(args, parts) if parts and args is not None else args,
            envelope.takesParts and self.has_control_service,
        )

    def _receive_stream(self, kind: str, envelope: codec.Envelope) -> Event[CallT] | None:
        response_id = self._response_id(envelope)
        if not self._was_made(response_id):
            return None
        if kind == "stream":
            return self._streams.receive_text(response_id, envelope.chunk, envelope.encoding)
        if kind == "stream-end":
            return self._streams.receive_end(response_id)
        return self._streams.receive_failure(response_id, envelope.error)

    def _receive_write_stream_error(self, envelope: codec.Envelope) -> StreamRefused | None:
        # Counted with any id or none; the original sends a needless one after `stream-error`.
        self.counters.requests_received_total += 1
        request_id = integral(envelope.requestId)
        if request_id is None or request_id not in self._sending:
            self.counters.messages_dropped += 1
            return None
        return StreamRefused(request_id)

    def _receive_cancel(self, envelope: codec.Envelope) -> CancelReceived | None:
        request_id = integral(envelope.requestId)
        if request_id is None:
            raise BadFrame("a `cancel` needs an integral `requestId`")
        if request_id not in self._served:
            # It crossed our answer on the wire.
            self.counters.messages_dropped += 1
            return None
        return CancelReceived(request_id)

    def _receive_error(self, envelope: codec.Envelope) -> Event[CallT] | None:
        call = self._answered(envelope)
        if call is None:
            return None
        try:
            failure = codec.read_failure(slice_or_none(envelope.error))
        except BadFrame:
            # An answer all the same: its caller must not be left waiting. There is at most one for
            # each own call, so the bound on unreadable messages need not be looked at.
            self.counters.requests_received_invalid += 1
            failure = Failure(None, None, None)
        return FailureReceived(call, failure)

    def _answered(self, envelope: codec.Envelope) -> CallT | None:
        response_id = self._response_id(envelope)
        call = self.open_calls.pop(response_id, None)
        if call is None:
            call = self._streams.interrupt(response_id)
        if call is None and self._was_made(response_id):
            self.counters.answers_dropped_late += 1
        return call

    def _was_made(self, request_id: int | None) -> TypeGuard[int]:
        # What answers a request of ours that never was is counted, and not for ever.
        if request_id is not None and 0 <= request_id < self._next_request_id:
            return True
        self.counters.answers_dropped_unknown += 1
        if self.counters.answers_dropped_unknown > self._max_unasked:
            raise LimitExceeded("max_unasked_messages", self._limits.max_unasked_messages)
        return False

    def _response_id(self, envelope: codec.Envelope) -> int:
        response_id = integral(envelope.responseId)
        if response_id is None:
            raise BadFrame("an answer needs an integral `responseId`")
        return response_id


def _unusual_ids(envelope: codec.Envelope) -> tuple[int, int]:
    """Ids that are integral all the same: `1.0`, for instance, or below 0."""
    request_id, service_id = integral(envelope.requestId), integral(envelope.serviceId)
    if request_id is None or service_id is None:
        raise BadFrame("a request needs an integral `requestId` and `serviceId`")
    return request_id, service_id


def _refused(request_id: int, name: str, message: str, code: str | None) -> Refused:
    return Refused(codec.error_answer(request_id, Failure(name, message, code)))
