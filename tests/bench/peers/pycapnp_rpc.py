"""pycapnp: Cap'n Proto RPC, in C++ below."""

import asyncio
from pathlib import Path

import capnp

from duologue.bench.load import Caller, Json, main

SCHEMA = capnp.load(str(Path(__file__).with_name("echo.capnp")))


class Echo(SCHEMA.Echo.Server):
    async def echo(self, item, _context, **_rest):
        reply = _context.results.init("item")
        reply.name = item.name
        reply.number = item.number + 1
        reply.ratio = item.ratio
        reply.tags = list(item.tags)

    async def raw(self, data, _context, **_rest):
        _context.results.data = bytes(data)


async def answer(stream):
    await capnp.TwoPartyServer(stream, bootstrap=Echo()).on_disconnect()


async def serve() -> int:
    server = await capnp.AsyncIoStream.create_server(answer, "127.0.0.1", 0)
    serve.server = server
    asyncio.create_task(server.serve_forever())
    return server.sockets[0].getsockname()[1]


class CapnpCaller(Caller):
    async def open(self, port: int) -> None:
        self._stream = await capnp.AsyncIoStream.create_connection("127.0.0.1", port)
        self._client = capnp.TwoPartyClient(self._stream)
        self._echo = self._client.bootstrap().cast_as(SCHEMA.Echo)

    async def close(self) -> None:
        self._stream.close()

    async def echo(self, payload: Json) -> None:
        request = self._echo.echo_request()
        item = request.init("item")
        item.name = payload["name"]
        item.number = payload["number"]
        item.ratio = payload["ratio"]
        item.tags = payload["tags"]
        reply = (await request.send()).item
        # Cap'n Proto reads fields when they are asked for; a typed reply has been read.
        assert (reply.number, reply.ratio) == (payload["number"] + 1, payload["ratio"])
        assert len(reply.name) == len(payload["name"])
        assert list(reply.tags) == payload["tags"]

    async def blob(self, data: bytes) -> None:
        request = self._echo.raw_request()
        request.data = data
        assert len(bytes((await request.send()).data)) == len(data)


if __name__ == "__main__":
    main(serve=serve, make=CapnpCaller, run=lambda role: asyncio.run(capnp.run(role)))
