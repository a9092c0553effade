"""A file as the source of a stream, which holds no descriptor while the stream rests."""

import os
import stat
import threading
from asyncio import to_thread
from pathlib import Path
from typing import Self


class FileBlocks:
    """The blocks of the file at a path, in order, read in a thread.

    It is opened when it is first read. After `rest` it is closed until more is wanted, and must be
    the same file then, unchanged: device, inode, size and time of change tell.
    """

    def __init__(self, path: Path, block_bytes: int) -> None:
        self._path = path
        self._block_bytes = block_bytes
        self._descriptor = -1
        self._offset = 0
        self._identity: tuple[int, ...] | None = None
        self._may_be_reopened = False
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
        return block

    def rest(self) -> None:
        """Nothing is read for a while. Not while a block is being read."""
        if self._may_be_reopened:
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
                block = os.read(self._descriptor, self._block_bytes)
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
            self._may_be_reopened = stat.S_ISREG(found.st_mode)
        elif identity == self._identity:
            os.lseek(self._descriptor, self._offset, os.SEEK_SET)
        else:
            self._close()
            raise OSError(f"{self._path} has changed while the stream of it rested")

    def _close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def __del__(self) -> None:
        self._close()
