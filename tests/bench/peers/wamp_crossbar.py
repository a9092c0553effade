"""WAMP: calls through crossbar, both ends autobahn with asyncio, pydantic by hand."""

import asyncio
import json
import re
import sys
from pathlib import Path

import txaio

txaio.use_asyncio()

from autobahn.asyncio.wamp import ApplicationSession
from autobahn.asyncio.websocket import WampWebSocketClientFactory
from autobahn.wamp.serializer import JsonSerializer
from autobahn.wamp.types import ComponentConfig
from pydantic import BaseModel

from duologue.bench.load import Caller, Json, main, pin, tell
from tests.bench.peers.broker_process import start_broker

REALM = "bench"


class Item(BaseModel):
    name: str
    number: int
    ratio: float
    tags: list[str]


def node(port: int) -> Json:
    everything = {name: True for name in ("call", "register", "publish", "subscribe")}
    role = {"name": "anonymous", "permissions": [{"uri": "", "match": "prefix", "allow": everything}]}
    return {
        "version": 2,
        "workers": [
            {
                "type": "router",
                "realms": [{"name": REALM, "roles": [role]}],
                "transports": [
                    {
                        "type": "websocket",
                        "endpoint": {"type": "tcp", "port": port, "interface": "127.0.0.1"},
                    }
                ],
            }
        ],
    }


def run_broker() -> None:
    pin()

    def command(port: int, folder: Path) -> list[str]:
        (folder / "config.json").write_text(json.dumps(node(port)))
        crossbar = str(Path(sys.executable).with_name("crossbar"))
        return [crossbar, "start", "--cbdir", str(folder), "--loglevel", "error"]

    broker, port = start_broker(command)
    # The controller starts a process for the router, and that is what carries the calls.
    router = next(pid for pid in children(broker.pid) if is_router(pid))
    tell({"port": port, "pids": [router, broker.pid]})
    broker.wait()


def children(pid: int):
    for task in Path(f"/proc/{pid}/task").iterdir():
        yield from map(int, (task / "children").read_text().split())


def is_router(pid: int) -> bool:
    return bool(re.search(rb"router|_exec_worker", Path(f"/proc/{pid}/cmdline").read_bytes()))


async def join(port: int) -> ApplicationSession:
    joined = asyncio.get_running_loop().create_future()

    class Session(ApplicationSession):
        def onJoin(self, details):
            joined.set_result(self)

    factory = WampWebSocketClientFactory(
        lambda: Session(ComponentConfig(REALM)),
        url=f"ws://127.0.0.1:{port}",
        serializers=[JsonSerializer()],
    )
    await asyncio.get_running_loop().create_connection(factory, "127.0.0.1", port)
    return await joined


async def offer(port: int) -> None:
    session = await join(port)

    def echo(item):
        item = Item.model_validate(item)
        reply = Item(name=item.name, number=item.number + 1, ratio=item.ratio, tags=item.tags)
        return reply.model_dump()

    await session.register(echo, "bench.echo")


class WampCaller(Caller):
    async def open(self, port: int) -> None:
        self._session = await join(port)

    async def close(self) -> None:
        await self._session.leave()

    async def echo(self, payload: Json) -> None:
        answer = await self._session.call("bench.echo", Item(**payload).model_dump())
        assert Item.model_validate(answer).number == payload["number"] + 1


if __name__ == "__main__":
    if sys.argv[1:] == ["server"]:
        run_broker()
    else:
        main(make=WampCaller, service=offer)
