"""Several texts in one box (PROTOCOL 18): how many they are, how long each is, then all of them."""

from collections.abc import Sequence
from struct import pack, unpack_from
from typing import Final

from duologue.errors import BadFrame

MAX_BATCH_MESSAGES: Final = 255
"""Their number is one byte."""

LENGTH_BYTES: Final = 4


def join(texts: Sequence[bytes]) -> bytes:
    """The plaintext of a box with these texts, 1 to `MAX_BATCH_MESSAGES` of them, as UTF-8."""
    return b"".join((pack(f">B{len(texts)}I", len(texts), *map(len, texts)), *texts))


def split(batch: bytes) -> list[str]:
    """The texts in the plaintext of a box.

    Raises:
        BadFrame: none, lengths that are not those of the rest, or what is not UTF-8.
    """
    count = batch[0] if batch else 0
    start = 1 + count * LENGTH_BYTES
    if not count or len(batch) < start:
        raise BadFrame("a batch without messages, or without their lengths")
    lengths = unpack_from(f">{count}I", batch, 1)
    if start + sum(lengths) != len(batch):
        raise BadFrame("a batch whose lengths are not those of its messages")
    texts: list[str] = []
    try:
        for length in lengths:
            end = start + length
            texts.append(batch[start:end].decode())
            start = end
    except UnicodeDecodeError:
        raise BadFrame("a sealed text that is not UTF-8") from None
    return texts
