"""Random bytes, taken from the system in blocks: a system call costs as much as a message."""

import os
from collections.abc import Callable
from typing import Final

MASK_KEY_BYTES: Final = 4
"""RFC 6455 5.2."""


class MaskKeys:
    """Mask keys, cut from blocks of random bytes: one system call for a thousand frames."""

    __slots__ = ("_keys", "_random_bytes")

    BLOCK_BYTES: Final = 4096

    def __init__(self, random_bytes: Callable[[int], bytes]) -> None:
        self._random_bytes = random_bytes
        self._keys: list[bytes] = []

    def take(self) -> bytes:
        """The next key. None is given twice."""
        if not self._keys:
            block = self._random_bytes(self.BLOCK_BYTES)
            # The last one is taken first.
            starts = range(self.BLOCK_BYTES - MASK_KEY_BYTES, -1, -MASK_KEY_BYTES)
            self._keys = [block[start : start + MASK_KEY_BYTES] for start in starts]
        return self._keys.pop()


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
