"""Services that greet, and a conversation over real sockets on this machine."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from duologue import Limits, WebsocketPromisifier, connect, serve
from duologue.typed import Client, Codec, Params, Service, ServiceContract, Unary
from duologue.typed.context import CallContext
from duologue.typed.model import Model


class GreetParams(Model):
    name: str = ""


GREET = Unary(id=1, name="greet", params=Params(GreetParams), returns=Codec(str))
GREETER = ServiceContract(name="test.v1.Greeter", base=100, digest="", methods=(GREET,))


class GreeterClient(Client):
    __contract__ = GREETER

    async def greet(self, *, name: str = "") -> str:
        return await self._unary(GREET, name=name)


class Greeter(Service):
    __contract__ = GREETER

    def greet(self, params: GreetParams, ctx: CallContext) -> str:
        return f"hello {params.name}"


class SlowGreeter(Service):
    """Answers once it is let go; knows how many wait."""

    __contract__ = GREETER

    def __init__(self) -> None:
        self.running = asyncio.Semaphore(0)
        self.may_answer = asyncio.Event()
        self.ended = asyncio.Semaphore(0)

    async def greet(self, params: GreetParams, ctx: CallContext) -> str:
        self.running.release()
        try:
            await self.may_answer.wait()
        finally:
            self.ended.release()
        return f"at last {params.name}"


class CallingBack(Service):
    """Greets with the name that the caller's own service gives."""

    __contract__ = GREETER

    async def greet(self, params: GreetParams, ctx: CallContext) -> str:
        return f"hello {await ctx.peer.send(7)}"


def url(port: int) -> str:
    return f"ws://127.0.0.1:{port}"


@asynccontextmanager
async def conversation(
    *services: Service, limits: Limits | None = None, client_limits: Limits | None = None
) -> AsyncGenerator[tuple[WebsocketPromisifier, WebsocketPromisifier]]:
    """The serving and the connecting end."""
    hosts: list[WebsocketPromisifier] = []
    async with (
        serve(*services, limits=limits, on_peer=hosts.append) as server,
        connect(url(server.port), limits=client_limits) as guest,
    ):
        yield hosts[0], guest
