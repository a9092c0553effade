"""Calls with items, as their callers hold them."""

import asyncio
import os
from collections.abc import Generator
from types import TracebackType
from typing import Any, Generic, TypeVar, cast

from duologue.promisifier.own_call import Call, CallOptions
from duologue.promisifier.promisifier import WebsocketPromisifier
from duologue.protocol.parcels import Payload
from duologue.typed.codec import NOTHING
from duologue.typed.contract import Streaming
from duologue.typed.items import AnyItems
from duologue.typed.items_as_streams import StreamReading, items_of
from duologue.typed.stream_call import Reading, Writing

T = TypeVar("T")
S = TypeVar("S")
Y = TypeVar("Y")
R = TypeVar("R")


class Incoming(Reading[Y, R]):
    """A call that yields items: iterate it, best in `async with`; `result()` is what comes last.

        async with rooms.history(room="lobby") as log:
            async for message in log: ...
            end = await log.result()

    Leaving the block, also by `break` or an exception, cancels what is not over: the other side
    stops at once.
    """

    async def _begin_without_items(self) -> None:
        method = self._method
        if method.returns is not NOTHING:
            await super()._begin_without_items()
        reading = StreamReading(method)
        call: Call[Any] = self._peer.start_call(method, self._args, reading, self._options)
        self._call = call
        codec = method.yields
        assert codec is not None
        self._source = None
        self._base_items = items_of(call, codec, method.full_name)

    async def _outcome(self) -> R:
        # Without items there is no result either.
        return await super()._outcome() if self._base_items is None else cast(R, None)

    def cancel(self) -> None:
        """Give the call up: the other side stops, and nothing more is read."""
        super().cancel()
        call: Call[Any] | None = self._call
        if self._base_items is None or call is None or not call.done() or call.cancelled():
            return
        if call.exception() is None:
            call.result().cancel()


class Outgoing(Writing[S, R]):
    """A call that items are sent to; `result()` is its answer.

        async with rooms.upload(room="lobby", name="a.png") as up:
            await up.send_all(Path("a.png"))
            message = await up.result()

    Leaving the block ends the items and waits for the result; an exception in it cancels.
    """

    async def send_all(self, items: "AnyItems[S] | os.PathLike[str]") -> None:
        """Send each item; of a path or a binary file, the bytes in pieces.

        Stops early once the call is answered, also while it waits for an item of `items`. Raises
        what `send` and `items` raise.
        """
        await self._send_each(items)

    async def result(self) -> R:
        """End the items, and wait for the call's result; raises as any call."""
        await self.end()
        return await self._outcome()

    def __await__(self) -> Generator[Any, None, R]:
        return self.result().__await__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            await self.result()
        else:
            self.cancel()


class Exchange(Writing[S, R], Reading[Y, R], Generic[S, Y, R]):
    """A call with items both ways: send and iterate, in `async with`.

        async with rooms.edit(room="lobby") as note:
            note.send_all(my_edits())
            async for edit in note: ...

    Leaving the block cancels what is not over.
    """

    def __init__(
        self,
        peer: WebsocketPromisifier,
        method: Streaming[..., Any, R],
        args: Payload,
        options: CallOptions,
    ) -> None:
        super().__init__(peer, method, args, options)
        self._sending: list[asyncio.Task[None]] = []
        self._failed_to_send: BaseException | None = None
        """Why the call was given up: what was to be sent does not fit, or could not be made."""

    def send_all(self, items: "AnyItems[S] | os.PathLike[str]") -> asyncio.Task[None]:
        """Send each item, in a task beside reading, and end. The block raises what that raises.

        The task may be awaited.
        """
        task = asyncio.get_running_loop().create_task(self._send_all(items))
        self._sending.append(task)
        return task

    async def _send_all(self, items: "AnyItems[S] | os.PathLike[str]") -> None:
        await self._begin()
        try:
            await self._send_each(items)
            await self.end()
        except (asyncio.CancelledError, GeneratorExit, KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:
            # Items come from the application's own code, which may raise anything: it goes on from
            # here. If the call is over it has failed, and whoever reads is told.
            if self._call is not None and not self._call.done():
                self._failed_to_send = error
                self.cancel()
            raise

    async def result(self) -> R:
        """End our items, drop those of the other side, and wait for the call's result."""
        await self._begin()
        call, sending = self._call, list(self._sending)
        assert call is not None
        # Once there is an answer nobody waits for what else might be sent.
        while sending and not call.done():
            futures: list[asyncio.Future[Any]] = [*sending, call]
            await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
            sending = [each for each in sending if not each.done()]
        await self.end()
        if self._source is not None:
            self._source.discard()
        return await self._outcome()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.cancel()
        for task in self._sending:
            task.cancel()
        # Looked at, so that no failure is said to have been overlooked.
        await asyncio.gather(*self._sending, return_exceptions=True)
        failure = self._failed_to_send
        if failure is not None and (error is None or isinstance(error, Exception)):
            raise failure from error
