"""Sends streams, chunk by chunk, no faster than the network takes them (base profile 7.5)."""

import asyncio
import base64
from collections import deque
from collections.abc import Coroutine, Iterator
from typing import Any, TypeAlias

from duologue.connection.base import Connection
from duologue.connection.drain_gate import DrainGate
from duologue.limits import Limits
from duologue.promisifier.budget import Budget
from duologue.promisifier.streams.stream import ByteStream, TextStream
from duologue.protocol import codec
from duologue.protocol.counters import Counters
from duologue.protocol.stream_kinds import (
    CHUNK_BYTES,
    CHUNK_BYTES_BASE64,
    StreamKind,
    binary_prefix,
    cut_bytes,
    cut_text,
)

OutgoingStream: TypeAlias = ByteStream | TextStream


class OutgoingStreams:
    """The streams that answer calls of one peer.

    So many are sent at once as the limits and the `budget` of all peers allow; the others wait,
    their sources untouched. While the peer does not take what was sent they rest: nothing is taken
    from a source that could not be sent at once, but by those that had asked their source before.
    Files are read by one stream at a time, and closed when that takes long.
    """

    def __init__(
        self, connection: Connection, limits: Limits, budget: Budget, counters: Counters
    ) -> None:
        self._connection = connection
        self._limits = limits
        self._budget = budget
        self._counters = counters
        self._loop = asyncio.get_running_loop()
        self._sending = 0
        self._line: deque[asyncio.Future[None]] = deque()
        """Streams that wait for a place."""
        self._held_bytes = 0
        """Taken from sources, and not handed to the connection yet."""
        self._room = DrainGate()
        """Shut while that is too much."""
        self._turn = asyncio.Lock()
        """Of who reads a file."""

    async def send(self, request_id: int, stream: OutgoingStream) -> None:
        """Send every chunk of `stream` as the answer to `request_id`; not the end.

        Raises:
            ConnectionClosed: nobody is there any more.
            Exception: whatever the source raised.
        """
        await self._take_place()
        try:
            cut = _Cut(request_id, stream)
            send_next = self._send_block if stream.is_file else self._send_piece
            while await send_next(stream, cut):
                pass
        finally:
            self._leave()

    # -- how many -------------------------------------------------------------------------------

    async def _take_place(self) -> None:
        if not self._line and self._has_place:
            self._enter()
            return
        place = self._loop.create_future()
        self._line.append(place)
        self._budget.streams.add(self)
        try:
            await place
        except asyncio.CancelledError:
            if not place.cancelled():
                self._leave()
            raise

    def resume(self) -> None:
        """See `Waiter`."""
        while self._line and self._has_place:
            place = self._line.popleft()
            # One that was given up is done.
            if not place.done():
                place.set_result(None)
                self._enter()
        if self._line:
            self._budget.streams.add(self)

    @property
    def _has_place(self) -> bool:
        sending = self._sending
        return sending < self._limits.max_outgoing_streams and sending < self._budget.free_streams

    def _enter(self) -> None:
        self._sending += 1
        self._budget.free_streams -= 1

    def _leave(self) -> None:
        self._sending -= 1
        self._budget.free_streams += 1
        self.resume()
        self._budget.streams.wake()

    # -- how much -------------------------------------------------------------------------------

    async def _send_block(self, stream: OutgoingStream, cut: "_Cut") -> bool:
        """Send one block of a file; returns whether it was not the end."""
        if self._turn.locked():
            await self._rest(stream, self._turn.acquire())
        else:
            await self._turn.acquire()
        try:
            return await self._send_piece(stream, cut)
        finally:
            self._turn.release()

    async def _send_piece(self, stream: OutgoingStream, cut: "_Cut") -> bool:
        """Send what the source gives next; returns whether it was not the end."""
        gate = self._connection.gate
        while gate.is_shut or self._room.is_shut:
            await self._rest(stream, gate.wait())
            await self._room.wait()
        try:
            piece: bytes | str = await stream.__anext__()
        except StopAsyncIteration:
            return False
        size = len(piece)
        self._hold(size)
        try:
            for message, content_bytes in cut.messages(piece):
                if gate.is_shut:
                    await gate.wait()
                self._send_message(message, is_text=cut.is_text)
                if stream.on_progress is not None:
                    stream.on_progress(content_bytes)
        finally:
            self._hold(-size)
        return True

    async def _rest(self, stream: OutgoingStream, end: Coroutine[Any, Any, object]) -> None:
        """Wait for `end`; a file is not kept open if that takes long."""
        timer = self._loop.call_later(self._limits.stream_file_rest_s, stream.rest)
        try:
            await end
        finally:
            timer.cancel()

    def _hold(self, size: int) -> None:
        self._held_bytes += size
        self._budget.free_stream_bytes -= size
        # Above what all may hold, each peer's streams may still hold one piece: nobody starves.
        if self._held_bytes >= self._limits.max_outgoing_stream_bytes or (
            self._held_bytes and self._budget.free_stream_bytes <= 0
        ):
            self._room.shut()
        elif self._room.is_shut:
            self._room.open()

    def _send_message(self, message: bytes, *, is_text: bool) -> None:
        if is_text:
            self._connection.send_utf8(message)
        else:
            self._connection.send(message)
        self._counters.bytes_sent += len(message)


class _Cut:
    """Makes messages of the pieces of one stream."""

    def __init__(self, request_id: int, stream: OutgoingStream) -> None:
        self._request_id = request_id
        self._content_bytes = 0
        # Only the first chunk of a text stream tells the encoding.
        self._encoding: str | None
        if isinstance(stream, TextStream):
            self._encoding, self._kind = StreamKind.UTF8, StreamKind.UTF8
        elif stream.encoding == "base64":
            self._encoding, self._kind = StreamKind.BASE64, StreamKind.BASE64
        else:
            self._encoding, self._kind = None, StreamKind.BINARY
        self._prefix = binary_prefix(request_id)
        self.is_text = self._kind is not StreamKind.BINARY

    def messages(self, piece: bytes | str) -> Iterator[tuple[bytes, int]]:
        """Each message, with the bytes of content that have gone with it."""
        if isinstance(piece, str):
            for part in cut_text(piece):
                size = len(part) if part.isascii() else len(part.encode(errors="surrogatepass"))
                yield self._text(part), self._count(size)
        elif self._kind is StreamKind.BASE64:
            for chunk in cut_bytes(piece, CHUNK_BYTES_BASE64):
                yield self._text(base64.b64encode(chunk).decode()), self._count(len(chunk))
        else:
            for chunk in cut_bytes(piece, CHUNK_BYTES):
                yield self._prefix + chunk, self._count(len(chunk))

    def _text(self, chunk: str) -> bytes:
        encoding, self._encoding = self._encoding, None
        return codec.stream_chunk(self._request_id, chunk, encoding)

    def _count(self, size: int) -> int:
        self._content_bytes += size
        return self._content_bytes
