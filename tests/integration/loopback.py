"""WebSocket connections on loopback, for the tests beside this file."""

import asyncio
import ssl as tls
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from duologue.connection.base import Connection, ConnectionState, Message
from duologue.connection.websocket.connection import WebSocketConnection
from duologue.connection.websocket.dial import dial_websocket
from duologue.connection.websocket.listener import WebSocketListener, accept_websockets
from duologue.limits import Limits
from tests.stopwatch import PATIENCE_S as PATIENCE_S

SAMPLES: tuple[Message, ...] = (
    *("", "é", "x" * 125, "x" * 126, "€" * 30_000, "x" * 1_048_576),
    *(b"", b"\x00\xff", b"x" * 65_535, b"x" * 65_536, b"\x80" * 1_048_576),
)


@pytest.fixture(autouse=True)
async def nothing_is_left() -> AsyncIterator[None]:
    """No task, no timer and no unheard exception may be left behind by a test."""
    loop = asyncio.get_running_loop()
    complaints: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _loop, context: complaints.append(context))
    tasks_before = asyncio.all_tasks()
    yield
    for _ in range(5):
        await asyncio.sleep(0)
    timers: list[asyncio.TimerHandle] = vars(loop)["_scheduled"]

    def left() -> list[object]:
        tasks = asyncio.all_tasks() - tasks_before - {asyncio.current_task()}
        return [*tasks, *(timer for timer in timers if not timer.cancelled())]

    # The other end of a connection that was closed may be as late as the machine is busy.
    for _ in range(50):
        if not left():
            break
        await asyncio.sleep(0.01)
    assert complaints == [], f"nobody heard of {complaints}"
    assert left() == [], f"left behind: {left()}"


class Served:
    """A listener of ours and what it has accepted."""

    def __init__(self, accepted: asyncio.Queue[WebSocketConnection]) -> None:
        self._accepted = accepted
        self.listener: WebSocketListener

    @property
    def port(self) -> int:
        return self.listener.port

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    async def next(self) -> WebSocketConnection:
        async with asyncio.timeout(PATIENCE_S):
            return await self._accepted.get()


@asynccontextmanager
async def serving(
    limits: Limits | None = None,
    *,
    echo: bool = False,
    host: str = "127.0.0.1",
    ssl: tls.SSLContext | None = None,
    origins: tuple[str, ...] = (),
    hosts: tuple[str, ...] = (),
) -> AsyncGenerator[Served]:
    accepted: asyncio.Queue[WebSocketConnection] = asyncio.Queue()
    served = Served(accepted)

    def accept(connection: WebSocketConnection) -> None:
        if echo:
            connection.on_message.listen(connection.send)
        accepted.put_nowait(connection)

    served.listener = await accept_websockets(
        accept, limits or Limits(), host=host, ssl=ssl, origins=origins, hosts=hosts
    )
    try:
        yield served
    finally:
        served.listener.close()
        for connection in tuple(served.listener.connections):
            connection.terminate("the test is over")
        async with asyncio.timeout(PATIENCE_S):
            await served.listener.wait_closed()


@asynccontextmanager
async def dialled(
    url: str, limits: Limits | None = None, **options: Any
) -> AsyncGenerator[WebSocketConnection]:
    connection = await dial_websocket(url, limits or Limits(), timeout_s=PATIENCE_S, **options)
    try:
        yield connection
    finally:
        connection.terminate("the test is over")
        await asyncio.sleep(0)


async def closed(connection: Connection) -> tuple[int | None, str]:
    """Wait for the end; its code and reason."""
    event = asyncio.Event()
    connection.state.on_enter_state.listen(
        lambda state: event.set() if state is ConnectionState.CLOSED else None
    )
    if connection.state.current_state is not ConnectionState.CLOSED:
        async with asyncio.timeout(PATIENCE_S):
            await event.wait()
    return connection.close_code, connection.close_reason


class Inbox:
    def __init__(self, connection: Connection) -> None:
        self._queue: asyncio.Queue[Message] = asyncio.Queue()
        connection.on_message.listen(self._queue.put_nowait)

    async def next(self) -> Message:
        async with asyncio.timeout(PATIENCE_S):
            return await self._queue.get()
