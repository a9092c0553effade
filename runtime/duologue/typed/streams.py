"""Calls with items, as their callers hold them, and what a service sends items with."""

import asyncio
import math
import os
import warnings
from collections.abc import AsyncIterator, Generator
from types import TracebackType
from typing import Any, Generic, Self, TypeVar, cast

from duologue.errors import (
    DeadlineExceeded,
    DuologueError,
    InvalidParams,
    InvalidResult,
    Unimplemented,
)
from duologue.promisifier.own_call import Call, CallOptions
from duologue.promisifier.promisifier import WebsocketPromisifier
from duologue.promisifier.streams.items import ItemSink, ItemSource, OwnItems
from duologue.protocol.hello import ITEMS
from duologue.protocol.parcels import Payload
from duologue.typed.codec import NOTHING
from duologue.typed.contract import Streaming
from duologue.typed.items import AnyItems, Items, Sender, send_each
from duologue.typed.items_as_streams import StreamReading, items_of

T = TypeVar("T")
S = TypeVar("S")
Y = TypeVar("Y")
R = TypeVar("R")


class _StreamCall(Generic[R]):
    """One call with items, at its caller: begun when it is entered, or first used."""

    def __init__(
        self,
        peer: WebsocketPromisifier,
        method: Streaming[..., Any, R],
        args: Payload,
        options: CallOptions,
    ) -> None:
        self._peer = peer
        self._method = method
        self._args: Payload = args
        self._options = options
        self._call: Call[R] | None = None
        self._source: ItemSource | None = None
        self._sink: ItemSink | None = None
        self._beginning: asyncio.Task[None] | None = None
        self._is_entered = False
        self._is_used = False

    def cancel(self) -> None:
        """Give the call up: the other side stops, and nothing more is read or sent."""
        if self._call is not None and not self._call.done():
            self._call.cancel()
        if self._source is not None:
            self._source.close()

    async def _begin(self) -> None:
        """Send the request, once it is known what the other side can do.

        Raises:
            Unimplemented: the other side knows no calls with items, and there is no other form.
            DeadlineExceeded: it did not say in time.
        """
        if self._call is not None:
            return
        self._is_used = True
        await self._introduced()
        method, what = self._method, self._method.full_name
        if method.yields is not None:
            self._source = ItemSource(what, idle_timeout_s=method.idle_timeout_s)
        if self._peer.counterpart.has(ITEMS):
            if method.sends is not None:
                self._sink = ItemSink(what)
            items = OwnItems(what, self._source, self._sink)
            options = CallOptions(self._options.timeout_s, items)
            self._call = self._peer.start_call(method, self._args, method, options)
        else:
            await self._begin_without_items()
        self._on_begun()

    async def _introduced(self) -> None:
        timeout_s = self._options.timeout_s
        try:
            async with asyncio.timeout(None if timeout_s == math.inf else timeout_s):
                await self._peer.introduced()
        except TimeoutError:
            raise DeadlineExceeded(
                f"no answer to {self._method.full_name} within {timeout_s:g} s"
            ) from None

    async def _begin_without_items(self) -> None:
        raise Unimplemented(
            f"{self._method.full_name} needs items, which the other side does not know"
        )

    def _on_begun(self) -> None:
        pass

    async def _outcome(self) -> R:
        assert self._call is not None
        return await self._call

    async def __aenter__(self) -> Self:
        if self._is_entered:
            raise RuntimeError(
                f"this call of {self._method.full_name} was entered before: make another one"
            )
        self._is_entered = True
        await self._begin()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.cancel()

    def __del__(self) -> None:
        call = getattr(self, "_call", None)
        if call is not None and not call.done() and not self._is_entered:
            self.cancel()
            warnings.warn(
                f"the call of {self._method.full_name} was left open; use it in `async with`",
                ResourceWarning,
                stacklevel=2,
                source=self,
            )
        elif not getattr(self, "_is_used", True):
            # As of a coroutine that nobody awaits.
            warnings.warn(
                f"the call of {self._method.full_name} was never made; use it in `async with`",
                RuntimeWarning,
                stacklevel=2,
                source=self,
            )


