"""One end of a conversation, without I/O: messages in, events out (base profile 7 and 8).

It does not know which side it plays: both may call and both may serve. It reads what a message is
and hands it to one of the two sides, `own` or `served`; it opens no socket and reads no clock.
"""

from collections.abc import Iterator
from typing import Generic

from duologue.errors import BadFrame, LimitExceeded, ProtocolError, RefusedService
from duologue.limits import MAX_SAFE_INTEGER, Limits
from duologue.protocol import codec
from duologue.protocol.arriving_parcel import ArrivingParcel
from duologue.protocol.control import read_notify
from duologue.protocol.counters import Counters
from duologue.protocol.excess import (
    failure_of,
    find_excess,
    held_by,
    plain_characters,
    read_around,
    weigh,
)
from duologue.protocol.goaway import GOAWAY, read_goaway
from duologue.protocol.items import ITEM_KINDS, ITEMS
from duologue.protocol.late_messages import LateMessages
from duologue.protocol.messages import AnswerReceived, CallT, RequestReceived, SessionEvent
from duologue.protocol.own_calls import OwnCalls
from duologue.protocol.parcels import Parcel, Payload
from duologue.protocol.served_calls import ServedCalls
from duologue.protocol.stream_kinds import ID_BYTES, read_sender_id
from duologue.protocol.values import SENTINEL_JSON

