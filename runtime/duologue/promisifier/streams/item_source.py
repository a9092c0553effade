"""Items of one call, for who reads them (duologue profile 4)."""

import asyncio
import math
from collections.abc import Awaitable, Callable

from duologue.errors import Cancelled, DeadlineExceeded
from duologue.protocol.credit import Credit
from duologue.protocol.items import Batch, IncomingItems


class ItemSource:
    """Items that come, a message at a time; one reader.

    What came before the end is read before the end is told, whatever that is.
    """

    def __init__(self, what: str, *, idle_timeout_s: float = math.inf) -> None:
        """`idle_timeout_s` is how long nothing may come while the reader waits."""
        self._what = what
        self._loop = asyncio.get_running_loop()
        self._idle_timeout_s = idle_timeout_s
        self._incoming: IncomingItems | None = None
        self._grant: Callable[[Credit], None] = _ignore
        self._taken: Batch | None = None
        self._ended = False
        self._failure: BaseException | None = None
        self._waiter: asyncio.Future[None] | None = None
        self.on_begun: Callable[[], None] = _ignore
        """Told once, when the first item has come."""

    def bind(self, incoming: IncomingItems, grant: Callable[[Credit], None]) -> None:
        """Read from `incoming`; `grant` tells the other side that more may come."""
        self._incoming = incoming
        self._grant = grant
        incoming.on_change = self._begin
        incoming.on_grant = grant
        if incoming.has_begun or incoming.has_ended:
            self._begin()

    @property
    def has_begun(self) -> bool:
        """Whether an item has come."""
        return self._incoming is not None and self._incoming.has_begun

    def take(self) -> Batch | None:
        """What came next; None if one has to wait for it: `comes`.

        Raises:
            StopAsyncIteration: there are no more.
            DuologueError: why there are no more.
        """
        # None while the call waits in line; another one if the call was made once more.
        incoming = self._incoming
        if incoming is not None:
            taken = self._taken
            if taken is not None:
                # Only now has the reader used it up: it has come back.
                self._taken = None
                granted = incoming.read(taken)
                if granted is not None:
                    self._grant(granted)
            batch = incoming.take()
            if batch is not None:
                self._taken = batch
                return batch
        if self._failure is not None:
            raise self._failure
        if self._ended or (incoming is not None and incoming.has_ended):
            raise StopAsyncIteration
        return None

    def comes(self) -> Awaitable[None]:
        """Wait until there may be something to `take`.

        Raises:
            RuntimeError: somebody waits already.
            DeadlineExceeded (when awaited): nothing has come in time.
        """
        if self._waiter is not None and not self._waiter.done():
            raise RuntimeError(f"the items of {self._what} have one reader; two tasks read them")
        # As it is, without a coroutine around it: most items are waited for.
        self._waiter = waiter = self._loop.create_future()
        return waiter if self._idle_timeout_s == math.inf else self._comes_in_time(waiter)

    def finish(self) -> None:
        """The call has its result: no more will come."""
        self._ended = True
        self._wake()

    def fail(self, failure: BaseException) -> None:
        """The call has failed: no more will come, and this is why."""
        if self._failure is None:
            self._failure = failure
        self._wake()

    def discard(self) -> None:
        """Let what still comes go, so that its sender comes to an end."""
        if self._incoming is not None:
            self._incoming.on_change = self._drain
            self._drain()

    def close(self) -> None:
        """Nobody reads any more. Who does all the same is told that something is missing."""
        incoming = self._incoming
        has_ended = self._ended or (incoming is not None and incoming.has_ended)
        if not has_ended or (incoming is not None and incoming.take() is not None):
            self.fail(Cancelled(f"the rest of {self._what} was dropped unread, here"))
        if incoming is not None:
            incoming.close()
        self.finish()

    def _drain(self) -> None:
        incoming = self._incoming
        while incoming is not None and (batch := self._taken or incoming.take()) is not None:
            self._taken = None
            granted = incoming.read(batch)
            if granted is not None:
                self._grant(granted)

    async def _comes_in_time(self, waiter: asyncio.Future[None]) -> None:
        try:
            while not waiter.done():
                await asyncio.wait([waiter], timeout=self._idle_timeout_s)
                # What holds the sender, or the request, back is ours: no silence of its.
                incoming = self._incoming
                if not waiter.done() and incoming is not None and not incoming.is_held_back:
                    raise DeadlineExceeded(
                        f"no item of {self._what} came within {self._idle_timeout_s:g} s"
                    )
        finally:
            waiter.cancel()

    def _begin(self) -> None:
        self.on_begun()
        if self._incoming is not None:
            self._incoming.on_change = self._wake
        self._wake()

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)


def _ignore(*_: object) -> None:
    pass
