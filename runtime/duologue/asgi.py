"""Services inside an ASGI application: the same port, the same TLS, the same process.

from starlette.applications import Starlette
from starlette.routing import Mount

application = Starlette(routes=[Mount("/api", duologue.asgi.app(Greeter()))])
"""

import logging
from collections.abc import Collection, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, Unpack
from urllib.parse import quote

from duologue.connection.addresses import group_of, peer_address
from duologue.connection.asgi import AsgiConnection, Event, Receive, Send
from duologue.connection.encrypted.allow import Allow
from duologue.connection.opening_request import OpeningRequest, head_of
from duologue.endpoints.arguments import check_arguments
from duologue.endpoints.hosting import Conversations
from duologue.endpoints.manner import ConversationOptions, Manner
from duologue.foreign_text import shown
from duologue.identity import Identity
from duologue.limits import Limits
from duologue.promisifier.promisifier import WebsocketPromisifier
from duologue.typed.service import Offer, Service

if TYPE_CHECKING:
    from duologue.connection.encrypted.gate import EncryptionGate

FORBIDDEN: Final = 403
UPGRADE_REQUIRED: Final = 426
UNAVAILABLE: Final = 503

_log: Final = logging.getLogger("duologue")


def app(
    *services: Service,
    origins: Collection[str] = (),
    identity: Identity | None = None,
    allow: Allow | None = None,
    loopback: bool = False,
    limits: Limits | None = None,
    **options: Unpack[ConversationOptions],
) -> "Application":
    """Offer services to whoever opens a WebSocket at this ASGI application.

    It may be all that a server runs, or be mounted in Starlette or FastAPI; whatever path is left
    for it is its own. `identity`, `allow`, `loopback`, `limits` and the options are those of
    `duologue.serve`. Browsers send an `Origin`: only those in `origins` may connect. `Host` is for
    the server and its other parts to judge.

    What the server decides there, with its setting in uvicorn and in hypercorn:

    * pings that tell whether a silent peer still lives: `--ws-ping-interval`, `--ws-ping-timeout`;
      `websocket_ping_interval`. Plain conversations have no other pulse here; encrypted ones do.
    * the largest message, which should not be below `Limits.max_message_bytes` (1 MiB):
      `--ws-max-size`; `websocket_max_message_size`.
    * compression, which only costs here: `--ws-per-message-deflate false`; hypercorn has none.
    * sockets, how many of them, and TLS: `--limit-concurrency`, `--ssl-keyfile`; `keyfile`. Places
      for newcomers (`Limits.opening_silence_s`) are the server's affair; `Limits.max_connections`
      holds here too, and who comes above it is answered 503.
    * whose address it is (`scope["client"]`), for limits per address. Behind a proxy, have the
      server believe the proxy's `X-Forwarded-For`: `--forwarded-allow-ips`.

    * how the other side has closed: hypercorn does not tell, and each close is a 1006 here.

    When the server stops it closes its WebSockets before it tells the application, so calls that
    run are lost. To let them finish, `await application.close()` before stopping the server.

    Raises:
        TypeError: an argument is of another kind than its type says.
        ValueError: `identity` without `allow`, or the other way round.
        UnsafeKey: a key in `allow` is none to build on.
        ServiceIdTaken: two services want the same number.
    """
    check_arguments("app", origins=origins, identity=identity, allow=allow, loopback=loopback)
    if (identity is None) != (allow is None):
        raise ValueError(
            "app(identity=..., allow=...) go together: who we are, and the keys that may connect; "
            "duologue.ANYONE lets in whoever has a key"
        )
    manner = Manner.of("app", Offer(services), limits, options)
    return Application(manner, origins, identity, allow, loopback=loopback)


