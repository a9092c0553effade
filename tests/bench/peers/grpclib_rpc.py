"""grpclib: HTTP/2 in Python and protobuf; what its code generator writes, by hand."""

import asyncio
import time

from grpclib.client import (
    Channel,
    StreamStreamMethod,
    StreamUnaryMethod,
    UnaryStreamMethod,
    UnaryUnaryMethod,
)
from grpclib.const import Cardinality, Handler
from grpclib.server import Server

from duologue.bench.load import SMALL, Caller, Json, main
from tests.bench.peers.protobuf_item import messages

SERVICE = "/duologue.bench.Echo"


class Echo:
    async def echo(self, stream):
        request = await stream.recv_message()
        await stream.send_message(
            messages.Item(
                name=request.name, number=request.number + 1, ratio=request.ratio, tags=request.tags
            )
        )

    async def raw(self, stream):
        request = await stream.recv_message()
        await stream.send_message(messages.Blob(data=request.data))

    async def count(self, stream):
        request = await stream.recv_message()
        for _ in range(request.items):
            await stream.send_message(messages.Item(**SMALL))

    async def take(self, stream):
        number = 0
        async for _item in stream:
            number += 1
        await stream.send_message(messages.CountRequest(items=number))

    async def mirror(self, stream):
        async for item in stream:
            await stream.send_message(
                messages.Item(
                    name=item.name, number=item.number + 1, ratio=item.ratio, tags=item.tags
                )
            )

    def __mapping__(self):
        one, many = Cardinality.UNARY_UNARY, Cardinality.UNARY_STREAM
        taking, both = Cardinality.STREAM_UNARY, Cardinality.STREAM_STREAM
        return {
            f"{SERVICE}/Echo": Handler(self.echo, one, messages.Item, messages.Item),
            f"{SERVICE}/Raw": Handler(self.raw, one, messages.Blob, messages.Blob),
            f"{SERVICE}/Count": Handler(self.count, many, messages.CountRequest, messages.Item),
            f"{SERVICE}/Take": Handler(self.take, taking, messages.Item, messages.CountRequest),
            f"{SERVICE}/Mirror": Handler(self.mirror, both, messages.Item, messages.Item),
        }


async def serve() -> int:
    server = Server([Echo()])
    await server.start("127.0.0.1", 0)
    serve.server = server
    return server._server.sockets[0].getsockname()[1]


class GrpclibCaller(Caller):
    async def open(self, port: int) -> None:
        self._channel = Channel("127.0.0.1", port)
        item, blob = messages.Item, messages.Blob
        self._echo = UnaryUnaryMethod(self._channel, f"{SERVICE}/Echo", item, item)
        self._raw = UnaryUnaryMethod(self._channel, f"{SERVICE}/Raw", blob, blob)
        self._count = UnaryStreamMethod(
            self._channel, f"{SERVICE}/Count", messages.CountRequest, item
        )
        self._take = StreamUnaryMethod(
            self._channel, f"{SERVICE}/Take", item, messages.CountRequest
        )
        self._mirror = StreamStreamMethod(self._channel, f"{SERVICE}/Mirror", item, item)

    async def close(self) -> None:
        self._channel.close()

    async def echo(self, payload: Json) -> None:
        reply = await self._echo(messages.Item(**payload))
        assert reply.number == payload["number"] + 1

    async def blob(self, data: bytes) -> None:
        assert len((await self._raw(messages.Blob(data=data))).data) == len(data)

    async def stream(self, items: int) -> None:
        number = 0
        async with self._count.open() as stream:
            await stream.send_message(messages.CountRequest(items=items), end=True)
            async for _item in stream:
                number += 1
        assert number == items

    async def upload(self, items: int) -> None:
        async with self._take.open() as stream:
            await send(stream, items)
            assert (await stream.recv_message()).items == items

    async def exchange(self, items: int) -> None:
        number = 0
        async with self._mirror.open() as stream:
            await stream.send_request()
            sending = asyncio.create_task(send(stream, items))
            async for _item in stream:
                number += 1
            await sending
        assert number == items

    async def trips(self, number: int, taken: list[float]) -> None:
        async with self._mirror.open() as stream:
            for _ in range(number):
                start = time.perf_counter()
                await stream.send_message(messages.Item(**SMALL))
                item = await stream.recv_message()
                taken.append(time.perf_counter() - start)
                assert item.number == SMALL["number"] + 1
            await stream.end()
            assert await stream.recv_message() is None


async def send(stream, items):
    for _ in range(items):
        await stream.send_message(messages.Item(**SMALL))
    await stream.end()


if __name__ == "__main__":
    main(serve=serve, make=GrpclibCaller)
