"""The baseline: `websockets` alone, which sends back what comes; no calls, no types."""

import json
import time
from contextlib import AsyncExitStack
from typing import Final

from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve

from duologue.bench.load import SMALL, Caller, Json, Payload, main

ITEM: Final = json.dumps(SMALL)

lasting: Final = AsyncExitStack()
"""Holds the server open until the process ends."""


async def answer(connection: ServerConnection) -> None:
    """Echo; or as many items as a number asks for."""
    async for message in connection:
        if isinstance(message, bytes) or message[0] == "{":
            await connection.send(message)
        else:
            for _ in range(int(message)):
                await connection.send(ITEM)


async def listen() -> int:
    """Serve at a free port, which is returned."""
    server = await lasting.enter_async_context(serve(answer, "127.0.0.1", 0, compression=None))
    port: int = next(iter(server.sockets)).getsockname()[1]
    return port


class WebsocketsCaller(Caller):
    """One connection to the server."""

    async def open(self, port: int) -> None:
        """Connect."""
        self._last: tuple[Json, str] = ({}, "{}")
        self._connection = await connect(f"ws://127.0.0.1:{port}", compression=None)

    async def close(self) -> None:
        """Disconnect."""
        await self._connection.close()

    def _message(self, payload: Payload) -> str | bytes:
        if isinstance(payload, bytes):
            return payload
        if self._last[0] is not payload:
            self._last = payload, json.dumps(payload)
        return self._last[1]

    async def echo(self, payload: Json) -> None:
        """One message there, one back."""
        await self._connection.send(self._message(payload))
        await self._connection.recv()

    async def blob(self, data: bytes) -> None:
        """The same in a binary frame."""
        await self._connection.send(data)
        await self._connection.recv()

    async def stream(self, items: int) -> None:
        """That many messages, asked for with one."""
        await self._connection.send(str(items))
        for _ in range(items):
            await self._connection.recv()

    async def drive(self, payload: Payload, in_flight: int, seconds: float) -> int:
        """Answers come in order, so one task keeps the window full."""
        message, connection = self._message(payload), self._connection
        end, number = time.perf_counter() + seconds, in_flight
        for _ in range(in_flight):
            await connection.send(message)
        while time.perf_counter() < end:
            await connection.recv()
            await connection.send(message)
            number += 1
        for _ in range(in_flight):
            await connection.recv()
        return number


if __name__ == "__main__":
    main(serve=listen, make=WebsocketsCaller)