class Application:
    """Services at an ASGI server; made by `app`, called by the server."""

    def __init__(
        self,
        manner: Manner,
        origins: Collection[str],
        identity: Identity | None,
        allow: Allow | None,
        *,
        loopback: bool,
    ) -> None:
        self._conversations = Conversations(manner)
        self._limits = manner.limits
        self._origins = frozenset(origins)
        self._connections: set[AsgiConnection] = set()
        self._is_closing = False
        self._gate: EncryptionGate | None = None
        if identity is not None and allow is not None:
            from duologue.connection.encrypted import gate, handshaking

            self._limits = handshaking.carrier_limits(manner.limits)
            self._gate = gate.EncryptionGate(
                identity, allow, manner.limits, self._conversations.welcome, loopback=loopback
            )

    @property
    def peers(self) -> frozenset[WebsocketPromisifier]:
        """The conversations that are open now."""
        return self._conversations.peers

    async def close(self) -> None:
        """End gracefully: running calls may finish within `Limits.drain_timeout_s`.

        Peers that reconnect are told when to: each at a moment of its own, within that time and
        5 s. Whoever comes later is answered 503.
        """
        self._is_closing = True
        if self._gate is not None:
            await self._gate.close()
        await self._conversations.end("the server is shutting down")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def __call__(self, scope: Event, receive: Receive, send: Send) -> None:
        """What ASGI servers call, with each WebSocket and each request."""
        match scope["type"]:
            case "websocket":
                await self._take_in(scope, receive, send)
            case "http":
                await _answer(send, UPGRADE_REQUIRED, "This is a WebSocket.", "http.response")
            case "lifespan":
                await self._live(receive, send)
            case other:
                raise ValueError(f"an ASGI server says {other!r}, which means nothing here")

    async def _take_in(self, scope: Event, receive: Receive, send: Send) -> None:
        # The event that a WebSocket begins with says nothing that the scope does not.
        await receive()
        refusal = self._refusal(scope)
        if refusal is not None:
            _log.info("a WebSocket was refused: %s", refusal[1])
            await _refuse(scope, send, *refusal)
            return
        connection = AsgiConnection(receive, send, self._limits)
        connection.remote_address = _address(scope)
        connection.address_group = group_of(peer_address(tuple(scope.get("client") or ())))
        connection.request = _request(scope)
        self._connections.add(connection)
        try:
            await connection.run(self._begin)
        finally:
            self._connections.discard(connection)

    def _begin(self, connection: AsgiConnection) -> None:
        if self._gate is None:
            self._conversations.welcome(connection)
        else:
            self._gate.admit(connection)

    def _refusal(self, scope: Event) -> tuple[int, str] | None:
        origin = _header(scope, b"origin")
        if origin is not None and origin not in self._origins:
            return FORBIDDEN, f"the origin {shown(origin)} is not in app(origins=...)"
        if self._is_closing:
            return UNAVAILABLE, "the server is shutting down"
        if len(self._connections) >= self._limits.max_connections:
            return UNAVAILABLE, f"there are {self._limits.max_connections} connections already"
        return None

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            event = await receive()
            if event["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            elif event["type"] == "lifespan.shutdown":
                await self.close()
                await send({"type": "lifespan.shutdown.complete"})
                return


async def _refuse(scope: Event, send: Send, status: int, reason: str) -> None:
    extensions: Any = scope.get("extensions") or {}
    if "websocket.http.response" in extensions:
        await _answer(send, status, reason, "websocket.http.response")
    else:
        # ASGI makes this a 403, whatever the reason.
        await send({"type": "websocket.close", "code": 1008, "reason": ""})


async def _answer(send: Send, status: int, text: str, kind: str) -> None:
    body = f"{text}\n".encode()
    headers: list[tuple[bytes, bytes]] = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
    ]
    if status == UPGRADE_REQUIRED:
        headers.append((b"upgrade", b"websocket"))
    await send({"type": f"{kind}.start", "status": status, "headers": headers})
    await send({"type": f"{kind}.body", "body": body})


def _header(scope: Event, name: bytes) -> str | None:
    headers: Iterable[tuple[bytes, bytes]] = scope.get("headers") or ()
    for each, value in headers:
        if each.lower() == name:
            return value.decode("latin-1")
    return None


def _address(scope: Event) -> str | None:
    client: tuple[str, int] | None = scope.get("client")
    if client is None:
        return None
    host, port = client
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _request(scope: Event) -> OpeningRequest:
    raw: bytes = scope.get("raw_path") or quote(scope["path"]).encode()
    query: bytes = scope.get("query_string") or b""
    target = raw + (b"?" + query if query else b"")
    sent: Iterable[tuple[bytes, bytes]] = scope.get("headers") or ()
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in sent]
    return OpeningRequest(target.decode("latin-1"), head_of(headers))
