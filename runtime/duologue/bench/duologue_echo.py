"""duologue as one of the measured: a typed echo with `def` or `async def` handlers; its caller."""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Final

from duologue.bench.generated.echo.v1 import (
    EchoBlobParams,
    EchoClient,
    EchoEchoParams,
    EchoService,
    Item,
)
from duologue.bench.load import PIECE, Caller, Json, Run, main
from duologue.bench.programs import KIND
from duologue.endpoints.direct import connect, serve
from duologue.limits import Limits
from duologue.promisifier.promisifier import WebsocketPromisifier
from duologue.promisifier.streams.stream import TextStream
from duologue.typed.context import CallContext

COUNT: Final = 9
"""A service by number: contracts cannot name a stream and params at the same time yet."""

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


async def _pieces(number: int) -> AsyncIterator[str]:
    for _ in range(number):
        yield PIECE


def _count(number: int) -> TextStream:
    return TextStream(_pieces(number))


def add_count(peer: WebsocketPromisifier) -> None:
    """Offer the stream."""
    peer.add_service(COUNT, _count)


lasting: Final = AsyncExitStack()
"""What a server program holds open until it ends."""


async def serve_all(services: Sequence[EchoService]) -> int:
    """Serve at a free port, which is returned."""
    server = serve(*services, on_peer=add_count, limits=Limits(max_connections=MAX_CONNECTIONS))
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
        """Pieces of text, without types."""
        stream: TextStream = await self._peer.send(COUNT, items)
        number = 0
        async for _piece in stream:
            number += 1
        assert number == items


def runner() -> Run:
    """`run` of asyncio or of uvloop, as the kind says."""
    if "uvloop" in kinds:
        import uvloop

        return uvloop.run
    return asyncio.run


if __name__ == "__main__":
    main(serve=lambda: serve_all([service()]), make=DuologueCaller, run=runner())
