"""An ASGI server in a few lines: WebSockets of ours, each with the coroutine of an application.

It runs in the loop of the test and leaves nothing behind, so all promises can be tried over it.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import cast

from duologue.connection.asgi import Event, Receive, Send
from duologue.connection.base import Connection, ConnectionState, Message
from duologue.connection.websocket.connection import WebSocketConnection
from duologue.connection.websocket.listener import accept_websockets
from duologue.limits import Limits

AsgiApplication = Callable[[Event, Receive, Send], Awaitable[None]]


class _Bridge:
    """Carries events between one WebSocket and the application."""

    def __init__(self, socket: WebSocketConnection) -> None:
        self._socket = socket
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self._events.put_nowait({"type": "websocket.connect"})

    async def run(self, application: AsgiApplication) -> None:
        """The application's coroutine for this WebSocket."""
        scope: Event = {
            "type": "websocket",
            "path": "/",
            "query_string": b"",
            "headers": [],
            "client": ("127.0.0.1", 1),
        }
        await application(scope, self._events.get, self._send)

    async def _send(self, event: Event) -> None:
        socket = self._socket
        match event["type"]:
            case "websocket.accept":
                socket.on_message.listen(self._take)
                socket.state.on_enter_state.listen(self._note_state)
                self._note_state(socket.state.current_state)
            case "websocket.send" if socket.state.current_state is ConnectionState.OPEN:
                text = event.get("text")
                socket.send(event["bytes"] if text is None else text)
                await socket.drained()
            case "websocket.send":
                raise OSError("the client is gone")
            case _:
                socket.close_as(event["code"], event["reason"])

    def _take(self, message: Message) -> None:
        kind = "text" if isinstance(message, str) else "bytes"
        self._events.put_nowait({"type": "websocket.receive", kind: message})

    def _note_state(self, state: ConnectionState) -> None:
        if state is ConnectionState.CLOSED:
            end = {"code": self._socket.close_code, "reason": self._socket.close_reason}
            self._events.put_nowait({"type": "websocket.disconnect", **end})


@asynccontextmanager
async def asgi_server(application: AsgiApplication, limits: Limits) -> AsyncGenerator[str]:
    """The address of a server that runs `application`, until the block is left."""
    tasks: set[asyncio.Task[None]] = set()

    def begin(connection: Connection) -> None:
        bridge = _Bridge(cast(WebSocketConnection, connection))
        task = asyncio.create_task(bridge.run(application))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    listener = await accept_websockets(begin, limits, host="127.0.0.1")
    try:
        yield f"ws://127.0.0.1:{listener.port}"
    finally:
        listener.close()
        await listener.wait_closed()
        if tasks:
            await asyncio.wait(tasks, timeout=10)
        assert not tasks, "the application has not ended with its WebSockets"
