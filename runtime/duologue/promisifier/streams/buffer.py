"""The buffer between a connection and the reader of one incoming stream."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Generic, TypeVar

from duologue.errors import Cancelled, DuologueError

C = TypeVar("C", bytes, str)


class IncomingStream(Generic[C]):
    """Pieces that have come and not been read yet; one reader.

    The connection's side calls `put`, `finish` and `fail`; the reader iterates or cancels.
    `on_taken` is told how many bytes left the buffer, `on_cancel` that the reader has gone.
    """

    def __init__(
        self,
        what: str,
        on_taken: Callable[[int], None],
        on_cancel: Callable[[], None],
    ) -> None:
        self.what = what
        self._on_taken = on_taken
        self._on_cancel = on_cancel
        self._pieces: deque[C] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._ended = False
        self._failure: DuologueError | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come."""
        return self._ended

    @property
    def is_empty(self) -> bool:
        """Whether it is complete and there is nothing to read."""
        return self._ended and self._failure is None and not self._pieces

    def put(self, piece: C) -> None:
        """One more piece; an empty one is nothing to a reader."""
        if piece and not self._ended:
            self._pieces.append(piece)
            self._wake()

    def finish(self) -> None:
        """The end: what has come is all there is."""
        self._ended = True
        self._wake()

    def fail(self, failure: DuologueError) -> None:
        """The stream is broken off. What was not read yet is discarded (base profile 7.5)."""
        if not self._ended:
            self._ended = True
            self._failure = failure
            self._discard()
            self._wake()

    def cancel(self) -> None:
        """The reader wants no more."""
        if not self._ended:
            # First: in another thread it refuses, and then nothing may have happened.
            self._on_cancel()
            self._ended = True
            self._failure = Cancelled(f"the stream of {self.what} was cancelled here")
            self._discard()
            self._wake()
        else:
            self._discard()

    def __aiter__(self) -> AsyncIterator[C]:
        return self

    async def __anext__(self) -> C:
        while not self._pieces:
            if self._failure is not None:
                raise self._failure
            if self._ended:
                raise StopAsyncIteration
            if self._waiter is not None:
                raise RuntimeError("a stream has one reader; two tasks read this one")
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        piece = self._pieces.popleft()
        self._on_taken(len(piece))
        return piece

    def _discard(self) -> None:
        size = sum(map(len, self._pieces))
        self._pieces.clear()
        if size:
            self._on_taken(size)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
