"""Streams that answer own calls: which id may receive what (base profile 7.5)."""

import json
from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Final, Generic

import msgspec

from duologue.errors import BadFrame, StreamFailed
from duologue.protocol import codec
from duologue.protocol.counters import Counters
from duologue.protocol.messages import (
    AnswerBroken,
    CallT,
    ChunkReceived,
    Event,
    Refused,
    StreamEnded,
)
from duologue.protocol.stream_kinds import StreamKind, kind_of, read_chunk
from duologue.protocol.values import parse_json

MAX_CANCELLED: Final = 1024
"""Ids remembered as cancelled until their closing message comes. A peer that owes more of them is
not asked again to stop; its chunks are dropped all the same."""


@dataclass(slots=True)
class _Streaming(Generic[CallT]):
    call: CallT
    kind: StreamKind


class IncomingStreams(Generic[CallT]):
    """What chunks and closing messages mean, by where their id stands.

    An id is in one of four places: in `open_calls`, nothing has come for it; in `streaming`, a
    chunk has; in the cancelled ones, we have asked the other side to stop and it has not closed
    yet; in none, it is done or was never used. Chunks move it from the first to the second; closing
    messages out of any; `cancel`, and a chunk that cannot be read, into the third.
    """

    def __init__(self, open_calls: MutableMapping[float, CallT], counters: Counters) -> None:
        self._open_calls = open_calls
        self._counters = counters
        self.streaming: dict[int, _Streaming[CallT]] = {}
        self._cancelled: set[int] = set()

    def receive_text(
        self, request_id: int, chunk: msgspec.Raw, encoding: msgspec.Raw
    ) -> Event[CallT] | None:
        """A text chunk."""
        stream = self.streaming.get(request_id)
        if stream is None and request_id not in self._open_calls:
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

    def receive_bytes(self, request_id: int, chunk: bytes) -> Event[CallT] | None:
        """A binary chunk."""
        stream = self.streaming.get(request_id)
        if stream is None and request_id not in self._open_calls:
            return self._receive_for_nobody(request_id)
        if stream is not None and stream.kind is not StreamKind.BINARY:
            return self._break_off(request_id, BadFrame("a binary chunk in a text stream"))
        return ChunkReceived(self._streaming_call(request_id, StreamKind.BINARY), chunk)

    def receive_end(self, request_id: int) -> Event[CallT] | None:
        """`stream-end`: what came is all."""
        call = self.close_one(request_id)
        return None if call is None else StreamEnded(call)

    def receive_failure(self, request_id: int, error: msgspec.Raw) -> Event[CallT] | None:
        """`stream-error`: the source failed, or has been stopped by us."""
        call = self.close_one(request_id)
        if call is None:
            return None
        try:
            received = json.dumps(_json_or_none(error), sort_keys=True)
        except BadFrame:
            received = "unreadable"
        return AnswerBroken(call, StreamFailed(received), None)

    def close_one(self, request_id: int) -> CallT | None:
        """A closing message came for `request_id`: the call it closes, or None if nobody waits."""
        stream = self.streaming.pop(request_id, None)
        if stream is not None:
            return stream.call
        call = self._open_calls.pop(request_id, None)
        if call is None:
            if request_id in self._cancelled:
                self._cancelled.discard(request_id)
            else:
                self._counters.messages_dropped += 1
        return call

    def interrupt(self, request_id: int) -> CallT | None:
        """An ordinary answer came: the call, if it was streaming; it is no longer."""
        stream = self.streaming.pop(request_id, None)
        self._cancelled.discard(request_id)
        return None if stream is None else stream.call

    def replace(self, request_id: int, call: CallT) -> None:
        """Let events of a stream name `call` from now on."""
        self.streaming[request_id].call = call

    def cancel(self, request_id: int) -> bytes | None:
        """The reader has gone: what to tell the other side, or None if the stream is over."""
        if self.streaming.pop(request_id, None) is None:
            return None
        self._cancelled.add(request_id)
        return codec.write_stream_error(request_id)

    def close(self) -> list[CallT]:
        """Forget everything; returns the calls whose streams were not complete."""
        calls = [stream.call for stream in self.streaming.values()]
        self.streaming.clear()
        self._cancelled.clear()
        return calls

    def _streaming_call(self, request_id: int, kind: StreamKind) -> CallT:
        stream = self.streaming.get(request_id)
        if stream is None:
            stream = _Streaming(self._open_calls.pop(request_id), kind)
            self.streaming[request_id] = stream
        return stream.call

    def _break_off(self, request_id: int, error: BadFrame) -> AnswerBroken[CallT]:
        stream = self.streaming.pop(request_id, None)
        call = self._open_calls.pop(request_id) if stream is None else stream.call
        self._cancelled.add(request_id)
        return AnswerBroken(call, error, codec.write_stream_error(request_id))

    def _receive_for_nobody(self, request_id: int) -> Refused | None:
        self._counters.messages_dropped += 1
        # A call that was given up before its first chunk: the sender does not know yet.
        if request_id in self._cancelled or len(self._cancelled) >= MAX_CANCELLED:
            return None
        self._cancelled.add(request_id)
        return Refused(codec.write_stream_error(request_id))


def _json_or_none(raw: msgspec.Raw) -> object:
    text = bytes(raw)
    return parse_json(text) if text else None
