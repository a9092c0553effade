"""What every call with items is for its caller: begun, read, written, ended once."""

import asyncio
import inspect
import os
import warnings
import weakref
from collections.abc import AsyncIterator, Coroutine, Sequence
from functools import partial
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import msgspec

from duologue.errors import (
    Cancelled,
    Digests,
    Unimplemented,
)
from duologue.promisifier.own_call import Call, CallOptions, check_thread
from duologue.promisifier.promisifier import WebsocketPromisifier
from duologue.promisifier.streams.item_sink import ItemSink
from duologue.promisifier.streams.item_source import ItemSource
from duologue.promisifier.streams.items import OwnItems
from duologue.protocol.hello import ITEMS
from duologue.protocol.parcels import Payload
from duologue.typed.contract import Streaming
from duologue.typed.intercepted_stream import Surrounding, options_with
from duologue.typed.interceptors import Interceptor, Invocation
from duologue.typed.introduction import introduced
from duologue.typed.items import AnyItems, Items, Sender, send_each

T = TypeVar("T")
S = TypeVar("S")
Y = TypeVar("Y")
R = TypeVar("R")
C = TypeVar("C")


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
        self._surrounding: Surrounding[R] | None = None
        """Of a call with interceptors."""
        self._is_entered = False
        self._is_used = False
        self._made_at = _line_of_caller()

    def go_through(self, interceptors: Sequence[Interceptor], call: Invocation) -> None:
        """Have these around the call, from its beginning to its end."""
        # In a circle nobody would notice that a call has lost its owner.
        owner = weakref.ref(self)

        async def send(call: Invocation) -> None:
            ours = _still_there(owner)
            ours._options = options_with(ours._options, call)
            await ours._send()

        async def outcome() -> R:
            ours = _still_there(owner)
            made, what = ours._call, ours._method.full_name
            del ours
            assert made is not None
            return await _answer_of(made, what)

        self._surrounding = Surrounding(interceptors, call, send, outcome)

    def cancel(self) -> None:
        """Give the call up: the other side stops, and nothing more is read or sent.

        Raises:
            RuntimeError: this is another thread than the event loop's; nothing has been done.
        """
        if self._call is not None:
            check_thread(self._call.get_loop())
        if self._surrounding is not None:
            self._surrounding.cancel()
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
        if self._surrounding is None:
            await self._send()
        else:
            await self._surrounding.begin()

    async def _send(self) -> None:
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
        if self._surrounding is None:
            assert self._call is not None
            return await _answer_of(self._call, self._method.full_name)
        try:
            return await self._surrounding.outcome()
        except asyncio.CancelledError:
            # As without them: who stops waiting gives the call up.
            self.cancel()
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
            self._warn("was left open", ResourceWarning)
        elif not getattr(self, "_is_used", True):
            # As of a coroutine that nobody awaits.
            self._warn("was never made", RuntimeWarning)

    def _warn(self, what: str, kind: type[Warning]) -> None:
        # Whoever lets go of it last may be anybody, the event loop too.
        file, line = self._made_at
        text = f"the call of {self._method.full_name} {what}; use it in `async with`"
        warnings.warn_explicit(text, kind, file, line, source=self)


async def _answer_of(call: Call[R], what: str) -> R:
    task = asyncio.current_task()
    try:
        return await call
    except asyncio.CancelledError:
        # Who has given the call up is told so; who is cancelled while waiting is cancelled.
        if call.cancelled() and not (task is not None and task.cancelling()):
            raise Cancelled(f"{what} was cancelled here") from None
        raise


def _still_there(owner: "weakref.ref[C]") -> C:
    call = owner()
    if call is None:
        raise Cancelled("the call was left open, and nobody holds it any more")
    return call


def _line_of_caller() -> tuple[str, int]:
    """The line that has called a client's method: behind our frames, and the client's own."""
    frame = inspect.currentframe()
    while frame is not None and frame.f_globals.get("__name__", "").startswith("duologue."):
        frame = frame.f_back
    if frame is not None and frame.f_back is not None:
        frame = frame.f_back
    return ("?", 0) if frame is None else (frame.f_code.co_filename, frame.f_lineno)


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

    def _on_begun(self) -> None:
        codec, what = self._method.sends, self._method.full_name
        if self._sink is not None and codec is not None:
            contract = self._method.contract
            takes_parts = contract is not None and self._peer.takes_parts_of(contract)
            self._out = Sender(self._sink, codec, takes_parts=takes_parts, param_of=what)
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
        out = self._out or await self._sender()
        waiting = out.put(item)
        if waiting is not None:
            await waiting

    async def end(self) -> None:
        """There are no more items of ours."""
        await self._begin()
        assert self._sink is not None
        self._sink.end()

    async def _sender(self) -> Sender[S]:
        if self._out is None:
            await self._begin()
            assert self._out is not None
        return self._out

    async def _send_each(self, items: "AnyItems[S] | os.PathLike[str]") -> None:
        out, call = await self._sender(), self._call
        assert call is not None
        await send_each(items, out.put, call)
        if call.done() and (call.cancelled() or call.exception() is not None):
            await self._outcome()


def give_up(call: Call[Any] | None, source: ItemSource | None) -> None:
    """End the call from here, and read no more of it."""
    if call is not None and not call.done():
        call.cancel()
    if source is not None:
        source.close()


def _digests(peer: WebsocketPromisifier, method: Streaming[..., Any, Any]) -> Digests | None:
    contract = method.contract
    return None if contract is None else peer.counterpart.digests_of(contract)
