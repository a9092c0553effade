"""Calls that the other side has made: which ids are in use, and what may follow (base profile 7).

`call_states.NEXT_SERVED` says what may follow what.
"""

from collections.abc import Callable, Sequence
from typing import Final

from duologue.errors import BadFrame, LimitExceeded
from duologue.limits import MAX_SAFE_INTEGER, MAX_TIMEOUT_MS, Limits
from duologue.protocol import codec
from duologue.protocol.call_fields import meta_fault
from duologue.protocol.call_states import NEXT_SERVED, ServedMove, ServedState
from duologue.protocol.counters import Counters
from duologue.protocol.items import ItemCalls
from duologue.protocol.late_messages import LateMessages
from duologue.protocol.messages import (
    CancelReceived,
    Failure,
    Refused,
    RequestReceived,
    StreamRefused,
)
from duologue.protocol.parcels import Parcel, Payload, split

_ACCEPTED: Final = ServedState.ACCEPTED
"""Looking it up in its class takes as long as filing a call."""


class ServedCalls:
    """Notes which requests are being served, and writes their answers.

    Invariant: an id is in use from the request that is handed on until its answer, or the closing
    message of its stream, has been written; or until it is forgotten.
    """

    def __init__(
        self,
        limits: Limits,
        counters: Counters,
        count_unasked: Callable[[], None],
        late: LateMessages,
    ) -> None:
        """`count_unasked` is told of messages about requests that never were."""
        self.items = ItemCalls(limits, counters, late, is_own=False)
        self._count_unasked = count_unasked
        self._highest_id = -1
        self.has_control_service = False
        """Whether the other side may use what the duologue profile adds; its calls of service 0
        are then counted apart."""
        self._counters = counters
        # They may have a past: those of a peer that outlives its connection.
        self._requests_before = self._requests_so_far
        self._max_unasked = limits.max_unasked_messages
        self._stops = 0
        self._strays = 0
        """Cancels and stops that found nothing to end."""
        self._states: dict[int, ServedState] = {}
        """By request id; OVER is not in it."""

    def state_of(self, request_id: int) -> ServedState:
        """Where a call stands."""
        return self._states.get(request_id, ServedState.OVER)

    def close(self) -> None:
        """End everything: no answer will leave."""
        self._states.clear()
        self.items.close_all()

    # -- what the other side says ---------------------------------------------------------------

    def receive_request(
        self, envelope: codec.Envelope, parts: Sequence[bytes] = (), weight: int = 0
    ) -> RequestReceived | Refused:
        """A request, with the parts that came beside it; `weight` is what it may take in memory.

        Raises:
            BadFrame: its ids are no integers.
        """
        request_id, service_id = envelope.requestId, envelope.serviceId
        args, timeout_ms = bytes(envelope.args), envelope.timeoutMs
        # One that is absent is NaN, which is not equal to itself.
        if timeout_ms != timeout_ms:
            timeout_ms = 0
        elif not (type(timeout_ms) is int and 0 < timeout_ms <= MAX_TIMEOUT_MS):
            return self._receive_unusual(envelope, parts, weight)
        # Whoever numbers its requests upwards has none of this number open. The rest is what nearly
        # every call says, of whose fields each is looked at once.
        if not (
            type(request_id) is int
            and self._highest_id < request_id <= MAX_SAFE_INTEGER
            and type(service_id) is int
            and 0 < service_id <= MAX_SAFE_INTEGER
            and args.startswith(b"[")
            and envelope.meta is None
            and self.has_control_service
        ):
            return self._receive_unusual(envelope, parts, weight)
        self._counters.requests_received_total += 1
        self._states[request_id] = _ACCEPTED
        self._highest_id = request_id
        return RequestReceived(
            request_id,
            service_id,
            Parcel(args, parts) if parts else args,
            envelope.takesParts,
            weight,
            timeout_ms,
            None,
            envelope.nested,
        )

    def _receive_unusual(
        self, envelope: codec.Envelope, parts: Sequence[bytes], weight: int
    ) -> RequestReceived | Refused:
        """A request that is in order all the same, or is not."""
        request_id, service_id = _integral_ids(envelope)
        args = codec.slice_or_none(envelope.args)
        if service_id == 0 and self.has_control_service:
            self._counters.control_requests_received += 1
        else:
            self._counters.requests_received_total += 1
        # The only move that is looked up without the table: it is made by the thousand.
        if request_id in self._states:
            return _refused(
                request_id, "Error", f"request id {request_id} is still in use", "DUPLICATE-REQUEST"
            )
        if args is not None and not args.startswith(b"["):
            return _refused(request_id, "TypeError", "args must be a list", None)
        timeout_ms, meta = 0, None
        if self.has_control_service:
            meta = envelope.meta
            timeout_ms, fault = _read_fields(envelope)
            if fault is not None:
                return Refused(codec.error_answer(request_id, fault))
        self._states[request_id] = ServedState.ACCEPTED
        self._highest_id = max(self._highest_id, request_id)
        return RequestReceived(
            request_id,
            service_id,
            Parcel(args, parts) if parts and args is not None else args,
            envelope.takesParts and self.has_control_service,
            weight,
            timeout_ms,
            meta,
            envelope.nested and self.has_control_service,
        )

    def refuse(self, envelope: codec.Envelope, failure: Failure) -> Refused:
        """A request that is answered unread.

        Raises:
            BadFrame: its ids are no integers.
        """
        request_id, service_id = _integral_ids(envelope)
        if service_id == 0 and self.has_control_service:
            self._counters.control_requests_received += 1
            # Whatever it has too much of, it is larger than a hello may be.
            failure = Failure("InvalidParams", failure.message, "INVALID_PARAMS")
        else:
            self._counters.requests_received_total += 1
        return Refused(codec.error_answer(request_id, failure))

    def receive_stop(self, envelope: codec.Envelope) -> StreamRefused | None:
        """A `write-stream-error`: None if no stream is being sent for it.

        Raises:
            LimitExceeded: too many found nothing to stop.
        """
        # Counted with any id or none; the original sends a needless one after `stream-error`.
        self._counters.requests_received_total += 1
        self._stops += 1
        request_id = codec.integral(envelope.requestId)
        if request_id is None:
            self._count_stray()
            return None
        if not self._may(request_id, ServedMove.STOP):
            return None
        return StreamRefused(request_id)

    def receive_cancel(self, envelope: codec.Envelope) -> CancelReceived | None:
        """A `cancel`: None if it crossed our answer on the wire.

        Raises:
            BadFrame: its id is no integer.
            LimitExceeded: too many found nothing to cancel.
        """
        request_id = codec.integral(envelope.requestId)
        if request_id is None:
            raise BadFrame("a `cancel` needs an integral `requestId`")
        return CancelReceived(request_id) if self._may(request_id, ServedMove.CANCEL) else None

    def receive_items(
        self, kind: str, text: str, envelope: codec.Envelope, data: Payload | None
    ) -> Refused | None:
        """Items of the caller, or what it says of ours.

        Raises:
            BadFrame: it is unreadable.
            LimitExceeded: more came than was granted, or too much about no request of its.
        """
        request_id = codec.integral(envelope.requestId)
        if request_id is None:
            raise BadFrame(f"`{kind}` needs an integral `requestId`")
        if not self._was_asked(request_id):
            return None
        return self.items.receive(request_id, kind, text, data)

    def receive_byte_item(self, request_id: int, item: bytes) -> None:
        """An item of the caller that is bytes; raises as `receive_items`."""
        if self._was_asked(request_id):
            self.items.receive_bytes(request_id, item)

    def _was_asked(self, request_id: int) -> bool:
        if not 0 <= request_id <= self._highest_id:
            self._count_unasked()
            return False
        if request_id in self._states:
            # Before the handler runs nobody knows whether it wants them: a window is held.
            self.items.open(request_id, takes_items=True)
        return True

    def _may(self, request_id: int, move: ServedMove) -> bool:
        if (self.state_of(request_id), move) in NEXT_SERVED:
            return True
        self._counters.messages_dropped += 1
        self._count_stray()
        return False

    @property
    def _requests_so_far(self) -> int:
        counters = self._counters
        return counters.requests_received_total + counters.control_requests_received

    def _count_stray(self) -> None:
        self._strays += 1
        requests = self._requests_so_far - self._requests_before - self._stops
        if self._strays > self._max_unasked + 2 * requests:
            raise LimitExceeded("max_unasked_messages", self._max_unasked, self._strays)

    # -- what this side does --------------------------------------------------------------------

    def answer(self, request_id: int, data: Payload | None, fields: bytes = b"") -> bytes:
        """The text that answers a request with `data`, JSON; None is no result.

        The parts of `data` follow it; `fields` are those of `call_fields`.
        """
        self._states.pop(request_id, None)
        if self.items.calls:
            self.items.close(request_id)
        if type(data) is bytes:
            # As `codec.answer`, for what comes by the thousand.
            return b'{"responseId":%d,"type":"data","data":%b%b}' % (request_id, data, fields)
        if data is None:
            return codec.answer(request_id, None, fields)
        text, parts = split(data)
        return codec.answer_with_parts(request_id, text, parts, fields)

    def fail(self, request_id: int, failure: Failure, fields: bytes = b"") -> bytes:
        """The text that answers a request with a failure; `fields` as in `answer`."""
        self._states.pop(request_id, None)
        if self.items.calls:
            self.items.close(request_id)
        return codec.error_answer(request_id, failure, fields)

    def start_stream(self, request_id: int) -> None:
        """From now on a request is answered by chunks, and its caller may refuse more of them."""
        self._states[request_id] = ServedState.SENDING

    def end_stream(self, request_id: int) -> bytes:
        """The text that says a stream is complete."""
        self._states.pop(request_id, None)
        if self.items.calls:
            self.items.close(request_id)
        return codec.stream_end(request_id)

    def fail_stream(self, request_id: int) -> bytes:
        """The text that says a stream cannot go on."""
        self._states.pop(request_id, None)
        if self.items.calls:
            self.items.close(request_id)
        return codec.stream_error(request_id)

    def forget(self, request_id: int) -> None:
        """It was no call after all: its arguments are no JSON (base profile 7.2)."""
        self._states.pop(request_id, None)
        if self.items.calls:
            self.items.close(request_id)
        self._counters.requests_received_total -= 1


