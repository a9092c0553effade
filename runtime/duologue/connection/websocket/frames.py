"""The fast path: whole, plain WebSocket frames in and out of bytes (RFC 6455 5.2).

A plain frame is final, text or binary, without reserved bits, masked as it must be, and within the
size limit. Every other frame is left alone here: it goes to `websockets`, as it is. Pure: bytes in,
bytes out; mask keys are arguments.
"""

from struct import Struct
from struct import error as StructError
from typing import Final, NamedTuple

from duologue.connection.base import Message
from duologue.connection.random_stocks import MASK_KEY_BYTES

try:
    from websockets.speedups import apply_mask
except ImportError:
    from websockets.utils import apply_mask

WHOLE_TEXT: Final = 0x81
"""First byte of a text frame that is a message of its own."""

WHOLE_BINARY: Final = 0x82
"""First byte of a binary frame that is a message of its own."""

PING: Final = 0x89
"""First byte of a ping."""

OPCODE_BITS: Final = 0x0F
CONTROL_BIT: Final = 0x08
MASK_BIT: Final = 0x80

_USUAL: Final = WHOLE_TEXT << 8 | 126
"""The first two bytes of a text of 126 to 65,535 bytes, but for the mask bit."""

_unpack_usual: Final = Struct(">HH").unpack_from
_pack_medium: Final = Struct(">BBH").pack
_pack_long: Final = Struct(">BBQ").pack


class FrameHead(NamedTuple):
    """What stands before the payload of one frame."""

    first: int
    """FIN, reserved bits and opcode."""
    masked: bool
    length: int
    """Of the payload, as announced; up to 2**64 - 1."""
    size: int
    """Of the head itself, the mask key included."""


def read_head(data: bytes, position: int) -> FrameHead | None:
    """The head of the frame that starts at `position`; None while its length is not known.

    The mask key, which comes last, may still be missing: what is too long is refused without it.
    """
    available = len(data) - position
    if available < 2:
        return None
    second = data[position + 1]
    masked = second >= MASK_BIT
    length = second & 0x7F
    size = 2 if length < 126 else 4 if length == 126 else 10
    if available < size:
        return None
    if size > 2:
        length = int.from_bytes(data[position + 2 : position + size], "big")
    return FrameHead(data[position], masked, length, size + MASK_KEY_BYTES if masked else size)


def take_plain_frames(
    data: bytes, position: int, messages: list[Message], *, masked: bool, max_bytes: int
) -> int:
    """Append the messages of all plain frames from `position` on; return where they end.

    Stops without a word before the first frame that is not plain, not whole, or not UTF-8.
    """
    end = len(data)
    append = messages.append
    mask_bit, key_bytes = (MASK_BIT, MASK_KEY_BYTES) if masked else (0, 0)
    usual_kind, usual_head_bytes = (_USUAL | mask_bit, 4 + key_bytes)
    while position < end:
        try:
            kind, length = _unpack_usual(data, position)
        except StructError:
            # Fewer than four bytes are left: enough for a frame with next to nothing in it.
            if position + 2 > end:
                break
            kind, length = data[position] << 8 | data[position + 1], 0
        # Most messages are of this kind, with an envelope around little: one look at both bytes.
        if kind == usual_kind:
            first, start = WHOLE_TEXT, position + usual_head_bytes
        else:
            first = kind >> 8
            # Below 0, or above 127, the mask bit is not as it must be.
            said = (kind & 0xFF) - mask_bit
            if said == 126:
                start = position + usual_head_bytes
            elif 0 <= said < 126:
                start, length = position + 2 + key_bytes, said
            elif said == 127:
                start = position + 10 + key_bytes
                if start > end:
                    break
                length = int.from_bytes(data[position + 2 : position + 10], "big")
            else:
                break
        stop = start + length
        if stop > end or length > max_bytes:
            break
        payload = data[start:stop]
        if masked:
            payload = apply_mask(payload, data[start - MASK_KEY_BYTES : start])
        if first == WHOLE_TEXT:
            try:
                append(payload.decode())
            except UnicodeDecodeError:
                break
        elif first == WHOLE_BINARY:
            append(payload)
        else:
            break
        position = stop
    return position


