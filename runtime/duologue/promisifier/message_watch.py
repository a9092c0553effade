"""What the messages of one connection mean to observers."""

from typing import Protocol

import msgspec

from duologue.errors import BadFrame
from duologue.observer import OTHER, CallSeen, ConnectionSeen, Direction, Observer, Outcome
from duologue.protocol.codec import (
    UNDECODED,
    Envelope,
    decode_envelope,
    integral,
    read_failure,
    read_leniently,
    slice_or_none,
)
from duologue.protocol.control import read_notify
from duologue.protocol.hello import CONTROL_SERVICE
from duologue.protocol.items import ITEMS
from duologue.protocol.stream_kinds import ID_BYTES, read_binary, read_sender_id

_LISTS = msgspec.json.Decoder(list[msgspec.Raw])

_ENDINGS = ("data", "error", "stream-end", "stream-error")


class Names(Protocol):
    """Who knows what numbers stand for."""

    def own_method(self, request_id: int) -> str:
        """The method of an open call of ours; `OTHER` if no contract says."""
        ...

    def served_method(self, service_id: int) -> str:
        """What is served under a number; `OTHER` if no contract says."""
        ...

    def event_name(self, subscription: int, direction: Direction) -> str:
        """The event of a subscription of ours (`in`), or of the other side's."""
        ...


class MessageWatch:
    """Tells `told` what is in the messages of a connection. Times are by one clock, in seconds."""

    def __init__(self, connection: ConnectionSeen, told: Observer, names: Names) -> None:
        self._connection = connection
        self._told = told
        self._names = names
        self._own: dict[int, CallSeen] = {}
        self._served: dict[int, CallSeen] = {}
        self._parts_due: dict[Direction, int] = {"in": 0, "out": 0}
        """Byte messages that belong to the text before them."""

    def note_text(self, direction: Direction, text: str | bytes, now_s: float) -> None:
        """A text has come, or has left; it may be UTF-8."""
        if self._told.wants_frames:
            said = text if isinstance(text, str) else text.decode()
            self._told.frame(self._connection, direction, said)
        try:
            envelope = decode_envelope(text)
        except UNDECODED:
            try:
                envelope = read_leniently(text if isinstance(text, str) else text.decode())
            except BadFrame:
                return
        if envelope.parts:
            self._parts_due[direction] += len(envelope.parts)
        kind = envelope.type
        if kind == "request":
            self._note_request(direction, envelope, now_s)
        elif kind in _ENDINGS:
            self._note_ending(direction, envelope, now_s)
        elif kind == ITEMS:
            self._note_items(direction, envelope)
        elif kind == "cancel" and direction == "out":
            self._note_cancel(envelope, now_s)
        elif kind == "notify":
            self._note_event(direction, text if isinstance(text, str) else text.decode())

    def end(self, now_s: float) -> None:
        """The connection is closed: no open call has an answer."""
        for calls in (self._own, self._served):
            for call in calls.values():
                self._told.call_ended(call, Outcome("lost", now_s - call.begun_s))
            calls.clear()

    def _note_request(self, direction: Direction, envelope: Envelope, now_s: float) -> None:
        request_id, number = integral(envelope.requestId), integral(envelope.serviceId)
        # What two sides arrange between them nobody has called.
        if request_id is None or number is None or number == CONTROL_SERVICE:
            return
        is_own = direction == "out"
        names = self._names
        method = names.own_method(request_id) if is_own else names.served_method(number)
        timeout_ms = envelope.timeoutMs
        waits_ms = timeout_ms if type(timeout_ms) is int else 0
        call = CallSeen(self._connection, is_own, method, number, now_s, waits_ms)
        (self._own if is_own else self._served)[request_id] = call
        self._told.call_started(call)

    def _note_ending(self, direction: Direction, envelope: Envelope, now_s: float) -> None:
        response_id = integral(envelope.responseId)
        calls = self._own if direction == "in" else self._served
        call = None if response_id is None else calls.pop(response_id, None)
        if call is None:
            return
        code = "ok"
        if envelope.type == "error":
            code = _code_in(envelope)
        elif envelope.type == "stream-error":
            code = "stream failed"
        self._told.call_ended(call, Outcome(code, now_s - call.begun_s))

    def _note_cancel(self, envelope: Envelope, now_s: float) -> None:
        request_id = integral(envelope.requestId)
        call = None if request_id is None else self._own.pop(request_id, None)
        if call is not None:
            seconds = now_s - call.begun_s
            is_late = 0 < call.timeout_ms <= seconds * 1000
            code = "DEADLINE_EXCEEDED" if is_late else "given up"
            self._told.call_ended(call, Outcome(code, seconds))

    def _note_items(self, direction: Direction, envelope: Envelope) -> None:
        own_id, served_id = map(integral, (envelope.responseId, envelope.requestId))
        if direction == "out":
            own_id, served_id = served_id, own_id
        call = self._call(own_id, served_id)
        data = slice_or_none(envelope.data)
        if call is None or data is None:
            return
        try:
            number = len(_LISTS.decode(data))
        except (msgspec.DecodeError, UnicodeDecodeError):
            return
        self._told.items(call, direction, number, len(data))

    def note_bytes(self, direction: Direction, message: bytes) -> None:
        """Bytes have come, or have left: a chunk, an item or a part."""
        if self._told.wants_frames:
            self._told.frame(self._connection, direction, message)
        if self._parts_due[direction]:
            self._parts_due[direction] -= 1
            return
        # The id is that of whoever opened the call as its receiver, and turned for its sender.
        turned = read_sender_id(message)
        try:
            plain = None if turned is not None else read_binary(message)[0]
        except BadFrame:
            return
        own_id, served_id = (plain, turned) if direction == "in" else (turned, plain)
        call = self._call(own_id, served_id)
        if call is not None:
            self._told.items(call, direction, 1, len(message) - ID_BYTES)

    def _call(self, own_id: int | None, served_id: int | None) -> CallSeen | None:
        if own_id is not None:
            return self._own.get(own_id)
        return None if served_id is None else self._served.get(served_id)

    def _note_event(self, direction: Direction, message: str) -> None:
        try:
            event = read_notify(message)
        except BadFrame:
            return
        if event.end is None:
            name = self._names.event_name(event.subscription, direction)
            self._told.event(name, direction, event.missed)


def _code_in(envelope: Envelope) -> str:
    try:
        failure = read_failure(slice_or_none(envelope.error))
    except BadFrame:
        return OTHER
    return failure.code or OTHER
