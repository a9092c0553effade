"""The three kinds of streams on the wire: cutting pieces into chunks and reading chunks back."""

import base64
import binascii
import struct
from collections.abc import Iterator
from enum import StrEnum
from typing import Final

from duologue.errors import BadFrame
from duologue.limits import MAX_SAFE_INTEGER
from duologue.protocol.values import SENTINEL

CHUNK_BYTES: Final = 65_536
"""The size of a chunk, as the original's file streams have it."""

CHUNK_BYTES_BASE64: Final = 65_535
"""A multiple of three, so that only the last chunk is padded."""

ID_BYTES: Final = 8
"""In front of every binary chunk: the request id as a little-endian double."""

_ID: Final = struct.Struct("<d")


class StreamKind(StrEnum):
    """How the chunks of a stream travel. The first chunk fixes it."""

    BINARY = "binary"
    UTF8 = "utf8"
    BASE64 = "base64"


def binary_prefix(request_id: int) -> bytes:
    """The eight bytes in front of a chunk."""
    return _ID.pack(request_id)


def read_binary(message: bytes) -> tuple[int | None, bytes]:
    """Request id and chunk of a byte message; the id is None if no request can have it.

    Raises:
        BadFrame: shorter than an id (base profile 8.2).
    """
    if len(message) < ID_BYTES:
        raise BadFrame(f"a byte message of {len(message)} bytes; at least {ID_BYTES} are needed")
    (number,) = _ID.unpack_from(message)
    # NaN compares false with everything, so it falls out here as well; so does -0.0, whose bits are
    # not those of any id.
    is_id = 0 <= number <= MAX_SAFE_INTEGER and number.is_integer() and message[7] < 0x80
    return (int(number) if is_id else None), message[ID_BYTES:]


def sender_prefix(request_id: int) -> bytes:
    """The eight bytes in front of an item that is bytes, of a call that its sender has made.

    Minus the id, minus one, so that call 0 can be told from the receiver's.
    """
    return _ID.pack(-request_id - 1)


def read_sender_id(message: bytes) -> int | None:
    """The id of a call that the sender has made, in front of an item; None if it names none."""
    if len(message) < ID_BYTES or message[7] < 0x80:
        return None
    (number,) = _ID.unpack_from(message)
    is_id = -MAX_SAFE_INTEGER - 1 <= number <= -1 and number.is_integer()
    return -int(number) - 1 if is_id else None


def kind_of(encoding: object) -> StreamKind:
    """The kind that the first text chunk of a stream announces.

    Raises:
        BadFrame: no encoding, or none we read.
    """
    if encoding == "utf8":
        return StreamKind.UTF8
    if encoding == "base64":
        return StreamKind.BASE64
    met = "none" if encoding in (None, SENTINEL) else "another"
    raise BadFrame(f"a stream must start with the encoding utf8 or base64, met {met}")


def read_chunk(kind: StreamKind, chunk: object) -> bytes | str:
    """The content of a text chunk.

    Raises:
        BadFrame: not a string, or not strict base64.
    """
    if not isinstance(chunk, str):
        raise BadFrame("a chunk must be a string")
    if kind is StreamKind.UTF8:
        return chunk
    try:
        return base64.b64decode(chunk, validate=True)
    except (binascii.Error, ValueError):
        raise BadFrame("a chunk is not base64") from None


def cut_bytes(piece: bytes, size: int) -> Iterator[bytes]:
    """`piece` in chunks of `size` bytes."""
    if len(piece) <= size:
        yield piece
        return
    view = memoryview(piece)
    for start in range(0, len(piece), size):
        yield bytes(view[start : start + size])


def cut_text(piece: str) -> Iterator[str]:
    """`piece` in chunks of at most `CHUNK_BYTES` bytes of UTF-8, cut between characters."""
    # A character takes at most four bytes; short of that bound no counting is needed.
    size = CHUNK_BYTES if piece.isascii() else CHUNK_BYTES // 4
    for start in range(0, len(piece), size):
        yield piece[start : start + size]