def encode_frame(first: int, payload: bytes) -> bytes:
    """A plain frame as a server sends it. `first` is WHOLE_TEXT, WHOLE_BINARY or PING."""
    length = len(payload)
    if length < _PREPARED_BYTES and first == WHOLE_TEXT:
        return _TEXT_HEADS[length] + payload
    return _head(first, 0, length) + payload


def encode_masked_frame(first: int, payload: bytes, key: bytes) -> bytes:
    """A plain frame as a client sends it. `key` is 4 bytes that nobody can foretell."""
    length = len(payload)
    if length < _PREPARED_BYTES and first == WHOLE_TEXT:
        return _MASKED_TEXT_HEADS[length] + key + apply_mask(payload, key)
    # One copy of what may be large.
    return b"".join((_head(first, MASK_BIT, length), key, apply_mask(payload, key)))


def _head(first: int, mask_bit: int, length: int) -> bytes:
    if length < 126:
        return bytes((first, mask_bit | length))
    if length < 65_536:
        return _pack_medium(first, mask_bit | 126, length)
    return _pack_long(first, mask_bit | 127, length)


_PREPARED_BYTES: Final = 1024
"""Texts that are shorter are most of all: their heads are made once."""

_TEXT_HEADS: Final = tuple(_head(WHOLE_TEXT, 0, length) for length in range(_PREPARED_BYTES))
_MASKED_TEXT_HEADS: Final = tuple(
    _head(WHOLE_TEXT, MASK_BIT, length) for length in range(_PREPARED_BYTES)
)


class LargeFrame:
    """The payload of one large plain frame, while it comes in.

    The transport reads straight into `room()`. There is room for a few times what has really come,
    up to exactly the announced length: announcing a length costs the sender's peer nothing.
    """

    __slots__ = ("_buffer", "_filled", "_key", "_length", "first")

    FIRST_ROOM_BYTES: Final = 65_536
    GROWTH: Final = 4

    def __init__(self, head: FrameHead, key: bytes, begun: bytes = b"") -> None:
        """`begun` is what has come of the payload: less than all of it."""
        self.first = head.first
        self._key = key
        """Empty where the frame is not masked."""
        self._length = head.length
        self._filled = len(begun)
        self._buffer = self._grown(begun)

    @property
    def is_whole(self) -> bool:
        """Whether the whole payload has come."""
        return self._filled == self._length

    def room(self) -> memoryview:
        """Where the next bytes belong; never past the end of this frame, never empty before it."""
        filled = self._filled
        if filled == len(self._buffer):
            self._buffer = self._grown(self._buffer)
        return memoryview(self._buffer)[filled:]

    def _grown(self, begun: bytes | bytearray) -> bytearray:
        room = max(self.FIRST_ROOM_BYTES, self.GROWTH * len(begun))
        larger = bytearray(min(self._length, room))
        larger[: len(begun)] = begun
        return larger

    def advance(self, size: int) -> None:
        """Say that `size` bytes were written to the start of `room()`."""
        self._filled += size

    def feed(self, data: bytes) -> int:
        """Copy in what belongs to this frame; return how many bytes of `data` that were."""
        taken, view = 0, memoryview(data)
        while taken < len(data) and not self.is_whole:
            room = self.room()
            size = min(len(room), len(data) - taken)
            room[:size] = view[taken : taken + size]
            self.advance(size)
            taken += size
        return taken

    def so_far(self) -> bytes:
        """What has come of the frame, head included, as it came but for the form of its length."""
        head = _head(self.first, MASK_BIT if self._key else 0, self._length)
        return head + self._key + bytes(self._buffer[: self._filled])

    def payload(self) -> bytes:
        """The payload, unmasked. Only when it is whole."""
        return apply_mask(self._buffer, self._key) if self._key else bytes(self._buffer)