UNKNOWN_SERVICE = "UNKNOWN-SERVICE"
slice_or_none = codec.slice_or_none
read_envelope = codec.read_envelope
read_leniently = codec.read_leniently
decode_envelope = codec.decode_envelope
UNDECODED = codec.UNDECODED


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
    """Says what each message of a conversation means, and counts.

    `CallT` is whatever the shell files under a request of its own: see `OwnCalls`.
    """

    def __init__(self, limits: Limits, counters: Counters | None = None) -> None:
        self.counters = counters or Counters()
        self.late = LateMessages()
        """To be told of what is for nobody any more, where that is seen elsewhere."""
        self.own: OwnCalls[CallT] = OwnCalls(limits, self.counters, self.late)
        self.served = ServedCalls(limits, self.counters, self.own.count_unasked, self.late)
        self.arriving: ArrivingParcel | None = None
        """A message whose parts are not all there yet."""
        self._limits = limits
        # The counters may have a past: those of a peer that outlives its connection.
        self._max_invalid = self.counters.requests_received_invalid + limits.max_invalid_messages
        self._plain_characters = plain_characters(limits)

    @property
    def has_control_service(self) -> bool:
        """Whether the other side may use what the duologue profile adds: see `allow_control`."""
        return self.served.has_control_service

    def allow_control(self) -> None:
        """Let the other side use what the duologue profile adds to the base profile."""
        self.served.has_control_service = True

    def close(self) -> list[CallT]:
        """End everything; returns the own calls that were still open, in order."""
        self.served.close()
        self.arriving = None
        return self.own.close()

    # -- messages -------------------------------------------------------------------------------

    def receive(self, text: str) -> SessionEvent[CallT] | None:
        """What the message `text` means; None if nothing is to be done. As `receive_each`."""
        return next(self.receive_each(iter((text,))), None)

    def receive_each(self, messages: Iterator[str | bytes]) -> Iterator[SessionEvent[CallT]]:
        """What messages mean, of those that mean something; each is read when its turn comes.

        All that were read together go through one generator: what is asked for each of them, and
        is the same for all, is asked once. Unreadable ones are counted and ignored (base profile
        8.2).

        Raises:
            LimitExceeded: `max_invalid_messages`, `max_unasked_messages` or `MAX_LATE_MESSAGES`
                have been met; the connection should be closed.
            ProtocolError: what belongs together has come apart; the connection should be closed.
            BadFrame: bytes that are shorter than the id in front of every chunk.
        """
        counters, plain_characters = self.counters, self._plain_characters
        take_open, receive_request = self.own.take_open, self.served.receive_request
        for message in messages:
            event: SessionEvent[CallT] | None
            if isinstance(message, bytes):
                counters.bytes_received += len(message)
                event = self.receive_bytes(message)
                if event is not None:
                    yield event
                continue
            size = len(message)
            counters.bytes_received += size if message.isascii() else _bytes_of(message)
            try:
                if size > plain_characters or self.arriving is not None:
                    event = self._receive_long(message)
                else:
                    try:
                        envelope = decode_envelope(message)
                    except UNDECODED:
                        envelope = read_leniently(message)
                    kind = envelope.type
                    # The two that come by the thousand first.
                    if envelope.parts is not None:
                        event = self._receive_envelope(message, envelope)
                    elif kind == "request":
                        event = receive_request(envelope)
                    elif (
                        kind == "data"
                        and (call := take_open(envelope.responseId, None)) is not None
                    ):
                        # As `slice_or_none`.
                        data = bytes(envelope.data)
                        event = AnswerReceived(
                            call,
                            data if data and data != SENTINEL_JSON else None,
                            None if envelope.meta is None else self.own.read_meta(envelope),
                        )
                    else:
                        event = self._receive_envelope(message, envelope)
            except BadFrame:
                self.count_invalid()
                continue
            if event is not None:
                yield event

    def _receive_long(self, text: str) -> SessionEvent[CallT] | None:
        """A text that may hold much, or that comes where none should."""
        if self.arriving is not None:
            raise ProtocolError("a text came where parts of the one before were announced")
        held = held_by(text)
        excess = find_excess(text, held, self._limits)
        if excess is not None:
            return self._receive_excess(text, excess)
        envelope = read_envelope(text)
        if envelope.type == "request" and envelope.parts is None:
            return self.served.receive_request(envelope, (), weigh(text, held))
        return self._receive_envelope(text, envelope)

    def _receive_envelope(self, text: str, envelope: codec.Envelope) -> SessionEvent[CallT] | None:
        has_control_service = self.has_control_service
        if envelope.parts is not None and has_control_service:
            self.arriving = ArrivingParcel(text, envelope, envelope.parts, self._limits)
            return None
        kind = envelope.type
        if kind == "data":
            call = self.own.receive_late_answer(envelope)
            if call is None:
                return None
            meta = self.own.read_meta(envelope)
            return AnswerReceived(call, slice_or_none(envelope.data), meta)
        if kind == "request":
            return self.served.receive_request(envelope)
        if kind == ITEMS and has_control_service:
            return self._receive_list(text, envelope)
        if kind == "error":
            return self.own.receive_failure(envelope)
        if kind in ("stream", "stream-end", "stream-error"):
            return self.own.receive_stream(kind, envelope)
        if kind == "write-stream-error":
            return self.served.receive_stop(envelope)
        if has_control_service:
            if kind == "cancel":
                return self.served.receive_cancel(envelope)
            if kind == "notify":
                return read_notify(text)
            if kind == GOAWAY:
                return read_goaway(text)
            if kind in ITEM_KINDS:
                return self._receive_items(text, envelope, slice_or_none(envelope.data))
        raise BadFrame("a `type` that is not known")

    def receive_bytes(self, message: bytes) -> SessionEvent[CallT] | None:
        """What a byte message means: a part that was announced, or a chunk of a binary stream.

        Raises:
            BadFrame: shorter than the id in front of every chunk (base profile 8.2).
            ProtocolError: a part is not of the announced length.
            LimitExceeded: as `receive`.
        """
        arriving = self.arriving
        if arriving is None:
            if self.has_control_service:
                own_id = read_sender_id(message)
                if own_id is not None:
                    self.served.receive_byte_item(own_id, message[ID_BYTES:])
                    return None
            return self.own.receive_bytes(message)
        if not arriving.take(message):
            return None
        self.arriving = None
        return self._receive_parcel(arriving)

    def _receive_parcel(self, whole: ArrivingParcel) -> SessionEvent[CallT] | None:
        envelope = whole.envelope
        try:
            held = held_by(whole.text)
            excess = find_excess(whole.text, held, self._limits)
            if excess is not None:
                return self._refuse(envelope, excess)
            if envelope.type == "request":
                weight = weigh(whole.text, held, whole.parts)
                return self.served.receive_request(envelope, whole.parts, weight)
            if envelope.type == ITEMS:
                data = slice_or_none(envelope.data)
                return self._receive_items(whole.text, envelope, data and Parcel(data, whole.parts))
            data = slice_or_none(envelope.data) or b"null"
            return self.own.receive_parcel(Parcel(data, whole.parts), envelope)
        except BadFrame:
            self.count_invalid()
            return None

    def _receive_list(self, text: str, envelope: codec.Envelope) -> SessionEvent[CallT] | None:
        """Items come by the thousand, and most of a call that is open: there is no more to ask."""
        data, response_id = slice_or_none(envelope.data), envelope.responseId
        # An id that is absent is NaN, which is not equal to itself.
        if response_id == response_id:
            side, items = self.own.items, self.own.items.calls.get(response_id)
        else:
            side, items = self.served.items, self.served.items.calls.get(envelope.requestId)
        if items is None:
            return self._receive_items(text, envelope, data)
        side.receive_list(items, data)
        return None

    def _receive_items(
        self, text: str, envelope: codec.Envelope, data: Payload | None
    ) -> SessionEvent[CallT] | None:
        if envelope.responseId == envelope.responseId:
            return self.own.receive_items(envelope.type, text, envelope, data)
        return self.served.receive_items(envelope.type, text, envelope, data)

    def _receive_excess(
        self, text: str, excess: BadFrame | LimitExceeded
    ) -> SessionEvent[CallT] | None:
        envelope = read_around(text)
        if envelope.parts is not None and self.has_control_service:
            # They come all the same.
            self.arriving = ArrivingParcel(text, envelope, envelope.parts, self._limits)
            return None
        if envelope.type == "notify" and self.has_control_service:
            # One event that is too much to be read is one that is missed, and known to be.
            return read_notify(text)._replace(data=None)
        return self._refuse(envelope, excess)

    def _refuse(
        self, envelope: codec.Envelope, excess: BadFrame | LimitExceeded
    ) -> SessionEvent[CallT] | None:
        # Whoever waits for an answer must not wait for ever.
        if envelope.type == "request":
            return self.served.refuse(envelope, failure_of(excess))
        if envelope.type in ("data", "error"):
            return self.own.receive_excess(envelope, excess)
        if envelope.type == ITEMS and self.has_control_service:
            own_id, served_id = map(codec.integral, (envelope.responseId, envelope.requestId))
            if own_id is not None:
                self.own.items.break_off(own_id, str(excess))
                return None
            if served_id is not None:
                self.served.items.break_off(served_id, str(excess))
                return None
        raise BadFrame(str(excess))

    # -- what cannot be read --------------------------------------------------------------------

    def count_invalid(self) -> None:
        """Count one unreadable message.

        Raises:
            LimitExceeded: as `receive`.
        """
        self.counters.requests_received_invalid += 1
        if self.counters.requests_received_invalid > self._max_invalid:
            raise LimitExceeded("max_invalid_messages", self._limits.max_invalid_messages)

    def disown(self, request: RequestReceived) -> None:
        """Count a request as unreadable after all: its arguments are no JSON (base profile 7.2).

        Raises:
            LimitExceeded: as `receive`.
        """
        self.served.forget(request.request_id)
        self.count_invalid()


def _bytes_of(text: str) -> int:
    # Half a character is no UTF-8, but may come where nothing is turned into bytes.
    return len(text.encode(errors="surrogatepass"))
