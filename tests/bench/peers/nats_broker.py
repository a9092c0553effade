"""NATS: requests through a broker written in Go, with pydantic by hand at both ends."""

import os
import re
import subprocess
import sys
from pathlib import Path

import nats
from pydantic import BaseModel

from duologue.bench.load import Caller, Json, end_with_parent, main, pin, tell


class Item(BaseModel):
    name: str
    number: int
    ratio: float
    tags: list[str]


def run_broker() -> None:
    pin()
    broker = subprocess.Popen(
        [str(Path(sys.prefix) / "bin" / "nats-server"), "--addr", "127.0.0.1", "--port", "-1"],
        env={**os.environ, "GOMAXPROCS": "1"},
        stderr=subprocess.PIPE,
        text=True,
    )
    end_with_parent(broker.kill)
    port = 0
    for line in broker.stderr:
        if found := re.search(r"client connections on \S+:(\d+)", line):
            port = int(found[1])
        if "Server is ready" in line:
            break
    tell({"port": port, "pids": [broker.pid]})
    for _line in broker.stderr:
        pass


async def offer(port: int) -> None:
    connection = await nats.connect(f"nats://127.0.0.1:{port}")

    async def answer(message):
        item = Item.model_validate_json(message.data)
        reply = Item(name=item.name, number=item.number + 1, ratio=item.ratio, tags=item.tags)
        await message.respond(reply.model_dump_json().encode())

    async def send_back(message):
        await message.respond(message.data)

    await connection.subscribe("echo", cb=answer)
    await connection.subscribe("raw", cb=send_back)
    await connection.flush()


class NatsCaller(Caller):
    async def open(self, port: int) -> None:
        self._connection = await nats.connect(f"nats://127.0.0.1:{port}")

    async def close(self) -> None:
        await self._connection.close()

    async def echo(self, payload: Json) -> None:
        message = await self._connection.request(
            "echo", Item(**payload).model_dump_json().encode(), timeout=30
        )
        reply = Item.model_validate_json(message.data)
        assert reply.number == payload["number"] + 1

    async def blob(self, data: bytes) -> None:
        message = await self._connection.request("raw", data, timeout=30)
        assert len(message.data) == len(data)


if __name__ == "__main__":
    if sys.argv[1:] == ["server"]:
        run_broker()
    else:
        main(make=NatsCaller, service=offer)
