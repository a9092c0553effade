"""Servers of other kinds, made of asyncio's streams."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None] | None]


@asynccontextmanager
async def stream_server(serve: Serve, port: int = 0, *, backlog: int = 100) -> AsyncGenerator[int]:
    """Serve at a port of this machine, which is given; with 0 at one that is free."""
    server = await asyncio.start_server(serve, "127.0.0.1", port, backlog=backlog)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        await close_server(server)


async def close_server(server: asyncio.Server) -> None:
    """Accept nobody any more; those that are there stay.

    asyncio loses a connection that it has accepted in the turn before `Server.close`: nobody closes
    that socket. So nobody may be on the way then.
    """
    loop = asyncio.get_running_loop()
    for sock in server.sockets:
        loop.remove_reader(sock.fileno())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    server.close()
