"""Accepting WebSocket connections at an address."""

import asyncio
import socket
import ssl as tls
from collections.abc import Callable, Collection
from typing import Final

from duologue.connection.websocket.connection import WebSocketConnection
from duologue.connection.websocket.listening import listening_sockets
from duologue.connection.websocket.opening import AcceptanceRules, ServerOpening
from duologue.limits import Limits

MAX_WAITING_REFUSALS: Final = 100
"""Connections above the limit that are still read from, so that they get to see HTTP 503. More
than these are dropped unheard."""

BACKLOG: Final = 100
"""Connections that the system keeps until we come to accept them."""

ACCEPTING_TURNS: Final = 4
"""Loop turns from accepting a socket, in asyncio, to having dropped it."""


async def accept_websockets(
    on_connection: Callable[[WebSocketConnection], None],
    limits: Limits,
    *,
    host: str | None = None,
    port: int = 0,
    ssl: tls.SSLContext | None = None,
    origins: Collection[str] = (),
    hosts: Collection[str] | None = None,
    sock: socket.socket | None = None,
    has_pulse: bool = True,
) -> "WebSocketListener":
    """Listen at `host` and `port`, or at `sock`, a TCP socket.

    Without `host` it is every address of this machine; `port` 0 is any that is free at all of them.

    `on_connection` is called with each connection when it is open, before any message is
    delivered. Refused with HTTP: pages of origins that `origins` does not name, requests whose
    `Host` is neither this address nor a loopback name nor in `hosts`, whoever comes above
    `max_connections`, heads that are too long, and what is no WebSocket request. `has_pulse`: see
    `WebSocketConnection`.

    Raises:
        ValueError: `host` can be no name of a host.
        OSError: the address cannot be listened at.
    """
    loop = asyncio.get_running_loop()
    listener = WebSocketListener(
        on_connection,
        limits,
        loop,
        AcceptanceRules(origins=tuple(origins), hosts=tuple(hosts or ())),
        bound_host=host or None,
        secure=ssl is not None,
        has_pulse=has_pulse,
    )
    # asyncio refuses these two without TLS.
    tls_timeout_s = limits.handshake_timeout_s if ssl is not None else None
    tls_close_timeout_s = limits.close_timeout_s if ssl is not None else None
    sockets = [sock] if sock else await listening_sockets([host or None], port, BACKLOG)
    for each in sockets:
        listener.start(
            await loop.create_server(
                listener.make_connection,
                sock=each,
                ssl=ssl,
                ssl_handshake_timeout=tls_timeout_s,
                ssl_shutdown_timeout=tls_close_timeout_s,
            )
        )
    return listener


class WebSocketListener:
    """Accepts connections until it is closed. Made by `accept_websockets`.

    Invariant: every socket that was accepted is counted until it is gone, so that `wait_closed`
    returns only when nothing of this listener is left.
    """

    def __init__(
        self,
        on_connection: Callable[[WebSocketConnection], None],
        limits: Limits,
        loop: asyncio.AbstractEventLoop,
        rules: AcceptanceRules,
        *,
        bound_host: str | None,
        secure: bool,
        has_pulse: bool,
    ) -> None:
        self.connections: set[WebSocketConnection] = set()
        """Those that are open or closing."""
        self._on_connection = on_connection
        self._limits = limits
        self._loop = loop
        self._rules = rules
        self._bound_host = bound_host
        self._secure = secure
        self._has_pulse = has_pulse
        self._servers: list[asyncio.Server] = []
        self._port = 0
        self._is_closed = False
        self._admitted: set[WebSocketConnection] = set()
        """Open ones, and those that may be once their opening handshake is done."""
        self._refused: set[WebSocketConnection] = set()
        """Those above `max_connections`, until they have been told."""
        self._waiter: asyncio.Future[None] | None = None

    @property
    def port(self) -> int:
        """Where it listens, or listened."""
        return self._port

    @property
    def sockets(self) -> tuple[socket.socket, ...]:
        """The listening sockets; none once closed."""
        return tuple(sock for server in self._servers for sock in server.sockets)

    def close(self) -> None:
        """Stop accepting and drop unfinished opening handshakes. Open connections stay."""
        if self._is_closed:
            return
        self._is_closed = True
        for server in self._servers:
            server.close()
        for connection in (self._admitted | self._refused) - self.connections:
            connection.terminate("server is closing")
        self._wake_if_all_gone()

    async def wait_closed(self) -> None:
        """Wait until it is closed and the last of its connections is gone."""
        if not self._is_gone:
            if self._waiter is None:
                self._waiter = self._loop.create_future()
            # One waiter that is cancelled must not cancel the others.
            await asyncio.shield(self._waiter)
        # What asyncio had accepted when we closed comes to us later, and is dropped then.
        for _ in range(ACCEPTING_TURNS):
            await asyncio.sleep(0)

    def start(self, server: asyncio.Server) -> None:
        """For `accept_websockets`: an asyncio server that feeds this listener."""
        self._servers.append(server)
        address = server.sockets[0].getsockname()
        self._port = int(address[1])

    def make_connection(self) -> WebSocketConnection:
        """For `accept_websockets`: the protocol of one accepted socket."""

        return WebSocketConnection(
            self._judge,
            self._limits,
            self._loop,
            opening_timeout_s=self._limits.handshake_timeout_s,
            on_open=self._note_open,
            on_lost=self._note_lost,
            has_pulse=self._has_pulse,
        )

    def _judge(
        self, connection: WebSocketConnection, transport: asyncio.Transport
    ) -> ServerOpening:
        is_full = len(self._admitted) >= self._limits.max_connections
        (self._refused if is_full else self._admitted).add(connection)
        if self._is_closed or len(self._refused) > MAX_WAITING_REFUSALS:
            transport.abort()
        address, port, *_ = transport.get_extra_info("sockname")
        return ServerOpening(
            self._rules,
            own_hosts=[address] if self._bound_host is None else [address, self._bound_host],
            port=port,
            secure=self._secure,
            is_full=is_full,
            max_message_bytes=self._limits.max_message_bytes,
        )

    def _note_open(self, connection: WebSocketConnection) -> None:
        self.connections.add(connection)
        self._on_connection(connection)

    def _note_lost(self, connection: WebSocketConnection) -> None:
        self.connections.discard(connection)
        self._admitted.discard(connection)
        self._refused.discard(connection)
        self._wake_if_all_gone()

    def _wake_if_all_gone(self) -> None:
        if self._is_gone and self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    @property
    def _is_gone(self) -> bool:
        return self._is_closed and not self._admitted and not self._refused
