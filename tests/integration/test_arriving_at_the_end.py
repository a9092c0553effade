"""Whoever comes to a server in the very turns in which it ends is hung up on at once.

What asyncio's own server has accepted in the turn before it is closed stays open, known to nobody,
until the garbage collector finds it; so nothing here may be built on that.
"""

import asyncio
import contextlib
import gc
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from duologue.connection.websocket.listener import accept_websockets
from duologue.limits import Limits
from duologue.relay.server.admin import AdminServer
from duologue.relay.server.server import RelayServer
from tests.cluster_support import one_node
from tests.integration.loopback import nothing_is_left as nothing_is_left
from tests.stopwatch import PATIENCE_S

NOBODY = "nats://127.0.0.1:1"


@dataclass(frozen=True)
class Ending:
    """Something that listens, and its end."""

    port: int
    close: Callable[[], Awaitable[None]]


@asynccontextmanager
async def listener() -> AsyncGenerator[Ending]:
    found = await accept_websockets(lambda _: None, Limits(), host="127.0.0.1")

    async def close() -> None:
        found.close()
        await found.wait_closed()

    yield Ending(found.port, close)


@asynccontextmanager
async def relay() -> AsyncGenerator[Ending]:
    server = RelayServer()
    await server.start()
    yield Ending(server.port, server.close)


@asynccontextmanager
async def admin() -> AsyncGenerator[Ending]:
    server = RelayServer()
    await server.start()
    found = AdminServer(server, lambda: b"", "text/plain")
    await found.start("127.0.0.1", 0)
    yield Ending(found.port, found.close)
    await server.close()


@asynccontextmanager
async def node_port() -> AsyncGenerator[Ending]:
    async with one_node("n0", [NOBODY], waits_for_bus=False) as node:
        yield Ending(node.node.visits_in.port, node.node.visits_in.close)


@pytest.mark.parametrize("turns", range(6))
@pytest.mark.parametrize("served", [listener, relay, admin, node_port])
async def test_who_comes_as_a_server_ends_is_hung_up_on(
    served: Callable[[], contextlib.AbstractAsyncContextManager[Ending]], turns: int
) -> None:
    async with served() as ending:
        gc.collect()
        gc.disable()
        try:
            with socket.create_connection(("127.0.0.1", ending.port), PATIENCE_S) as client:
                # Accepted in the first of them; then its transport is made.
                for _ in range(turns):
                    await asyncio.sleep(0)
                await ending.close()
                with contextlib.suppress(ConnectionResetError):
                    assert await asyncio.to_thread(client.recv, 1) == b""
        finally:
            gc.enable()
