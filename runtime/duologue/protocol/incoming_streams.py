"""Streams that answer own calls: which id may receive what (base profile 7.5)."""

import json
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from typing import Final, Generic

import msgspec

from duologue.errors import BadFrame, StreamFailed
from duologue.protocol import codec
from duologue.protocol.call_states import NEXT_OWN, OwnMove, OwnState
from duologue.protocol.counters import Counters
from duologue.protocol.messages import (
    AnswerBroken,
    CallT,
    ChunkReceived,
    Refused,
    SessionEvent,
    StreamEnded,
)
from duologue.protocol.stream_kinds import StreamKind, kind_of, read_chunk
from duologue.protocol.values import parse_json

MAX_STOPPING: Final = 1024
"""Ids remembered as cancelled until their closing message comes. A peer that owes more of them is
not asked again to stop; its chunks are dropped all the same."""


@dataclass(slots=True)
class _Streaming(Generic[CallT]):
    call: CallT
    kind: StreamKind


class IncomingStreams(Generic[CallT]):
    """What chunks and closing messages mean, by where their call stands (`NEXT_OWN`).

    A call that is OPEN is in `open_calls`, which belongs to `OwnCalls`. Here are those that have
    gone further: STREAMING, and STOPPING.
    """

    def __init__(
        self,
        open_calls: MutableMapping[float, CallT],
        counters: Counters,
        count_late: Callable[[], None],
    ) -> None:
        """`count_late` is told of messages of streams that nobody reads; it may raise."""
        self._count_late = count_late
        self._open_calls = open_calls
        self._counters = counters
        self.streaming: dict[int, _Streaming[CallT]] = {}
        self._stopping: dict[int, None] = {}

    def __len__(self) -> int:
        return len(self.streaming)

    def state_of(self, request_id: int) -> OwnState:
        """Where a call stands."""
        if request_id in self.streaming:
            return OwnState.STREAMING
        if request_id in self._open_calls:
            return OwnState.OPEN
        return OwnState.STOPPING if request_id in self._stopping else OwnState.OVER

    def receive_text(
        self, request_id: int, chunk: msgspec.Raw, encoding: msgspec.Raw
    ) -> SessionEvent[CallT] | None:
        """A text chunk."""
        stream = self.streaming.get(request_id)
        if stream is None and not self._may_begin(request_id):
            return self._receive_for_nobody(request_id)
        try:
            if stream is None:
                kind = kind_of(_json_or_none(encoding))
            elif stream.kind is StreamKind.BINARY:
                raise BadFrame("a text chunk in a binary stream")
            else:
                kind = stream.kind
            piece = read_chunk(kind, _json_or_none(chunk))
        except BadFrame as error:
            return self._break_off(request_id, error)
        return ChunkReceived(self._streaming_call(request_id, kind), piece)

    def receive_bytes(self, request_id: int, chunk: bytes) -> SessionEvent[CallT] | None:
        """A binary chunk."""
        stream = self.streaming.get(request_id)
        if stream is None and not self._may_begin(request_id):
            return self._receive_for_nobody(request_id)
        if stream is not None and stream.kind is not StreamKind.BINARY:
            return self._break_off(request_id, BadFrame("a binary chunk in a text stream"))
        return ChunkReceived(self._streaming_call(request_id, StreamKind.BINARY), chunk)

    def receive_end(self, request_id: int) -> SessionEvent[CallT] | None:
        """`stream-end`: what came is all."""
        call = self._close_one(request_id)
        return None if call is None else StreamEnded(call)

    def receive_failure(self, request_id: int, error: msgspec.Raw) -> SessionEvent[CallT] | None:
        """`stream-error`: the source failed, or has been stopped by us."""
        call = self._close_one(request_id)
        if call is None:
            return None
        try:
            received = json.dumps(_json_or_none(error), sort_keys=True)
        except BadFrame:
            received = "unreadable"
        return AnswerBroken(call, StreamFailed(received), None)

    def interrupt(self, request_id: int) -> CallT | None:
        """An ordinary answer came: the call, if it was streaming; it is no longer."""
        stream = self.streaming.pop(request_id, None)
        self._stopping.pop(request_id, None)
        return None if stream is None else stream.call

    def replace(self, request_id: int, call: CallT) -> None:
        """Let events of a stream name `call` from now on."""
        self.streaming[request_id].call = call

    def stop(self, request_id: int) -> bytes | None:
        """The reader has gone: what to tell the other side, or None if the stream is over."""
        if self.streaming.pop(request_id, None) is None:
            return None
        self._stopping[request_id] = None
        return codec.write_stream_error(request_id)

    def close(self) -> list[CallT]:
        """Forget everything; returns the calls whose streams were not complete."""
        calls = [stream.call for stream in self.streaming.values()]
        self.streaming.clear()
        self._stopping.clear()
        return calls

    def _may_begin(self, request_id: int) -> bool:
        return NEXT_OWN[self.state_of(request_id), OwnMove.CHUNK] is OwnState.STREAMING

    def _close_one(self, request_id: int) -> CallT | None:
        """A closing message came for `request_id`: the call it closes, or None if nobody waits."""
        state = self.state_of(request_id)
        if (state, OwnMove.CLOSE) not in NEXT_OWN:
            self._counters.messages_dropped += 1
            self._count_late()
            return None
        if state is OwnState.STREAMING:
            return self.streaming.pop(request_id).call
        self._stopping.pop(request_id, None)
        return self._open_calls.pop(request_id, None)

    def _streaming_call(self, request_id: int, kind: StreamKind) -> CallT:
        stream = self.streaming.get(request_id)
        if stream is None:
            stream = _Streaming(self._open_calls.pop(request_id), kind)
            self.streaming[request_id] = stream
        return stream.call

    def _break_off(self, request_id: int, error: BadFrame) -> AnswerBroken[CallT]:
        stream = self.streaming.pop(request_id, None)
        call = self._open_calls.pop(request_id) if stream is None else stream.call
        self._stopping[request_id] = None
        return AnswerBroken(call, error, codec.write_stream_error(request_id))

    def _receive_for_nobody(self, request_id: int) -> Refused | None:
        self._counters.messages_dropped += 1
        self._count_late()
        # A call that was given up before its first chunk: the sender does not know yet.
        if request_id in self._stopping or len(self._stopping) >= MAX_STOPPING:
            return None
        self._stopping[request_id] = None
        return Refused(codec.write_stream_error(request_id))


def _json_or_none(raw: msgspec.Raw) -> object:
    text = bytes(raw)
    return parse_json(text) if text else None
