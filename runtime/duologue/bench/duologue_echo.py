"""duologue as one of the measured: a typed echo with `def` or `async def` handlers; its caller."""

import asyncio
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Final

from duologue.bench.generated.echo.v1 import (
    EchoBlobParams,
    EchoClient,
    EchoEchoParams,
    EchoService,
    Item,
)
from duologue.bench.load import SMALL, Caller, Json, Run, main
from duologue.bench.programs import KIND
from duologue.bench.streamed_echo import StreamedEcho, StreamedEchoClient
from duologue.endpoints.direct import connect, serve
from duologue.limits import Limits
from duologue.promisifier.promisifier import WebsocketPromisifier
from duologue.typed.context import CallContext

MAX_CONNECTIONS: Final = 5000
"""The default is for one machine's users, not for a curve of connections."""

kinds: Final = frozenset(os.environ.get(KIND, "").split(","))
"""Of `async` (handlers) and `uvloop`; who extends this program may have more."""


def raised(params: EchoEchoParams) -> Item:
    """What is answered."""
    return Item(name=params.name, number=params.number + 1, ratio=params.ratio, tags=params.tags)


class PlainEcho(EchoService):
    """Handlers that are plain functions."""

    def echo(self, params: EchoEchoParams, ctx: CallContext) -> Item:
        """The item, its number raised by one."""
        return raised(params)

    def blob(self, params: EchoBlobParams, ctx: CallContext) -> bytes:
        """The same bytes."""
        return params.data


class AsyncEcho(EchoService):
    """Handlers that are coroutines."""

    async def echo(self, params: EchoEchoParams, ctx: CallContext) -> Item:
        """The item, its number raised by one."""
        return raised(params)

    async def blob(self, params: EchoBlobParams, ctx: CallContext) -> bytes:
        """The same bytes."""
        return params.data


def service() -> EchoService:
    """The one that is called."""
    return AsyncEcho() if "async" in kinds else PlainEcho()


lasting: Final = AsyncExitStack()
"""What a server program holds open until it ends."""


async def serve_all(services: Sequence[EchoService]) -> int:
    """Serve at a free port, which is returned."""
    server = serve(*services, StreamedEcho(), limits=Limits(max_connections=MAX_CONNECTIONS))
    await lasting.enter_async_context(server)
    return server.port


class DuologueCaller(Caller):
    """One conversation with the server."""

    def conversation(self, port: int) -> AbstractAsyncContextManager[WebsocketPromisifier]:
        """How it is begun."""
        return connect(f"ws://127.0.0.1:{port}")

    async def open(self, port: int) -> None:
        """Connect."""
        self._stack = AsyncExitStack()
        self._peer = await self._stack.enter_async_context(self.conversation(port))
        self._client = EchoClient(self._peer)
        self._streams = StreamedEchoClient(self._peer)

    async def close(self) -> None:
        """Disconnect."""
        await self._stack.aclose()

    async def echo(self, payload: Json) -> None:
        """A typed call."""
        reply = await self._client.echo(**payload)
        assert reply.number == payload["number"] + 1

    async def blob(self, data: bytes) -> None:
        """A typed call with nothing but bytes."""
        assert len(await self._client.blob(data=data)) == len(data)

    async def stream(self, items: int) -> None:
        """Typed items from the server."""
        number = 0
        async with self._streams.count(items=items) as log:
            async for _item in log:
                number += 1
        assert number == items

    async def upload(self, items: int) -> None:
        """Typed items to the server."""
        async with self._streams.take() as up:
            await up.send_all(_items(items))
            assert await up.result() == items

    async def exchange(self, items: int) -> None:
        """Typed items both ways."""
        number = 0
        async with self._streams.mirror() as exchange:
            exchange.send_all(_items(items))
            async for _item in exchange:
                number += 1
        assert number == items

    async def trips(self, number: int, taken: list[float]) -> None:
        """One typed item back and forth."""
        async with self._streams.mirror() as exchange:
            for _ in range(number):
                start = time.perf_counter()
                await exchange.send(Item(**SMALL))
                item = await anext(exchange)
                taken.append(time.perf_counter() - start)
                assert item.number == SMALL["number"] + 1


def _items(number: int) -> Iterator[Item]:
    for _ in range(number):
        yield Item(**SMALL)


def runner() -> Run:
    """`run` of asyncio or of uvloop, as the kind says."""
    if "uvloop" in kinds:
        import uvloop

        return uvloop.run
    return asyncio.run


if __name__ == "__main__":
    main(serve=lambda: serve_all([service()]), make=DuologueCaller, run=runner())
