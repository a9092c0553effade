"""What every call with items is for its caller: begun, read, written, ended once."""

import asyncio
import os
import warnings
from collections.abc import AsyncIterator, Coroutine
from functools import partial
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import msgspec

from duologue.errors import (
    Cancelled,
    Digests,
    InvalidParams,
    InvalidResult,
    Unimplemented,
)
from duologue.promisifier.own_call import Call, CallOptions
from duologue.promisifier.promisifier import WebsocketPromisifier
from duologue.promisifier.streams.item_sink import ItemSink
from duologue.promisifier.streams.item_source import ItemSource
from duologue.promisifier.streams.items import OwnItems
from duologue.protocol.hello import ITEMS
from duologue.protocol.parcels import Payload
from duologue.typed.contract import Streaming
from duologue.typed.introduction import introduced
from duologue.typed.items import AnyItems, Items, Sender, send_each

T = TypeVar("T")
S = TypeVar("S")
Y = TypeVar("Y")
R = TypeVar("R")


class StreamCall(Generic[R]):
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
        if self._sink is not None and self._call is not None and not self._call.done():
            self._sink.finish(Cancelled(f"{self._method.full_name} was cancelled here"))
        give_up(self._call, self._source)

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
            options = msgspec.structs.replace(self._options, items=items)
            self._call = self._peer.start_call(method, self._args, method, options)
        else:
            await self._begin_without_items()
        self._on_begun()

    async def _introduced(self) -> None:
        await introduced(self._peer, self._method.full_name, self._options.timeout_s)

    async def _begin_without_items(self) -> None:
        raise Unimplemented(
            f"{self._method.full_name} needs items, which the other side does not know"
        )

    def _on_begun(self) -> None:
        pass

    async def _outcome(self) -> R:
        call, task = self._call, asyncio.current_task()
        assert call is not None
        try:
            return await call
        except asyncio.CancelledError:
            # Who has given the call up is told so; who is cancelled while waiting is cancelled.
            if call.cancelled() and not (task is not None and task.cancelling()):
                raise Cancelled(f"{self._method.full_name} was cancelled here") from None
            raise

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


class Reading(StreamCall[R], Generic[Y, R]):
    """The half that comes."""

    _items: Items[Y] | None = None
    _base_items: AsyncIterator[Y] | None = None

    def __aiter__(self) -> AsyncIterator[Y]:
        # In its block somebody holds the call: what iterates need not.
        return self._items if self._items is not None and self._is_entered else self

    def __anext__(self) -> Coroutine[Any, Any, Y]:
        # No coroutine of its own for each item.
        return self._first() if self._items is None else self._items.__anext__()

    async def _first(self) -> Y:
        await self._begin()
        if self._items is not None:
            return await self._items.__anext__()
        assert self._base_items is not None
        return await anext(self._base_items)

    def _on_begun(self) -> None:
        codec = self._method.yields
        if self._source is not None and codec is not None and self._base_items is None:
            self._items = Items(
                self._source,
                codec,
                self._method.full_name,
                is_result=True,
                # Not a method of ours: a circle would keep a call that was left open alive.
                on_failure=partial(give_up, self._call, self._source),
                digests=partial(_digests, self._peer, self._method),
            )

    async def result(self) -> R:
        """The call's result, once the other side has no more items; those not read are dropped.

        Raises:
            CallError, ConnectionClosed: as any call.
        """
        await self._begin()
        if self._source is not None:
            self._source.discard()
        return await self._outcome()


class Writing(StreamCall[R], Generic[S, R]):
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
        if self._out is None and not self._has_ended:
            await self._begin()
        waiting = self._put(item)
        if waiting is not None:
            await waiting

    def _put(self, item: S) -> Coroutine[Any, Any, None] | None:
        """As `Sender.put`; what does not fit is a param here."""
        if self._out is None:
            raise RuntimeError(
                f"the items of {self._method.full_name} have ended: send before `end`, "
                "`result` and the end of another `send_all`"
            )
        try:
            return self._out.put(item)
        except InvalidResult as error:
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
        await send_each(items, self._put, self._call.done)


def give_up(call: Call[Any] | None, source: ItemSource | None) -> None:
    """End the call from here, and read no more of it."""
    if call is not None and not call.done():
        call.cancel()
    if source is not None:
        source.close()


def _digests(peer: WebsocketPromisifier, method: Streaming[..., Any, Any]) -> Digests | None:
    contract = method.contract
    return None if contract is None else peer.counterpart.digests_of(contract)
