"""Accepting WebSocket connections at an address."""

import asyncio
import socket
import ssl as tls
from collections.abc import Callable, Collection, Sequence
from typing import Final, cast

from duologue.connection.addresses import group_of, peer_address
from duologue.connection.opening_request import CheckRequest
from duologue.connection.websocket.arrivals import Arrivals
from duologue.connection.websocket.connection import WebSocketConnection
from duologue.connection.websocket.descriptors import Room, descriptor_limit, room_here
from duologue.connection.websocket.listening import (
    listening_sockets,
    listening_unix_socket,
    remove_unix_socket,
)
from duologue.connection.websocket.own_names import ANY_HOST, AcceptanceRules
from duologue.connection.websocket.refusals import Refusals
from duologue.connection.websocket.server_opening import ServerOpening
from duologue.limits import Limits
from duologue.protocol.newcomers import Newcomers

BACKLOG: Final = 1024
"""Connections that the system keeps until we come to accept them. If it had to drop any, they would
try again only after a second."""

NO_ROOM: Final = "This server has no room for more connections."

GAVE_WAY: Final = "another connection needed its place"

CLOSE_CODE_TRY_LATER: Final = 1013
"""For who was let in when there was room, and has shown himself when there was none any more."""


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
    unix_path: str | None = None,
    has_pulse: bool = True,
    needs_proof: bool = False,
    check_request: CheckRequest | None = None,
    refusals: Refusals | None = None,
) -> "WebSocketListener":
    """Listen at `host` and `port`, at `unix_path`, or at `sock`, a TCP or unix socket.

    Without `host` it is every address of this machine; `port` 0 is any that is free at all of them.

    `on_connection` is called with each connection when it is open, before any message is
    delivered. Until something has come over it, or with `needs_proof` until `let_stay` is called
    for it, it has one of the few places of newcomers: see `max_newcomers`. Refused with HTTP: pages
    of origins that `origins` does not name, requests whose `Host` is neither this address nor a
    loopback name nor in `hosts`, whoever comes above `max_connections`, heads that are too long,
    and what is no WebSocket request. `has_pulse`: see `WebSocketConnection`. `check_request` may
    answer any other request; it is asked before any of it is known to be of a WebSocket.
    `refusals` counts who is refused and tells it in the log.

    Raises:
        ValueError: `host` can be no name of a host.
        OSError: the address cannot be listened at.
    """
    if unix_path is not None:
        sockets = [listening_unix_socket(unix_path, BACKLOG)]
    elif sock is None:
        sockets = await listening_sockets([host or None], port, BACKLOG)
    else:
        sock.setblocking(False)
        sock.listen(BACKLOG)
        sockets = [sock]
    return WebSocketListener(
        sockets,
        on_connection,
        limits,
        asyncio.get_running_loop(),
        AcceptanceRules(origins=tuple(origins), hosts=tuple(hosts or ())),
        bound_host=host or None,
        ssl=ssl,
        has_pulse=has_pulse,
        needs_proof=needs_proof,
        check_request=check_request,
        refusals=refusals,
    )


def _certificate_of(transport: asyncio.Transport) -> bytes | None:
    tunnel: object = transport.get_extra_info("ssl_object")
    if not isinstance(tunnel, tls.SSLObject | tls.SSLSocket):
        return None
    return tunnel.getpeercert(binary_form=True)


def _port_of(sock: socket.socket) -> int:
    place: object = sock.getsockname()
    return int(cast("tuple[str, int]", place)[1]) if isinstance(place, tuple) else 0


