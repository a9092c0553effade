"""grpc.aio: HTTP/2 and protobuf, both sides in asyncio."""

import time

import grpc

from duologue.bench.load import SMALL, Caller, Json, main
from tests.bench.peers.protobuf_item import messages, services


class Echo(services.EchoServicer):
    async def Echo(self, request, context):
        return messages.Item(
            name=request.name, number=request.number + 1, ratio=request.ratio, tags=request.tags
        )

    async def Raw(self, request, context):
        return messages.Blob(data=request.data)

    async def Count(self, request, context):
        for _ in range(request.items):
            yield messages.Item(**SMALL)

    async def Take(self, request_iterator, context):
        number = 0
        async for _item in request_iterator:
            number += 1
        return messages.CountRequest(items=number)

    async def Mirror(self, request_iterator, context):
        async for item in request_iterator:
            yield messages.Item(
                name=item.name, number=item.number + 1, ratio=item.ratio, tags=item.tags
            )


def produced(number):
    for _ in range(number):
        yield messages.Item(**SMALL)


async def serve() -> int:
    server = grpc.aio.server()
    services.add_EchoServicer_to_server(Echo(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    serve.server = server
    return port


class GrpcCaller(Caller):
    async def open(self, port: int) -> None:
        # Its own connection, not one shared with other channels of the process.
        self._channel = grpc.aio.insecure_channel(
            f"127.0.0.1:{port}", options=[("grpc.use_local_subchannel_pool", 1)]
        )
        self._stub = services.EchoStub(self._channel)

    async def close(self) -> None:
        await self._channel.close()

    async def echo(self, payload: Json) -> None:
        reply = await self._stub.Echo(messages.Item(**payload))
        assert reply.number == payload["number"] + 1

    async def blob(self, data: bytes) -> None:
        reply = await self._stub.Raw(messages.Blob(data=data))
        assert len(reply.data) == len(data)

    async def stream(self, items: int) -> None:
        number = 0
        async for _item in self._stub.Count(messages.CountRequest(items=items)):
            number += 1
        assert number == items

    async def upload(self, items: int) -> None:
        assert (await self._stub.Take(produced(items))).items == items

    async def exchange(self, items: int) -> None:
        number = 0
        async for _item in self._stub.Mirror(produced(items)):
            number += 1
        assert number == items

    async def trips(self, number: int, taken: list[float]) -> None:
        call = self._stub.Mirror()
        for _ in range(number):
            start = time.perf_counter()
            await call.write(messages.Item(**SMALL))
            item = await call.read()
            taken.append(time.perf_counter() - start)
            assert item.number == SMALL["number"] + 1
        await call.done_writing()
        assert await call.read() is grpc.aio.EOF


if __name__ == "__main__":
    main(serve=serve, make=GrpcCaller)
