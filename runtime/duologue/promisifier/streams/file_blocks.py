"""A file as the source of a stream, which holds no descriptor while the stream rests."""

import os
import stat
import threading
from asyncio import to_thread
from pathlib import Path
from typing import Final, Self

from duologue.protocol.stream_kinds import CHUNK_BYTES

MAX_BLOCK_BYTES: Final = 262_144
"""Read at once for a peer that keeps up: a hop to a thread costs as much as 100 KiB of disk."""


class FileBlocks:
    """The blocks of the file at a path, in order, read in a thread.

    It is opened when it is first read. After `rest` it is closed until more is wanted, and must be
    the same file then, unchanged: device, inode, size and time of change tell.
    """

    def __init__(self, path: Path, max_block_bytes: int) -> None:
        self.block_bytes = CHUNK_BYTES
        """How much is read next; it doubles with each block that is not put back."""
        self._path = path
        self._max_block_bytes = max_block_bytes
        self._descriptor = -1
        self._offset = 0
        self._identity: tuple[int, ...] | None = None
        self._is_regular = False
        self._is_moved = False
        """The next block is not where the last one ended."""
        self._is_over = False
        self._lock = threading.Lock()
        """Held by the thread that reads: whoever closes must not do so under its hands."""

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        """The next block.

        Raises:
            OSError: the file cannot be read, or is not the one it was.
        """
        block = await to_thread(self._read)
        if not block:
            raise StopAsyncIteration
        if self._is_regular:
            self.block_bytes = min(2 * self.block_bytes, self._max_block_bytes)
        return block

    def put_back(self, size: int) -> bool:
        """Read the last `size` bytes once more; False if they cannot be: it is a pipe, say."""
        if self._is_regular:
            self._offset -= size
            self._is_moved = True
            self.block_bytes = CHUNK_BYTES
        return self._is_regular

    def rest(self) -> None:
        """Nothing is read for a while. Not while a block is being read."""
        if self._is_regular:
            self._close()

    async def aclose(self) -> None:
        """Nothing is read any more. A thread that still reads closes the file when it is done."""
        self._is_over = True
        if self._lock.acquire(blocking=False):
            try:
                self._close()
            finally:
                self._lock.release()

    def _read(self) -> bytes:
        try:
            with self._lock:
                if self._is_over:
                    return b""
                if self._descriptor < 0:
                    self._open()
                if self._is_moved:
                    os.lseek(self._descriptor, self._offset, os.SEEK_SET)
                    self._is_moved = False
                block = os.read(self._descriptor, self.block_bytes)
                self._offset += len(block)
                return block
        finally:
            if self._is_over:
                self._close()

    def _open(self) -> None:
        self._descriptor = os.open(self._path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        found = os.fstat(self._descriptor)
        identity = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
        if self._identity is None:
            self._identity = identity
            self._is_regular = stat.S_ISREG(found.st_mode)
            return
        self._is_moved = True
        if identity != self._identity:
            self._close()
            raise OSError(f"{self._path} has changed while the stream of it rested")

    def _close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def __del__(self) -> None:
        self._close()
