"""`websockets` alone: JSON text sent back as it came, no calls, no types."""

import json
import time

from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve

from tests.bench.load import PIECE, Caller, Json, main


async def answer(connection: ServerConnection) -> None:
    async for message in connection:
        if message[0] == "{":
            await connection.send(message)
        else:
            for _ in range(int(message)):
                await connection.send(PIECE)


async def listen() -> int:
    server = await serve(answer, "127.0.0.1", 0, compression=None)
    listen.server = server
    return server.sockets[0].getsockname()[1]


class WebsocketsCaller(Caller):
    _texts: dict[int, str]

    async def open(self, port: int) -> None:
        self._texts = {}
        self._connection = await connect(f"ws://127.0.0.1:{port}", compression=None)

    async def close(self) -> None:
        await self._connection.close()

    def _text(self, payload: Json) -> str:
        text = self._texts.get(id(payload))
        if text is None:
            text = self._texts[id(payload)] = json.dumps(payload)
        return text

    async def echo(self, payload: Json) -> None:
        await self._connection.send(self._text(payload))
        await self._connection.recv()

    async def stream(self, items: int) -> None:
        await self._connection.send(str(items))
        for _ in range(items):
            await self._connection.recv()

    async def drive(self, payload: Json, in_flight: int, seconds: float) -> int:
        # Answers come in order, so one task keeps the window full.
        text, connection = self._text(payload), self._connection
        end, number = time.perf_counter() + seconds, in_flight
        for _ in range(in_flight):
            await connection.send(text)
        while time.perf_counter() < end:
            await connection.recv()
            await connection.send(text)
            number += 1
        for _ in range(in_flight):
            await connection.recv()
        return number


if __name__ == "__main__":
    main(serve=listen, make=WebsocketsCaller)
