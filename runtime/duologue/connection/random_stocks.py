"""Random bytes, taken from the system in blocks: a system call costs as much as a message."""

import os
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from struct import Struct
from typing import Final

MASK_KEY_BYTES: Final = 4
"""RFC 6455 5.2."""


KEY_BLOCK_BYTES: Final = 4096
"""One system call for a thousand frames."""

_cut: Final = Struct(f"{MASK_KEY_BYTES}s" * (KEY_BLOCK_BYTES // MASK_KEY_BYTES)).unpack


def mask_keys_of(random_bytes: Callable[[int], bytes]) -> Iterator[bytes]:
    """Mask keys without end, cut from blocks of random bytes. None is given twice."""
    # All of it runs in C: one key for each frame that is sent.
    blocks = iter(partial(random_bytes, KEY_BLOCK_BYTES), b"")
    return chain.from_iterable(map(_cut, blocks))


class RandomStock:
    """Random bytes, cut from larger blocks: a system call costs as much as sealing a message.

    For what nobody can learn anything from, such as the filler inside an encrypted frame.
    """

    __slots__ = ("_block", "_position")

    BLOCK_BYTES: Final = 4096

    def __init__(self) -> None:
        self._block = b""
        self._position = 0

    def take(self, size: int) -> bytes:
        """The next `size` bytes. None is given twice."""
        start, end = self._position, self._position + size
        if end > len(self._block):
            self._block = os.urandom(max(size, self.BLOCK_BYTES))
            start, end = 0, size
        self._position = end
        return self._block[start:end]
