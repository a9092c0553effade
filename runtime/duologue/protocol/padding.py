"""Padding, so that lengths of sealed messages tell little (PROTOCOL 4.2, 4.3)."""

from typing import Final

from duologue.errors import BadFrame

TEXT_FLAG: Final = 1
"""Set in the flags of a text."""

BATCH_FLAG: Final = 8
"""Set in the flags of several texts, between two sides that both know how; other flags are
ignored."""

MAX_EXTRA_BYTES: Final = 256
"""What padding may add to a message of full size, so that no frame exceeds 65,808 bytes."""

MAX_LENGTH_BYTES: Final = 8
SMALL_STEP_BYTES: Final = 64
SMALL_BUCKETS_END: Final = 1024


def bucket_extra(message_bytes: int, max_message_bytes: int) -> int:
    """How many bytes to add to a message so that its length says only which bucket it is in.

    Buckets end at multiples of 64 up to 1 KiB; above, a bucket is a sixteenth of the power of two
    below it. The last one ends at what a message of `max_message_bytes` may become.
    """
    size = message_bytes + 1
    if size <= SMALL_BUCKETS_END <= max_message_bytes:
        return -size % SMALL_STEP_BYTES
    power = (size - 1).bit_length()
    step = SMALL_STEP_BYTES if size <= SMALL_BUCKETS_END else 1 << (power - 5)
    padded = -(-size // step) * step
    return min(padded, max_message_bytes + MAX_EXTRA_BYTES) - size


def pad(message: bytes, flags: int, extra: int, filler: bytes) -> bytes:
    """`message` with its flags, 1 + `extra` bytes longer.

    `filler` is random, at least `extra` bytes.
    """
    first = flags << 4
    if 0 < extra <= 256:
        return bytes((first | 1, extra - 1)) + filler[: extra - 1] + message
    if extra == 0:
        return bytes((first,)) + message
    width = 1
    while extra - width >= 1 << (8 * width):
        width += 1
    filler_bytes = extra - width
    head = bytes((first | width,)) + filler_bytes.to_bytes(width, "big")
    return head + filler[:filler_bytes] + message


def unpad(padded: bytes) -> tuple[bytes, int]:
    """The message and its flags.

    Raises:
        BadFrame: empty, a length field of more than 8 bytes, or one that runs past the end.
    """
    if not padded:
        raise BadFrame("a sealed message without its first byte")
    flags, width = padded[0] >> 4, padded[0] & 0x0F
    if width == 1 and 1 < len(padded) >= 2 + padded[1]:
        return padded[2 + padded[1] :], flags
    if width > MAX_LENGTH_BYTES:
        raise BadFrame(f"a padding length of {width} bytes; at most {MAX_LENGTH_BYTES} are read")
    start = 1 + width + int.from_bytes(padded[1 : 1 + width], "big")
    if start > len(padded) or 1 + width > len(padded):
        raise BadFrame("padding that runs past the end of its message")
    return padded[start:], flags
