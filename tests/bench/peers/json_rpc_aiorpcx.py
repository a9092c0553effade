"""aiorpcX: JSON-RPC over TCP, with pydantic by hand on both sides."""

from aiorpcx import RPCSession, connect_rs, handler_invocation, serve_rs
from pydantic import BaseModel

from duologue.bench.load import Caller, Json, main


class Item(BaseModel):
    name: str
    number: int
    ratio: float
    tags: list[str]


async def echo(item):
    item = Item.model_validate(item)
    reply = Item(name=item.name, number=item.number + 1, ratio=item.ratio, tags=item.tags)
    return reply.model_dump()


class Session(RPCSession):
    # No throttling: as fast as it goes.
    cost_hard_limit = 0
    initial_concurrent = 1000
    recalibrate_count = 10**12

    async def handle_request(self, request):
        return await handler_invocation(echo, request)()


async def serve() -> int:
    server = await serve_rs(Session, "127.0.0.1", 0)
    serve.server = server
    return server.sockets[0].getsockname()[1]


class ClientSession(RPCSession):
    cost_hard_limit = 0
    _initial = 1000

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._outgoing_concurrency.set_target(1000)


class AiorpcxCaller(Caller):
    async def open(self, port: int) -> None:
        self._connector = connect_rs("127.0.0.1", port, session_factory=ClientSession)
        self._session = await self._connector.__aenter__()

    async def close(self) -> None:
        await self._session.close()

    async def echo(self, payload: Json) -> None:
        item = Item(**payload)
        reply = Item.model_validate(await self._session.send_request("echo", [item.model_dump()]))
        assert reply.number == payload["number"] + 1


if __name__ == "__main__":
    main(serve=serve, make=AiorpcxCaller)
