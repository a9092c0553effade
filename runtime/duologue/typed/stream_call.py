"""One call with items, at its caller: how it begins, and how it ends."""

import asyncio
import math
import warnings
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from duologue.errors import Cancelled, DeadlineExceeded, Unimplemented
from duologue.promisifier.own_call import Call, CallOptions
from duologue.promisifier.promisifier import WebsocketPromisifier
from duologue.promisifier.streams.item_sink import ItemSink
from duologue.promisifier.streams.item_source import ItemSource
from duologue.promisifier.streams.items import OwnItems
from duologue.protocol.hello import ITEMS
from duologue.protocol.parcels import Payload
from duologue.typed.contract import Streaming

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


def give_up(call: Call[Any] | None, source: ItemSource | None) -> None:
    """The other side stops, and nothing more is read."""
    if call is not None and not call.done():
        call.cancel()
    if source is not None:
        source.close()
