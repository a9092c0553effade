"""Sends a stream, chunk by chunk, no faster than the network takes it (base profile 7.5)."""

import base64
from collections.abc import AsyncIterator
from typing import Final

from duologue.connection.base import Connection
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

PAUSE_ABOVE_BYTES: Final = 262_144
"""The source rests while more has not gone out; `Connection.drained` says when to go on."""


async def send_stream(
    connection: Connection,
    request_id: int,
    stream: ByteStream | TextStream,
    counters: Counters,
) -> None:
    """Send every chunk of `stream` as the answer to `request_id`; not the end.

    Raises:
        ConnectionClosed: nobody is there any more.
        Exception: whatever the source raised.
    """
    is_binary = isinstance(stream, ByteStream) and stream.encoding == "binary"
    send = connection.send if is_binary else connection.send_utf8
    content_bytes = 0
    async for message, size in _messages(request_id, stream):
        send(message)
        counters.bytes_sent += len(message)
        content_bytes += size
        if stream.on_progress is not None:
            stream.on_progress(content_bytes)
        if connection.buffered_amount > PAUSE_ABOVE_BYTES:
            await connection.drained()


async def _messages(
    request_id: int, stream: ByteStream | TextStream
) -> AsyncIterator[tuple[bytes, int]]:
    """Each message with the bytes of content in it."""
    # Only the first chunk of a text stream tells the encoding.
    encoding: str | None
    if isinstance(stream, TextStream):
        encoding = StreamKind.UTF8
        async for text in stream:
            for part in cut_text(text):
                size = len(part) if part.isascii() else len(part.encode(errors="surrogatepass"))
                yield codec.stream_chunk(request_id, part, encoding), size
                encoding = None
    elif stream.encoding == "base64":
        encoding = StreamKind.BASE64
        async for piece in stream:
            for chunk in cut_bytes(piece, CHUNK_BYTES_BASE64):
                part = base64.b64encode(chunk).decode()
                yield codec.stream_chunk(request_id, part, encoding), len(chunk)
                encoding = None
    else:
        prefix = binary_prefix(request_id)
        async for piece in stream:
            for chunk in cut_bytes(piece, CHUNK_BYTES):
                yield prefix + chunk, len(chunk)
