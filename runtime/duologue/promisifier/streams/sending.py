"""Sends streams, chunk by chunk, no faster than the network takes them (base profile 7.5)."""

import asyncio
import base64
from collections import deque
from collections.abc import Coroutine, Iterator
from typing import Any, Final, TypeAlias

from duologue.connection.base import Connection
from duologue.connection.drain_gate import PAUSE_ABOVE_BYTES, DrainGate
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

SMALLEST_BLOCK_BYTES: Final = 4096
"""Read of a file although more than this does not fit before the stream rests."""

OutgoingStream: TypeAlias = ByteStream | TextStream


class OutgoingStreams:
    """The streams that answer calls of one peer.

    So many are sent at once as the limits and the `budget` of all peers allow; the others wait,
    their sources untouched. While the peer does not take what was sent they rest: nothing is taken
    from a source that could not be sent at once, but by those that had asked their source before.
    Files are read by one stream at a time, no more than the peer may be owed, and closed when that
    takes long.
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
            if stream.is_file:
                await self._send_file(stream, _Cut(request_id, stream))
            else:
                await self._send_pieces(stream, _Cut(request_id, stream))
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

    async def _send_pieces(self, stream: OutgoingStream, cut: "_Cut") -> None:
        gate = self._connection.gate
        while self._must_rest():
            await self._rest(stream)
        async for piece in stream:
            for message, content_bytes in cut.messages(piece):
                if gate.is_shut:
                    await self._rest(stream, len(piece))
                self._send_message(message, stream, content_bytes, is_text=cut.is_text)
            while self._must_rest():
                await self._rest(stream)

    async def _send_file(self, stream: OutgoingStream, cut: "_Cut") -> None:
        is_there_more = True
        while is_there_more:
            # Whoever is alone need not wait. (The lock is free for a moment before its next owner
            # runs.)
            if self._sending > 1:
                await self._wait_closing(stream, self._turn.acquire())
            else:
                await self._turn.acquire()
            try:
                is_there_more = await self._send_block(stream, cut)
            finally:
                self._turn.release()

    async def _send_block(self, stream: OutgoingStream, cut: "_Cut") -> bool:
        """Send the next block of a file; returns whether it was not the end."""
        gate = self._connection.gate
        while self._must_rest():
            await self._rest(stream)
        # A fast peer is sent large blocks; one that falls behind is owed no more than it must be.
        unsent = self._connection.buffered_amount
        if unsent:
            stream.read_at_most(max(SMALLEST_BLOCK_BYTES, PAUSE_ABOVE_BYTES - unsent))
        try:
            piece: bytes | str = await stream.__anext__()
        except StopAsyncIteration:
            return False
        size, begun = len(piece), cut.content_bytes
        for message, content_bytes in cut.messages(piece):
            if gate.is_shut:
                await self._rest(stream, size)
            self._send_message(message, stream, content_bytes, is_text=cut.is_text)
            if gate.is_shut and stream.put_back(size - (content_bytes - begun)):
                break
        return True

    def _must_rest(self) -> bool:
        return self._connection.gate.is_shut or self._room.is_shut

    async def _rest(self, stream: OutgoingStream, held_bytes: int = 0) -> None:
        """Wait until there is room; `held_bytes` have been taken from the source, and not sent."""
        if held_bytes:
            self._hold(held_bytes)
        try:
            await self._wait_closing(stream, self._connection.gate.wait())
            if not held_bytes:
                await self._room.wait()
        finally:
            if held_bytes:
                self._hold(-held_bytes)

    async def _wait_closing(self, stream: OutgoingStream, end: Coroutine[Any, Any, object]) -> None:
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

    def _send_message(
        self, message: bytes, stream: OutgoingStream, content_bytes: int, *, is_text: bool
    ) -> None:
        if is_text:
            self._connection.send_utf8(message)
        else:
            self._connection.send(message)
        self._counters.bytes_sent += len(message)
        if stream.on_progress is not None:
            stream.on_progress(content_bytes)


class _Cut:
    """Makes messages of the pieces of one stream."""

    def __init__(self, request_id: int, stream: OutgoingStream) -> None:
        self._request_id = request_id
        self.content_bytes = 0
        """Bytes of content that messages have been made of."""
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
        self.content_bytes += size
        return self.content_bytes
