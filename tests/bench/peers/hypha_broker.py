"""hypha: calls through its server by hypha-rpc, msgpack over WebSocket, pydantic by hand."""

import os
import sys

from hypha_rpc import connect_to_server
from pydantic import BaseModel

from duologue.bench.load import Caller, Json, main, pin, tell
from tests.bench.peers.broker_process import start_broker

TOKEN = "for-one-run-on-loopback-and-nothing-else"
"""So that both ends are in one workspace; the server wants 32 characters."""

UNLIMITED = {
    "HYPHA_WS_MSG_RATE_LIMIT": "1000000000",
    "HYPHA_WS_MSG_BURST_LIMIT": "1000000000",
    "HYPHA_MAX_CONCURRENT_CONNECTIONS": "1000",
}
"""Else it drops who sends more than 200 messages a second for ten seconds, and we measure that."""


class Item(BaseModel):
    name: str
    number: int
    ratio: float
    tags: list[str]


def run_broker() -> None:
    pin()
    os.environ.update(UNLIMITED)
    broker, port = start_broker(
        lambda port, _folder: [
            *(sys.executable, "-m", "hypha.server", "--host", "127.0.0.1", "--port", str(port)),
            *("--root-token", TOKEN),
        ]
    )
    tell({"port": port, "pids": [broker.pid]})
    broker.wait()


async def join(port: int, **more):
    return await connect_to_server(
        {"server_url": f"http://127.0.0.1:{port}", "token": TOKEN, **more}
    )


async def offer(port: int) -> None:
    server = await join(port, client_id="service")

    async def echo(item):
        item = Item.model_validate(item)
        reply = Item(name=item.name, number=item.number + 1, ratio=item.ratio, tags=item.tags)
        return reply.model_dump()

    async def raw(data):
        return data

    await server.register_service({"id": "echo", "echo": echo, "raw": raw})
    offer.server = server


class HyphaCaller(Caller):
    async def open(self, port: int) -> None:
        self._server = await join(port)
        self._service = await self._server.get_service("service:echo")

    async def close(self) -> None:
        await self._server.disconnect()

    async def echo(self, payload: Json) -> None:
        answer = await self._service.echo(Item(**payload).model_dump())
        assert Item.model_validate(answer).number == payload["number"] + 1

    async def blob(self, data: bytes) -> None:
        assert len(await self._service.raw(data)) == len(data)


if __name__ == "__main__":
    if sys.argv[1:] == ["server"]:
        run_broker()
    else:
        main(make=HyphaCaller, service=offer)
