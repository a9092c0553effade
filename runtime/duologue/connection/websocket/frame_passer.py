"""Frames that are read from one connection only to be written to another, as a relay does.

A plain frame of a client becomes that of a server: unmasked, and otherwise as it came. It is never
made a message and a frame again. What is checked is the same (RFC 6455: masked, whole, UTF-8).
"""

from typing import Final, Protocol

from duologue.connection.base import Message
from duologue.connection.random_stocks import MASK_KEY_BYTES
from duologue.connection.websocket.frames import MASK_BIT, WHOLE_BINARY, WHOLE_TEXT, encode_frame

try:
    from websockets.speedups import apply_mask
except ImportError:
    from websockets.utils import apply_mask

_HEADS: Final = {
    first: tuple(bytes((first, length)) for length in range(128))
    for first in (WHOLE_TEXT, WHOLE_BINARY)
}
"""The first two bytes of a frame without a mask; 126 and 127 announce a longer length."""


class TakeFrames(Protocol):
    """`frames.take_plain_frames`, and what can be in its place."""

    def __call__(
        self,
        data: bytes,
        position: int,
        messages: list[Message],
        /,
        *,
        masked: bool,
        max_bytes: int,
    ) -> int:
        """As that."""
        ...


class FramePasser:
    """Turns a client's frames into a server's, and counts them."""

    __slots__ = ("frames", "payload_bytes", "small_frame_bytes", "small_frames")

    def __init__(self, small_frame_bytes: int) -> None:
        self.small_frame_bytes = small_frame_bytes
        self.frames = 0
        self.small_frames = 0
        """Of up to `small_frame_bytes`."""
        self.payload_bytes = 0

    def take_frames(
        self, data: bytes, position: int, parts: list[Message], *, masked: bool, max_bytes: int
    ) -> int:
        """As `frames.take_plain_frames`, but `parts` gets the bytes of frames to be written.

        The frames must be masked; `masked` is there for the sake of the other.
        """
        begun, end = position, len(data)
        frames = small = head_bytes = 0
        small_bytes = self.small_frame_bytes
        append = parts.append
        while (start := position + 2 + MASK_KEY_BYTES) <= end:
            first = data[position]
            # Below 0: it is not masked.
            length = data[position + 1] - MASK_BIT
            if (first != WHOLE_TEXT and first != WHOLE_BINARY) or length < 0:
                break
            long_length = b""
            head = _HEADS[first][length]
            if length > 125:
                least, more = (126, 2) if length == 126 else (65_536, 8)
                start += more
                if start > end:
                    break
                long_length = data[position + 2 : start - MASK_KEY_BYTES]
                length = int.from_bytes(long_length, "big")
                if length < least:
                    # Not the shortest form. Who gets it might refuse it, so it is written anew.
                    break
            stop = start + length
            if stop > end or length > max_bytes:
                break
            payload = apply_mask(data[start:stop], data[start - MASK_KEY_BYTES : start])
            if first == WHOLE_TEXT and not payload.isascii():
                try:
                    payload.decode()
                except UnicodeDecodeError:
                    break
            append(head)
            if long_length:
                append(long_length)
            append(payload)
            frames += 1
            if length <= small_bytes:
                small += 1
            head_bytes += start - position
            position = stop
        self.frames += frames
        self.small_frames += small
        self.payload_bytes += position - begun - head_bytes
        return position

    def add(self, first: int, payload: bytes, parts: list[Message]) -> None:
        """One message that did not come as a plain frame. `first` is WHOLE_TEXT or WHOLE_BINARY."""
        self.count(len(payload))
        parts.append(encode_frame(first, payload))

    def count(self, payload_bytes: int) -> None:
        """Count one message that is passed on in another way."""
        self.frames += 1
        self.small_frames += payload_bytes <= self.small_frame_bytes
        self.payload_bytes += payload_bytes
