"""Items as models: read by whoever they come to, sent by whoever has them."""

import io
import os
from asyncio import Future
from collections import deque
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Coroutine,
    Iterable,
)
from pathlib import Path
from typing import Any, BinaryIO, Generic, Self, TypeGuard, TypeVar, cast

from pydantic import ValidationError

from duologue.arguments import refuse
from duologue.errors import (
    CallError,
    DeadlineExceeded,
    Digests,
    InvalidParams,
    InvalidResult,
    Problem,
)
from duologue.promisifier.streams.item_sink import ITEM_CHUNK_BYTES, ItemSink
from duologue.promisifier.streams.item_source import ItemSource
from duologue.promisifier.streams.stream import ByteStream
from duologue.protocol.items import Batch
from duologue.protocol.parcels import Parts
from duologue.typed.codec import BYTE_ITEMS, Codec
from duologue.typed.problems import problems_of
from duologue.typed.until_done import UntilDone

T = TypeVar("T")

AnyItems = Iterable[T] | AsyncIterable[T]
"""What `send_all` takes items from."""


class Items(Generic[T]):
    """Items as they come; one reader. A service gets one for what its caller sends.

    Each message is checked whole, when its first item is asked for.
    """

    def __init__(
        self,
        source: ItemSource,
        codec: Codec[T],
        what: str,
        *,
        is_result: bool,
        on_failure: Callable[[], None] | None = None,
        digests: Callable[[], Digests | None] = lambda: None,
    ) -> None:
        """With `is_result` what does not fit is an `InvalidResult`, else an `InvalidParams`.
        `digests` are those of both contracts, where they differ.

        `on_failure` is told when what came does not fit, or nothing came in time.
        """
        self._source = source
        self._what = what
        self._is_result = is_result
        self._on_failure = on_failure
        self._digests = digests
        self._is_bytes = codec is BYTE_ITEMS
        self._list = codec.of_list
        self._ready: deque[T] = deque()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        if not self._ready:
            try:
                source = self._source
                while (batch := source.take()) is None:
                    await source.comes()
                items = self._decode(batch)
            except (InvalidResult, DeadlineExceeded):
                if self._on_failure is not None:
                    self._on_failure()
                raise
            if len(items) == 1:
                return cast(T, items[0])
            self._ready.extend(items)
        return self._ready.popleft()

    def _decode(self, batch: Batch) -> list[Any]:
        if batch.is_bytes != self._is_bytes:
            met, wanted = ("bytes", "JSON") if batch.is_bytes else ("JSON", "bytes")
            raise self._misfit([Problem("", f"an item is {met}, expected {wanted}")])
        if self._is_bytes:
            return [batch.data]
        try:
            return self._list.decode(batch.data)
        except ValidationError as error:
            problems = problems_of(error, self._list.adapter.core_schema)
            raise self._misfit(problems) from None

    def _misfit(self, problems: list[Problem]) -> CallError:
        misfit: CallError
        if self._is_result:
            misfit = InvalidResult(f"an item of {self._what} does not fit the contract", problems)
        else:
            misfit = InvalidParams(f"{self._what} refuses this item", problems)
        misfit.digests = self._digests()
        return misfit


class Sender(Generic[T]):
    """Sends items to the caller, no faster than it takes them; a service's `out`."""

    def __init__(
        self, sink: ItemSink, codec: Codec[T], *, takes_parts: bool, param_of: str | None = None
    ) -> None:
        """With `param_of`, a method's name, what does not fit is an `InvalidParams` of it."""
        self._sink = sink
        self._codec = codec
        self._param_of = param_of
        self._is_bytes = codec is BYTE_ITEMS
        self._is_plain = not self._is_bytes and not (takes_parts and codec.knows_bytes())

    async def send(self, item: T) -> None:
        """Send one item; returns when it has been taken, which may wait for the reader.

        Raises:
            InvalidResult: it is not of the contract's type.
            LimitExceeded: it is larger than a message may be.
            RuntimeError: the call is answered, or its items have been ended.
        """
        waiting = self.put(item)
        if waiting is not None:
            await waiting

    async def send_all(self, items: "AnyItems[T] | os.PathLike[str]") -> None:
        """Send each item; of a path or a binary file, the bytes in pieces.

        Raises as `send`, and what `items` raises.
        """
        await send_each(items, self.put)

    def put(self, item: T) -> Coroutine[Any, Any, None] | None:
        """Send one item: None if it has been taken, as most are, else what to await for that.

        A coroutine for each item would cost as much as all the rest. Raises what `send` raises.
        """
        try:
            if self._is_plain:
                text = self._codec.encode(item)
                return None if self._sink.put(text) else self._sink.send(text)
            if self._is_bytes:
                return self._sink.send_bytes(self._codec.encode(item))
            parts = Parts()
            payload = parts.with_text(self._codec.encode(item, parts))
        except InvalidResult as error:
            if self._param_of is None:
                raise
            raise InvalidParams(
                f"an item of {self._param_of} was not sent", error.problems
            ) from None
        return self._sink.send(payload)


async def send_each(
    items: "AnyItems[T] | os.PathLike[str]",
    put: Callable[[T], Coroutine[Any, Any, None] | None],
    call: "Future[Any] | None" = None,
) -> None:
    """Send each of `items`, until `call` is done. A generator is closed here, in this task."""
    if _is_file(items):
        # Whether items are bytes, type checkers have seen where the file was given.
        items = cast("AsyncIterable[T]", _pieces_of(items))
    if isinstance(items, AsyncIterable):
        iterator = aiter(items)
        try:
            if call is None:
                await _send_from(iterator, put)
            else:
                # It may take long to have another item, which is of no use by then.
                async with UntilDone(call):
                    await _send_from(iterator, put)
        finally:
            if isinstance(iterator, AsyncGenerator):
                await iterator.aclose()
        return
    try:
        for item in cast("Iterable[T]", items):
            waiting = put(item)
            if waiting is not None:
                await waiting
                if call is not None and call.done():
                    break
    except TypeError:
        if isinstance(items, Iterable):
            raise
        # Looked at here alone: what is right costs nothing.
        refuse("send_all(...)", items, "items, a generator of them, a path or a binary file")


async def _send_from(
    iterator: AsyncIterator[T], put: Callable[[T], Coroutine[Any, Any, None] | None]
) -> None:
    async for item in iterator:
        waiting = put(item)
        if waiting is not None:
            await waiting


def _is_file(items: object) -> TypeGuard[os.PathLike[str] | BinaryIO]:
    """Whether `items` is a file of bytes. As an iterable it would be cut at its line ends."""
    return isinstance(items, os.PathLike | io.RawIOBase | io.BufferedIOBase)


async def _pieces_of(file: os.PathLike[str] | BinaryIO) -> AsyncIterator[bytes]:
    """A file as items, each of which is one frame; read in a thread."""
    source = Path(file) if isinstance(file, os.PathLike) else file
    async with ByteStream(source) as stream:
        while piece := await stream.read(ITEM_CHUNK_BYTES):
            yield piece