class _Reading(_StreamCall[R], Generic[Y, R]):
    """The half that comes."""

    _items: Items[Y] | None = None
    _base_items: AsyncIterator[Y] | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Y:
        if self._call is None:
            await self._begin()
        items = self._items
        if items is not None:
            try:
                return await items.__anext__()
            except (InvalidResult, DeadlineExceeded):
                self.cancel()
                raise
        assert self._base_items is not None
        return await anext(self._base_items)

    def _on_begun(self) -> None:
        codec = self._method.yields
        if self._source is not None and codec is not None and self._base_items is None:
            self._items = Items(self._source, codec, self._method.full_name, is_result=True)

    async def result(self) -> R:
        """The call's result, once the other side has no more items; those not read are dropped.

        Raises:
            CallError, ConnectionClosed: as any call.
        """
        await self._begin()
        if self._source is not None:
            self._source.discard()
        return await self._outcome()


class _Writing(_StreamCall[R], Generic[S, R]):
    """The half that leaves."""

    _out: Sender[S] | None = None
    _has_ended = False

    def _on_begun(self) -> None:
        codec = self._method.sends
        if self._sink is not None and codec is not None:
            contract = self._method.contract
            takes_parts = contract is not None and self._peer.takes_parts_of(contract)
            self._out = Sender(self._sink, codec, takes_parts=takes_parts)
        super()._on_begun()

    async def send(self, item: S) -> None:
        """Send one item; returns when it has been taken, which may wait for the reader.

        Once the other side has answered, items go nowhere.

        Raises:
            InvalidParams: it is not of the contract's type; nothing was sent.
            LimitExceeded: it is larger than a message may be; that item alone was not sent.
            CallError, ConnectionClosed: the call has failed.
            RuntimeError: the items have been ended.
        """
        if self._out is None:
            if self._has_ended:
                raise RuntimeError(
                    f"the items of {self._method.full_name} have ended: send before `end`, "
                    "`result` and the end of another `send_all`"
                )
            await self._begin()
        assert self._out is not None
        try:
            await self._out.send(item)
        except InvalidResult as error:
            if error.foreign:
                raise
            raise InvalidParams(
                f"an item of {self._method.full_name} was not sent", error.problems
            ) from None

    async def end(self) -> None:
        """There are no more items of ours."""
        await self._begin()
        assert self._sink is not None
        self._sink.end()
        self._out = None
        self._has_ended = True

    async def _send_each(self, items: "AnyItems[S] | os.PathLike[str]") -> None:
        assert self._call is not None
        await send_each(items, self.send, self._call.done)


class Incoming(_Reading[Y, R]):
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


class Outgoing(_Writing[S, R]):
    """A call that items are sent to; `result()` is its answer.

        async with rooms.upload(room="lobby", name="a.png") as up:
            await up.send_all(Path("a.png"))
            message = await up.result()

    Leaving the block ends the items and waits for the result; an exception in it cancels.
    """

    async def send_all(self, items: "AnyItems[S] | os.PathLike[str]") -> None:
        """Send each item; of a path or a binary file, the bytes in pieces.

        Stops early once the call is answered. Raises what `send` and `items` raise.
        """
        await self._begin()
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


class Exchange(_Writing[S, R], _Reading[Y, R], Generic[S, Y, R]):
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

    def _on_begun(self) -> None:
        # Both halves: what the one does ends with the other's.
        super()._on_begun()

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
        except DuologueError:
            raise
        except Exception:
            # What was to be sent cannot be made: the reader must not wait for its answers.
            self.cancel()
            raise

    async def result(self) -> R:
        """End our items, drop those of the other side, and wait for the call's result."""
        if self._sending:
            await asyncio.wait(self._sending)
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
        failures: list[BaseException] = []
        for task in self._sending:
            if not task.done():
                task.cancel()
        if self._sending:
            await asyncio.wait(self._sending)
            failures = [
                failure
                for task in self._sending
                if not task.cancelled() and (failure := task.exception()) is not None
            ]
        # What the call itself failed with, reading or `result` have told.
        own = [each for each in failures if not isinstance(each, DuologueError)]
        if own and (error is None or isinstance(error, Exception)):
            raise own[0] from error