def _integral_ids(envelope: codec.Envelope) -> tuple[int, int]:
    """Ids that are integral: `1.0`, for instance, or below 0."""
    request_id, service_id = codec.integral(envelope.requestId), codec.integral(envelope.serviceId)
    if request_id is None or service_id is None:
        raise BadFrame("a request needs an integral `requestId` and `serviceId`")
    return request_id, service_id


def _read_fields(envelope: codec.Envelope) -> tuple[int, Failure | None]:
    """What `timeoutMs` says, 0 if it is absent; and what is wrong with it or with `meta`."""
    said = envelope.timeoutMs
    # One that is absent is NaN, which is not equal to itself.
    timeout_ms = 0 if said != said else codec.integral(said) or -1
    if not 0 <= timeout_ms <= MAX_TIMEOUT_MS:
        text = f"`timeoutMs` is a whole number from 1 to {MAX_TIMEOUT_MS}"
        return 0, Failure("InvalidParams", text, "INVALID_PARAMS")
    fault = None if envelope.meta is None else meta_fault(envelope.meta)
    if fault is None:
        return timeout_ms, None
    text = str(fault) if isinstance(fault, LimitExceeded) else fault
    return 0, Failure("InvalidParams", text, "INVALID_PARAMS")


def _refused(request_id: int, name: str, message: str, code: str | None) -> Refused:
    return Refused(codec.error_answer(request_id, Failure(name, message, code)))
