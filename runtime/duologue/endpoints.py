"""The ways to a conversation: be called at an address, or call one."""

import asyncio
import ssl as tls
from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Self

from duologue.connection.base import Connection
from duologue.connection.websocket import WebSocketListener, accept_websockets, dial_websocket
from duologue.limits import Limits
from duologue.promisifier.promisifier import WebsocketPromisifier, create_websocket_promisifier
from duologue.typed.service import Service, handlers_of

OnPeer = Callable[[WebsocketPromisifier], None]
"""Told of each new conversation before its first message is served: the place to add services by
hand, and to keep the peer if one wants to call it."""


class Server:
    """Services at an address; made by `serve`, runs inside `async with`.

    Leaving the block ends it gracefully: no new connections, calls that run may finish within
    `Limits.drain_timeout_s`, new calls are answered GOING_AWAY, then every connection is closed.
    """

    def __init__(
        self,
        services: Sequence[Service],
        host: str,
        port: int,
        *,
        ssl: tls.SSLContext | None,
        origins: Collection[str],
        hosts: Collection[str] | None,
        limits: Limits,
        on_peer: OnPeer | None,
    ) -> None:
        self._handlers = handlers_of(services)
        self._host = host
        self._port = port
        self._ssl = ssl
        self._origins = origins
        self._hosts = hosts
        self._limits = limits
        self._on_peer = on_peer
        self._listener: WebSocketListener | None = None
        self._peers: set[WebsocketPromisifier] = set()
        self._closed = asyncio.Event()
        self._closing: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """The port in use; the real one where 0 was asked for."""
        if self._listener is None:
            raise RuntimeError("the server is not running; use it in `async with`")
        return self._listener.port

    @property
    def peers(self) -> frozenset[WebsocketPromisifier]:
        """The conversations that are open now."""
        return frozenset(self._peers)

    async def wait_closed(self) -> None:
        """Wait until the server has been closed; `await` it to serve for ever."""
        await self._closed.wait()

    async def close(self) -> None:
        """End gracefully; returns when every connection is closed. May be called again."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close())
        # Shielded: whoever waits may be cancelled, the closing goes on.
        await asyncio.shield(self._closing)

    async def __aenter__(self) -> Self:
        self._listener = await accept_websockets(
            self._accept,
            self._limits,
            host=self._host,
            port=self._port,
            ssl=self._ssl,
            origins=self._origins,
            hosts=self._hosts,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def _accept(self, connection: Connection) -> None:
        peer = create_websocket_promisifier(connection, limits=self._limits)
        self._peers.add(peer)
        peer.on_closed(self._peers.discard)
        peer.add_handlers(self._handlers)
        if self._on_peer is not None:
            self._on_peer(peer)

    async def _close(self) -> None:
        if self._listener is not None:
            self._listener.close()
        await asyncio.gather(*(self._dismiss(peer) for peer in self._peers))
        if self._listener is not None:
            await self._listener.wait_closed()
        self._closed.set()

    async def _dismiss(self, peer: WebsocketPromisifier) -> None:
        await peer.drain(self._limits.drain_timeout_s)
        peer.close("the server is shutting down")
        await peer.promise.wait()


def serve(
    *services: Service,
    host: str = "127.0.0.1",
    port: int = 0,
    ssl: tls.SSLContext | None = None,
    origins: Collection[str] = (),
    hosts: Collection[str] | None = None,
    limits: Limits | None = None,
    on_peer: OnPeer | None = None,
) -> Server:
    """Offer services to whoever connects; use the result in `async with`.

    Browsers send an `Origin`: only those in `origins` may connect. The `Host` a client asked for
    must be this host or a loopback name, with this port, or one of `hosts`: that stops pages that
    point a name of their own at this machine.

    Raises:
        ServiceIdTaken: two services want the same number.
        OSError (on entering): the address cannot be had.
    """
    return Server(
        services,
        host,
        port,
        ssl=ssl,
        origins=origins,
        hosts=hosts,
        limits=limits or Limits(),
        on_peer=on_peer,
    )


@asynccontextmanager
async def connect(
    url: str,
    *,
    offer: Sequence[Service] = (),
    timeout: float | None = None,
    ssl: tls.SSLContext | None = None,
    limits: Limits | None = None,
    on_peer: OnPeer | None = None,
) -> AsyncGenerator[WebsocketPromisifier]:
    """A conversation with the server at `url`, closed when the block is left.

    `offer` are services that the server may call; `timeout` is for reaching it, in seconds
    (default: `Limits.connect_timeout_s`).

    Raises (on entering):
        DeadlineExceeded: it took longer than `timeout`.
        ConnectionClosed: nobody there, or TLS failed; `.sent` is "no".
        ProtocolError: what answers is no WebSocket server, or refuses us.
        ServiceIdTaken: two of the offered services want the same number.
    """
    limits = limits or Limits()
    handlers = handlers_of(offer)
    connection = await dial_websocket(
        url,
        limits,
        ssl=ssl,
        timeout_s=limits.connect_timeout_s if timeout is None else timeout,
    )
    peer = create_websocket_promisifier(connection, limits=limits)
    try:
        peer.add_handlers(handlers)
        if on_peer is not None:
            on_peer(peer)
        yield peer
    finally:
        peer.close()
        await peer.promise.wait()