class WebSocketListener:
    """Accepts connections until it is closed. Made by `accept_websockets`.

    Invariant: every socket that was accepted is counted until it is gone, so that `wait_closed`
    returns only when nothing of this listener is left.
    """

    def __init__(
        self,
        sockets: Sequence[socket.socket],
        on_connection: Callable[[WebSocketConnection], None],
        limits: Limits,
        loop: asyncio.AbstractEventLoop,
        rules: AcceptanceRules,
        *,
        bound_host: str | None,
        ssl: tls.SSLContext | None,
        has_pulse: bool,
        needs_proof: bool,
        check_request: CheckRequest | None = None,
        refusals: Refusals | None = None,
    ) -> None:
        self.connections: set[WebSocketConnection] = set()
        """Those that are open or closing."""
        self._on_connection = on_connection
        self._limits = limits
        self._loop = loop
        self._rules = rules
        self._check_request = check_request
        self._refusals = Refusals() if refusals is None else refusals
        self._bound_host = bound_host
        self._secure = ssl is not None
        self._has_pulse = has_pulse
        self._on_heard = None if needs_proof else self._note_heard
        wanted = Room(limits.max_connections, limits.max_newcomers)
        self._room = room_here(wanted, descriptor_limit())
        self._newcomers: Newcomers[WebSocketConnection] = Newcomers(
            self._room.newcomers, limits.max_newcomers_per_address
        )
        self._known: set[WebSocketConnection] = set()
        """Those that are no newcomers any more; of these `max_connections` may be."""
        self._inside: set[WebSocketConnection] = set()
        """All that were accepted and are not gone."""
        self._is_closed = False
        self._waiter: asyncio.Future[None] | None = None
        self._port = _port_of(sockets[0])
        self._arrivals: Arrivals[WebSocketConnection] = Arrivals(
            sockets,
            self,
            ssl=ssl,
            handshake_timeout_s=limits.handshake_timeout_s,
            shutdown_timeout_s=limits.close_timeout_s,
        )

    @property
    def port(self) -> int:
        """Where it listens, or listened; 0: at a unix socket."""
        return self._port

    @property
    def sockets(self) -> tuple[socket.socket, ...]:
        """The listening sockets; none once closed."""
        return self._arrivals.sockets

    @property
    def newcomers(self) -> int:
        """Connections that have not shown anything yet."""
        return len(self._newcomers)

    def close(self) -> None:
        """Stop accepting and drop unfinished opening handshakes. Open connections stay."""
        if self._is_closed:
            return
        self._is_closed = True
        for sock in self.sockets:
            remove_unix_socket(sock)
        self._arrivals.close()
        for connection in self._inside - self.connections:
            connection.terminate("server is closing")
        self._wake_if_all_gone()

    async def wait_closed(self) -> None:
        """Wait until it is closed and the last of its connections is gone."""
        if not self._is_gone:
            if self._waiter is None:
                self._waiter = self._loop.create_future()
            # One waiter that is cancelled must not cancel the others.
            await asyncio.shield(self._waiter)
        await self._arrivals.wait_closed()

    def let_stay(self, connection: WebSocketConnection) -> bool:
        """A newcomer has shown who it is; False if there is no room for it, and it is closed."""
        if not self._newcomers.leave(connection):
            return True
        if len(self._known) >= self._room.connections:
            self._refusals.note("no_room")
            connection.close_as(CLOSE_CODE_TRY_LATER, NO_ROOM)
            return False
        self._known.add(connection)
        return True

    # -- for those that arrive ------------------------------------------------------------------

    def admit(self, peer_name: object) -> WebSocketConnection | None:
        """See `Gatekeeper.admit`."""
        if self._is_closed:
            return None
        connection = WebSocketConnection(
            self._judge,
            self._limits,
            self._loop,
            opening_timeout_s=self._limits.handshake_timeout_s,
            on_open=self._note_open,
            on_lost=self.note_lost,
            on_heard=self._on_heard,
            has_pulse=self._has_pulse,
        )
        connection.address_group = group_of(peer_address(peer_name))
        self._inside.add(connection)
        loser = self._newcomers.enter(connection, connection.address_group)
        if loser is not None:
            self._refusals.note("gave_way")
            self._arrivals.turn_away(loser)
            loser.terminate(GAVE_WAY)
        return connection

    def note_lost(self, connection: WebSocketConnection) -> None:
        """See `Gatekeeper.note_lost`."""
        self.connections.discard(connection)
        self._newcomers.leave(connection)
        self._known.discard(connection)
        self._inside.discard(connection)
        self._wake_if_all_gone()

    def _judge(
        self, _connection: WebSocketConnection, transport: asyncio.Transport
    ) -> ServerOpening:
        # A unix socket has no address, and no page can make a browser connect to it.
        address = str(transport.get_extra_info("sockname")[0]) if self._port else ANY_HOST
        return ServerOpening(
            self._rules,
            own_hosts=[address] if self._bound_host is None else [address, self._bound_host],
            port=self._port,
            secure=self._secure,
            is_full=lambda: len(self._known) >= self._room.connections,
            refusals=self._refusals,
            max_message_bytes=self._limits.max_message_bytes,
            check=self._check_request,
            certificate=lambda: _certificate_of(transport),
        )

    def _note_open(self, connection: WebSocketConnection) -> None:
        self._newcomers.note_sign(connection)
        self.connections.add(connection)
        self._on_connection(connection)

    def _note_heard(self, connection: WebSocketConnection) -> None:
        self.let_stay(connection)

    def _wake_if_all_gone(self) -> None:
        if self._is_gone and self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    @property
    def _is_gone(self) -> bool:
        return self._is_closed and not self._inside
