"""duologue as one of the compared: `def` and `async def` handlers, direct and through relays."""

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Final

import duologue
from duologue import CallContext, Limits, TextStream, WebsocketPromisifier
from duologue.typed import ServiceContract
from tests.bench.generated.echo.v1 import EchoClient, EchoEchoParams, EchoService, Item
from tests.bench.load import PIECE, Caller, Json, main

KIND: Final = "DUOLOGUE_BENCH_KIND"
"""Environment variable: a comma-separated list of `async` (handlers) and `uvloop`."""

COUNT: Final = 9
"""A service by number: contracts cannot name a stream and params at the same time yet."""

MAX_CONNECTIONS: Final = 5000
"""The default is for one machine's users, not for a curve of connections."""

SERVICES: Final = "DUOLOGUE_BENCH_SERVICES"
"""Environment variable: how many services a server offers; one if it is not set."""

kind: Final = frozenset(os.environ.get(KIND, "").split(","))


def raised(params: EchoEchoParams) -> Item:
    return Item(name=params.name, number=params.number + 1, ratio=params.ratio, tags=params.tags)


class PlainEcho(EchoService):
    def echo(self, params: EchoEchoParams, ctx: CallContext) -> Item:
        return raised(params)


class AsyncEcho(EchoService):
    async def echo(self, params: EchoEchoParams, ctx: CallContext) -> Item:
        return raised(params)


async def pieces(number: int) -> AsyncIterator[str]:
    for _ in range(number):
        yield PIECE


def count(number: int) -> TextStream:
    return TextStream(pieces(number))


def add_count(peer: WebsocketPromisifier) -> None:
    peer.add_service(COUNT, count)


def service() -> EchoService:
    return AsyncEcho() if "async" in kind else PlainEcho()


def services() -> list[EchoService]:
    """The service that is called, and as many others as are wanted."""
    first = service()
    contract = type(first).__contract__
    offered = [first]
    for number in range(1, int(os.environ.get(SERVICES, "1"))):
        copy = ServiceContract(
            name=f"{contract.name}{number}",
            base=contract.base + 100 * number,
            digest=contract.digest,
            methods=contract.methods,
        )
        offered.append(type(f"Echo{number}", (type(first),), {"__contract__": copy})())
    return offered


lasting: Final = AsyncExitStack()
"""What a server program holds open until it ends."""


async def serve() -> int:
    server = duologue.serve(
        *services(), on_peer=add_count, limits=Limits(max_connections=MAX_CONNECTIONS)
    )
    await lasting.enter_async_context(server)
    return server.port


async def offer(port: int) -> None:
    await lasting.enter_async_context(
        duologue.connect(f"ws://127.0.0.1:{port}/service", offer=[service()], on_peer=add_count)
    )


class OurCaller(Caller):
    async def open(self, port: int) -> None:
        self._stack = AsyncExitStack()
        self._peer = await self._stack.enter_async_context(
            duologue.connect(f"ws://127.0.0.1:{port}")
        )
        self._client = EchoClient(self._peer)

    async def close(self) -> None:
        await self._stack.aclose()

    async def echo(self, payload: Json) -> None:
        reply = await self._client.echo(**payload)
        assert reply.number == payload["number"] + 1

    async def stream(self, items: int) -> None:
        stream: TextStream = await self._peer.send(COUNT, items)
        number = 0
        async for _piece in stream:
            number += 1
        assert number == items


if __name__ == "__main__":
    if "uvloop" in kind:
        import uvloop

        main(serve=serve, make=OurCaller, service=offer, run=uvloop.run)
    else:
        main(serve=serve, make=OurCaller, service=offer)
