"""Every kind of connection keeps every promise of `Connection`."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from duologue.connection.base import Connection
from duologue.connection.checking import check_connection
from duologue.connection.memory import connected_pair
from duologue.connection.websocket import accept_websockets, dial_websocket
from duologue.limits import Limits

SMALL = Limits(max_message_bytes=100_000)


@asynccontextmanager
async def websocket_pairs(limits: Limits) -> AsyncGenerator["WebSocketPairs"]:
    accepted: asyncio.Queue[Connection] = asyncio.Queue()
    listener = await accept_websockets(accepted.put_nowait, limits, host="127.0.0.1")
    try:
        yield WebSocketPairs(f"ws://127.0.0.1:{listener.port}", accepted, limits)
    finally:
        listener.close()
        await asyncio.wait_for(listener.wait_closed(), 10)
        assert not listener.connections


class WebSocketPairs:
    def __init__(self, url: str, accepted: asyncio.Queue[Connection], limits: Limits) -> None:
        self._url = url
        self._accepted = accepted
        self._limits = limits

    async def make(self) -> tuple[Connection, Connection]:
        client = await dial_websocket(self._url, self._limits, timeout_s=10)
        return client, await self._accepted.get()


async def test_memory_pair_keeps_the_promises() -> None:
    async def make_pair() -> tuple[Connection, Connection]:
        return connected_pair(SMALL)

    await check_connection(make_pair, max_message_bytes=SMALL.max_message_bytes)


async def test_websocket_keeps_the_promises_as_client_and_as_server() -> None:
    async with websocket_pairs(SMALL) as pairs:
        await check_connection(pairs.make, max_message_bytes=SMALL.max_message_bytes)
