"""replit-river: WebSocket, msgpack and pydantic; what its code generator writes, by hand."""

import asyncio
import logging
import time
import warnings
from datetime import timedelta
from itertools import count

warnings.simplefilter("ignore", DeprecationWarning)

import websockets
from pydantic import BaseModel, TypeAdapter
from replit_river.client import Client
from replit_river.error_schema import RiverError
from replit_river.rpc import (
    rpc_method_handler,
    stream_method_handler,
    subscription_method_handler,
    upload_method_handler,
)
from replit_river.server import Server
from replit_river.transport_options import TransportOptions

from duologue.bench.load import SMALL, Caller, Json, main

logging.disable(logging.CRITICAL)
# Heartbeats would end a connection that waits for its turn. A sender keeps what has not been
# acknowledged, and a reader acknowledges with its heartbeats only: with the usual buffer of 1,000
# messages a stream would stand still for seconds after each thousand items.
OPTIONS = TransportOptions(heartbeats_until_dead=100_000, buffer_size=1_000_000)
NUMBERS = count()


class Item(BaseModel):
    name: str
    number: int
    ratio: float
    tags: list[str]


class Count(BaseModel):
    items: int


ITEM, COUNT, ERROR = TypeAdapter(Item), TypeAdapter(Count), TypeAdapter(RiverError)


def dump(value):
    return value.model_dump(by_alias=True, exclude_none=True)


async def echo(item, _context):
    return Item(name=item.name, number=item.number + 1, ratio=item.ratio, tags=item.tags)


async def produce(request, _context):
    for _ in range(request.items):
        yield Item(**SMALL)


async def take(items, _context):
    number = 0
    async for _item in items:
        number += 1
    return Count(items=number)


async def mirror(items, _context):
    async for item in items:
        yield Item(name=item.name, number=item.number + 1, ratio=item.ratio, tags=item.tags)


async def produced(number):
    for _ in range(number):
        yield Item(**SMALL)


async def serve() -> int:
    server = Server("SERVER", OPTIONS)
    server.add_rpc_handlers(
        {
            ("echo", "echo"): ("rpc", rpc_method_handler(echo, ITEM.validate_python, dump)),
            ("echo", "count"): (
                "subscription-stream",
                subscription_method_handler(produce, COUNT.validate_python, dump),
            ),
            ("echo", "take"): (
                "upload-stream",
                upload_method_handler(take, ITEM.validate_python, dump),
            ),
            ("echo", "mirror"): (
                "stream",
                stream_method_handler(mirror, ITEM.validate_python, dump),
            ),
        }
    )
    listener = await websockets.serve(server.serve, "127.0.0.1", 0)
    serve.server = listener
    return listener.sockets[0].getsockname()[1]


class RiverCaller(Caller):
    async def open(self, port: int) -> None:
        async def where():
            return {"uri": f"ws://127.0.0.1:{port}", "metadata": None}

        self._client = Client(where, f"CLIENT-{next(NUMBERS)}", "SERVER", OPTIONS)
        await self._client.ensure_connected()

    async def close(self) -> None:
        await self._client.close()

    async def echo(self, payload: Json) -> None:
        reply = await self._client.send_rpc(
            "echo",
            "echo",
            Item(**payload),
            dump,
            ITEM.validate_python,
            ERROR.validate_python,
            timedelta(seconds=30),
        )
        assert reply.number == payload["number"] + 1

    async def stream(self, items: int) -> None:
        number = 0
        async for _item in self._client.send_subscription(
            "echo",
            "count",
            Count(items=items),
            dump,
            ITEM.validate_python,
            ERROR.validate_python,
        ):
            number += 1
        assert number == items

    async def upload(self, items: int) -> None:
        reply = await self._client.send_upload(
            "echo",
            "take",
            None,
            produced(items),
            None,
            dump,
            COUNT.validate_python,
            ERROR.validate_python,
        )
        assert reply.items == items

    async def exchange(self, items: int) -> None:
        number = 0
        async for _item in self._mirrored(produced(items)):
            number += 1
        assert number == items

    async def trips(self, number: int, taken: list[float]) -> None:
        waiting = asyncio.Queue()

        async def each():
            for _ in range(number):
                yield await waiting.get()

        answers = self._mirrored(each())
        for _ in range(number):
            start = time.perf_counter()
            waiting.put_nowait(Item(**SMALL))
            item = await anext(answers)
            taken.append(time.perf_counter() - start)
            assert item.number == SMALL["number"] + 1
        async for _item in answers:
            raise AssertionError("more items came back than were sent")

    def _mirrored(self, items):
        return self._client.send_stream(
            "echo",
            "mirror",
            None,
            items,
            None,
            dump,
            ITEM.validate_python,
            ERROR.validate_python,
        )


if __name__ == "__main__":
    main(serve=serve, make=RiverCaller)
