"""Streams that answer own calls: from the session's events to what a reader holds."""

import asyncio
import math
from collections.abc import Callable
from typing import Any

from duologue.errors import ConnectionClosed, DeadlineExceeded, DuologueError, LimitExceeded
from duologue.limits import Limits
from duologue.promisifier.intake import Hold, Intake
from duologue.promisifier.own_call import Call, check_thread
from duologue.promisifier.streams.buffer import IncomingStream
from duologue.promisifier.streams.inflow import Inflow
from duologue.promisifier.streams.silence import SilenceWatch
from duologue.promisifier.streams.stream import ByteStream, TextStream
from duologue.protocol.messages import AnswerBroken, ChunkReceived, StreamEnded
from duologue.protocol.own_calls import OwnCalls


class StreamReceiver:
    """Gives each streaming call its buffer, and keeps all of them together within bounds."""

    def __init__(
        self,
        own: OwnCalls[Call[Any]],
        limits: Limits,
        intake: Intake,
        *,
        send_text: Callable[[bytes], None],
        fail: Callable[[Call[Any], DuologueError], None],
    ) -> None:
        """`fail` is for calls that were answered by a stream which does not fit."""
        self._own = own
        self._limits = limits
        self._send_text = send_text
        self._fail = fail
        self._streams: dict[int, IncomingStream[Any]] = {}
        self._loop = asyncio.get_running_loop()
        self.silence = SilenceWatch(self._loop, self._on_silent)
        self.inflow = Inflow(
            limits,
            pause=lambda: intake.hold(Hold.STREAMS),
            resume=lambda: intake.release(Hold.STREAMS),
            others_wait=lambda: bool(own.unanswered),
            on_stall=self._cancel_all,
        )

    def receive(
        self,
        event: ChunkReceived[Call[Any]] | StreamEnded[Call[Any]] | AnswerBroken[Call[Any]],
    ) -> None:
        """Hand one event to the reader it belongs to."""
        call = event.call
        if isinstance(event, ChunkReceived):
            stream = self._streams.get(call.request_id)
            if stream is None:
                # The call holds the reader. Nothing here may, or a dropped one would never be
                # noticed.
                self._own.replace_streaming(call.request_id, call.stand_in())
                stream = self._open(call, is_text=isinstance(event.piece, str))
            stream.put(event.piece)
            if call.patience_s < math.inf:
                self.silence.note(call.request_id, call.patience_s)
            if event.piece and not stream.is_over:
                self.inflow.put(len(event.piece))
        elif isinstance(event, StreamEnded):
            stream = self._forget(call.request_id)
            if stream is None:
                self._open_empty(call)
            else:
                stream.finish()
        else:
            self.break_off(call, event.error)
            if event.reply is not None:
                self._send_text(event.reply)

    def is_streaming(self, call: Call[Any]) -> bool:
        """Whether a part of the answer to `call` has come, or all of it."""
        return call.request_id in self._streams

    def break_off(self, call: Call[Any], error: DuologueError) -> bool:
        """Fail a call or, once it is streaming, its stream; returns whether it was streaming."""
        stream = self._forget(call.request_id)
        if stream is None:
            if isinstance(error, ConnectionClosed):
                call.fail_quietly(error)
            else:
                call.fail(error)
            return False
        stream.fail(error)
        return True

    def close(self) -> None:
        """The connection is closed, and every stream has been broken off."""
        self._send_text = self._fail = _ignore
        self.inflow.end()
        self.silence.end()

    def _open(self, call: Call[Any], *, is_text: bool) -> IncomingStream[Any]:
        request_id = call.request_id
        stream: IncomingStream[Any] = IncomingStream(
            call.reading.full_name, self.inflow.taken, lambda: self._cancel(request_id)
        )
        self._streams[request_id] = stream
        if not self._settle(call, TextStream(stream) if is_text else ByteStream(stream)):
            stream.cancel()
        return stream

    def _open_empty(self, call: Call[Any]) -> None:
        stream: IncomingStream[bytes] = IncomingStream(call.reading.full_name, _ignore, _ignore)
        stream.finish()
        self._settle(call, ByteStream(stream))

    def _settle(self, call: Call[Any], stream: ByteStream | TextStream) -> bool:
        try:
            result = call.reading.decode_stream(stream)
        except DuologueError as error:
            self._fail(call, error)
            return False
        call.set_result(result)
        return True

    def _forget(self, request_id: int) -> IncomingStream[Any] | None:
        self.silence.forget(request_id)
        return self._streams.pop(request_id, None)

    def _on_silent(self, request_id: int, patience_s: float) -> None:
        stream = self._streams.get(request_id)
        if stream is not None:
            stream.fail(
                DeadlineExceeded(
                    f"nothing of the stream of {stream.what} came for {patience_s:g} s"
                )
            )
            self._cancel(request_id)

    def _cancel(self, request_id: int) -> None:
        check_thread(self._loop)
        self._forget(request_id)
        text = self._own.stop_stream(request_id)
        if text is not None:
            self._send_text(text)

    def _cancel_all(self) -> None:
        limit = LimitExceeded("stream_stall_timeout_s", self._limits.stream_stall_timeout_s)
        for request_id, stream in tuple(self._streams.items()):
            stream.fail(limit)
            self._cancel(request_id)


def _ignore(*_: object) -> None:
    pass
