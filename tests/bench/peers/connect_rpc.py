"""connectrpc: HTTP/1.1 and protobuf; granian serves from one worker process, pyqwest calls."""

import contextlib
import os
import socket
import sys
import threading
import time
from pathlib import Path

from connectrpc.client import ConnectClient
from connectrpc.compat import google_protobuf_binary_codec, google_protobuf_codecs
from connectrpc.method import IdempotencyLevel, MethodInfo, StreamType
from connectrpc.server import ConnectASGIApplication, Endpoint
from pyqwest import Client, HTTPTransport

from duologue.bench.load import SMALL, Caller, Json, end_with_parent, main, pin, tell
from tests.bench.peers.protobuf_item import messages

SERVICE = "duologue.bench.Echo"


def method(name, takes, gives, stream_type):
    return MethodInfo(
        name=name,
        service_name=SERVICE,
        input=takes,
        output=gives,
        idempotency_level=IdempotencyLevel.UNKNOWN,
        stream_type=stream_type,
    )


ECHO = method("Echo", messages.Item, messages.Item, StreamType.UNARY)
RAW = method("Raw", messages.Blob, messages.Blob, StreamType.UNARY)
TAKE = method("Take", messages.Item, messages.CountRequest, StreamType.CLIENT_STREAM)
COUNT = method("Count", messages.CountRequest, messages.Item, StreamType.SERVER_STREAM)


class Echo:
    async def echo(self, request, _context):
        return messages.Item(
            name=request.name, number=request.number + 1, ratio=request.ratio, tags=request.tags
        )

    async def raw(self, request, _context):
        return messages.Blob(data=request.data)

    async def count(self, request, _context):
        for _ in range(request.items):
            yield messages.Item(**SMALL)

    async def take(self, requests, _context):
        number = 0
        async for _item in requests:
            number += 1
        return messages.CountRequest(items=number)


class Application(ConnectASGIApplication):
    path = f"/{SERVICE}"

    def __init__(self):
        super().__init__(
            service=Echo(),
            endpoints=lambda service: {
                f"/{SERVICE}/Echo": Endpoint.unary(method=ECHO, function=service.echo),
                f"/{SERVICE}/Raw": Endpoint.unary(method=RAW, function=service.raw),
                f"/{SERVICE}/Count": Endpoint.server_stream(method=COUNT, function=service.count),
                f"/{SERVICE}/Take": Endpoint.client_stream(method=TAKE, function=service.take),
            },
            codecs=google_protobuf_codecs(),
            compressions=(),
        )


def children():
    for task in Path(f"/proc/{os.getpid()}/task").iterdir():
        with contextlib.suppress(OSError):
            yield from map(int, (task / "children").read_text().split())


def end_children():
    for pid in children():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, 9)


def announce(port):
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            break
        except OSError:
            time.sleep(0.05)
    tell({"port": port, "pids": [os.getpid(), *children()]})


def serve():
    from granian import Granian

    pin()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    end_with_parent(end_children)
    threading.Thread(target=announce, args=(port,), daemon=True).start()
    Granian(
        "tests.bench.peers.connect_rpc:Application",
        port=port,
        interface="asgi",
        factory=True,
        log_enabled=False,
        websockets=False,
    ).serve()


class ConnectCaller(Caller):
    async def open(self, port: int) -> None:
        self._transport = await HTTPTransport().__aenter__()
        self._client = ConnectClient(
            f"http://127.0.0.1:{port}",
            codec=google_protobuf_binary_codec(),
            accept_compression=(),
            send_compression=None,
            http_client=Client(self._transport),
        )

    async def close(self) -> None:
        await self._transport.__aexit__(None, None, None)

    async def echo(self, payload: Json) -> None:
        reply = await self._client.execute_unary(request=messages.Item(**payload), method=ECHO)
        assert reply.number == payload["number"] + 1

    async def blob(self, data: bytes) -> None:
        reply = await self._client.execute_unary(request=messages.Blob(data=data), method=RAW)
        assert len(reply.data) == len(data)

    async def stream(self, items: int) -> None:
        number = 0
        request = messages.CountRequest(items=items)
        async for _item in self._client.execute_server_stream(request=request, method=COUNT):
            number += 1
        assert number == items

    async def upload(self, items: int) -> None:
        reply = await self._client.execute_client_stream(request=produced(items), method=TAKE)
        assert reply.items == items


async def produced(number):
    for _ in range(number):
        yield messages.Item(**SMALL)


if __name__ == "__main__":
    if sys.argv[1:] == ["server"]:
        serve()
    else:
        main(make=ConnectCaller)
