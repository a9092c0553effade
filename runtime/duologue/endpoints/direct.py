"""The ways to a conversation: be called at an address, or call one.

`websockets` is imported when the first connection is made or waited for, and encryption when an
identity is given: the first doubles this import, and programs that only use the types of a contract
never need it; the second is for those who encrypt.
"""

import socket
import ssl as tls
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Unpack

from duologue.connection.addresses import ProxyChoice
from duologue.connection.base import Connection
from duologue.connection.encrypted.allow import Allow
from duologue.connection.opening_request import CheckRequest, request_headers
from duologue.connection.websocket.refusals import Refusal, Refusals
from duologue.endpoints.arguments import check_arguments
from duologue.endpoints.guest import Lasting, Visit
from duologue.endpoints.hosting import Host
from duologue.endpoints.manner import AGENT, ConversationOptions, Manner
from duologue.endpoints.redialling import Dial
from duologue.endpoints.wrong_side import in_plain_words, of_encrypted_caller
from duologue.errors import HandshakeFault
from duologue.identity import Identity
from duologue.limits import Limits
from duologue.promisifier.on_connected import OnConnected
from duologue.promisifier.promisifier import WebsocketPromisifier
from duologue.protocol.backoff import Backoff
from duologue.protocol.keys import public_key_of
from duologue.typed.service import Offer, Service

if TYPE_CHECKING:
    from duologue.connection.encrypted.gate import EncryptionGate
    from duologue.connection.websocket.listener import WebSocketListener


@dataclass(frozen=True, slots=True)
class Place:
    """Where a server listens."""

    host: str | None
    port: int
    sock: socket.socket | None
    unix_path: str | None

    def __post_init__(self) -> None:
        if self.sock is not None and self.unix_path is not None:
            raise ValueError("serve(sock=..., unix_path=...): a server listens at one of them")


class Server(Host):
    """Services at an address; made by `serve`, runs inside `async with`.

    Leaving the block ends it gracefully: no new connections, calls that run may finish within
    `Limits.drain_timeout_s`, new calls are answered GOING_AWAY, then every connection is closed.
    Peers that reconnect are told when to: each at a moment of its own, within that time and 5 s.
    """

    kind = "server"

    def __init__(
        self,
        manner: Manner,
        place: "Place",
        *,
        ssl: tls.SSLContext | None,
        origins: Collection[str],
        hosts: Collection[str] | None,
        identity: Identity | None,
        allow: Allow | None,
        loopback: bool,
        check_request: CheckRequest | None,
    ) -> None:
        super().__init__(manner)
        self._check_request = check_request
        self._place = place
        self._ssl = ssl
        self._origins = origins
        self._hosts = hosts
        self._refusals = Refusals()
        self._limits = manner.limits
        self._key = None if identity is None else identity.public_key
        self._gate: EncryptionGate | None = None
        if identity is not None and allow is not None:
            from duologue.connection.encrypted import gate, handshaking

            self._limits = handshaking.carrier_limits(manner.limits)
            self._gate = gate.EncryptionGate(
                identity,
                allow,
                manner.limits,
                self._conversations.welcome,
                loopback=loopback,
                may_stay=self._may_stay,
            )
        self._listener: WebSocketListener | None = None

    @property
    def port(self) -> int:
        """The port in use; the real one where 0 was asked for; 0 at a unix socket.

        Raises:
            RuntimeError: the server has not been entered.
        """
        if self._listener is None:
            raise RuntimeError(f"the {self.kind} is not running; use it in `async with`")
        return self._listener.port

    def _where(self) -> str:
        place = self._place
        key = "" if self._key is None else f" key={self._key.hex()[:8]}"
        if place.unix_path is not None:
            return f"at {place.unix_path}{key}"
        port = place.port if self._listener is None else self._listener.port
        return f"at {place.host or '*'}:{port}{key}"

    @property
    def rejected(self) -> Mapping[HandshakeFault, int]:
        """How many encrypted connections came to nothing, by what was wrong; a live view."""
        return {} if self._gate is None else self._gate.rejected

    @property
    def refused(self) -> Mapping[Refusal, int]:
        """How many were turned away before they could say anything, by why; a live view.

        `host`: the name in `Host` is none of ours, see `hosts` of `serve`. `origin`: a page that
        `origins` does not name. `no_room`: above `Limits.max_connections`, or above what the
        system's limit on open files leaves of it. `gave_way`: ended in favour of a newer one, see
        `Limits.max_newcomers` and `max_newcomers_per_address`. Which hosts and origins is in
        the log, once each.
        """
        return self._refusals.counts

    async def _open(self) -> None:
        from duologue.connection.websocket.listener import accept_websockets

        self._listener = await accept_websockets(
            self._conversations.welcome if self._gate is None else self._gate.admit,
            self._limits,
            host=self._place.host,
            port=self._place.port,
            sock=self._place.sock,
            unix_path=self._place.unix_path,
            ssl=self._ssl,
            origins=self._origins,
            hosts=self._hosts,
            # An encrypted conversation has a pulse of its own, inside.
            has_pulse=self._gate is None,
            needs_proof=self._gate is not None,
            check_request=self._check_request,
            refusals=self._refusals,
        )

    def _may_stay(self, connection: Connection) -> bool:
        from duologue.connection.websocket.connection import WebSocketConnection

        # The gate knows connections of any kind; those of a server are of this one.
        listener = self._listener
        if listener is None or not isinstance(connection, WebSocketConnection):
            return True
        return listener.let_stay(connection)

    async def _close(self) -> None:
        if self._listener is not None:
            self._listener.close()
        if self._gate is not None:
            await self._gate.close()
        await self._conversations.end("the server is shutting down")
        if self._listener is not None:
            await self._listener.wait_closed()


def serve(
    *services: Service,
    host: str | None = "127.0.0.1",
    port: int = 0,
    sock: socket.socket | None = None,
    unix_path: str | None = None,
    ssl: tls.SSLContext | None = None,
    origins: Collection[str] = (),
    hosts: Collection[str] | None = None,
    identity: Identity | None = None,
    allow: Allow | None = None,
    loopback: bool = False,
    check_request: CheckRequest | None = None,
    limits: Limits | None = None,
    **options: Unpack[ConversationOptions],
) -> Server:
    """Offer services to whoever connects; use the result in `async with`.

    `host=None` is every address of this machine; `port=0` any port that is free there. In place of
    both: `sock`, a TCP or unix socket that is bound already, or `unix_path`, where a unix socket is
    made (and taken away at the end). Whoever may write to it may connect.

    With `identity` every conversation is encrypted, and only holders of the keys in `allow` may
    have one: a set of keys (32 bytes or 64 hex digits each), a function that is asked with each
    key, or `duologue.ANYONE`. `peer.remote_key` tells who it is. `loopback` lets this identity
    call itself.

    Browsers send an `Origin`: only those in `origins` may connect. The `Host` a client asked for
    must be this host with this port, or a loopback name, or one of `hosts`: that stops pages that
    point a name of their own at this machine. Who is refused learns why, and so does the log, once
    for each name; `Server.refused` counts them.

    `ctx.peer.request` has path, query, headers and client certificate of the request that opened
    a connection. `check_request`, a plain function, is asked with each of them, if `Host` is this
    server's and there is room: `HttpAnswer(200, "ok")` answers a health check, `HttpAnswer(401)`
    refuses who has no token, None lets it go on. It must not block.

    `profile="base"` says no hello, for peers that must see the base profile and nothing else.
    Services of the other side may have been generated from another contract than our clients: calls
    go through unless `contracts="same"`. `on_peer` is told of each new peer
    before its first message is served. `ConversationOptions` lists all that this function shares
    with `connect`, `listen` and `dial`.

    Raises:
        TypeError: an argument is of another kind than its type says.
        ValueError: `identity` without `allow`, or the other way round; an argument is out of
            bounds.
        UnsafeKey: a key in `allow` is none to build on.
        ServiceIdTaken: two services want the same number.
        ValueError (on entering): `host` can be no name of a host.
        OSError (on entering): the address cannot be had.
        RuntimeError (on entering): it has been entered before.
    """
    check_arguments(
        "serve",
        host=host,
        port=port,
        sock=sock,
        unix_path=unix_path,
        ssl=ssl,
        origins=origins,
        hosts=hosts,
        identity=identity,
        allow=allow,
        loopback=loopback,
        check_request=check_request,
    )
    if identity is not None and allow is None:
        raise ValueError(
            "serve(identity=...) needs allow=, the keys that may connect; to let anybody in who "
            "has a key of their own, say allow=duologue.ANYONE"
        )
    if identity is None and (allow is not None or loopback):
        raise ValueError("serve(allow=...) needs identity=: without it nobody proves a key")
    manner = Manner.of("serve", Offer(services), limits, options)
    return Server(
        manner,
        Place(host, port, sock, unix_path),
        ssl=ssl,
        origins=origins,
        hosts=hosts,
        identity=identity,
        allow=allow,
        loopback=loopback,
        check_request=check_request,
    )


@asynccontextmanager
async def connect(
    url: str,
    *,
    offer: Sequence[Service] = (),
    timeout: float | None = None,
    ssl: tls.SSLContext | None = None,
    proxy: ProxyChoice = True,
    unix_path: str | None = None,
    headers: Mapping[str, str] | None = None,
    user_agent: str | None = None,
    identity: Identity | None = None,
    to: bytes | str | None = None,
    loopback: bool = False,
    limits: Limits | None = None,
    on_connected: OnConnected | None = None,
    reconnect: bool = False,
    backoff: Backoff | None = None,
    open_timeout: float | None = None,
    **options: Unpack[ConversationOptions],
) -> AsyncGenerator[WebsocketPromisifier]:
    """A conversation with the server at `url`, closed when the block is left.

    `offer` are services that the server may call; `timeout` is for each try to reach it, in seconds
    (default: `Limits.connect_timeout_s`). With `identity` the conversation is encrypted, and only
    the holder of the key `to` (32 bytes or 64 hex digits) can have it; `peer.remote_key` is that
    key once a frame has proved it. `loopback` allows `to` to be our own key. `profile` and
    `contracts` are as in `serve`.

    The way there leads through the proxy that the environment names (`https_proxy` and so on, less
    `no_proxy`; never for this machine), or through `proxy`, as in
    `http://user:password@host:3128` or `socks5h://host:1080` (for SOCKS: `duologue[proxy]`); None:
    through none. With `unix_path` it is the socket there, and the host in `url` is only a name.

    `headers` go with the request that opens the connection, a token in `Authorization`, say;
    `user_agent` is `User-Agent`, by default this library and its version. They are seen by whoever
    carries the connection; encryption begins behind them.

    With `reconnect` entering waits until the server is there, and the peer outlives its connection:
    whenever that is lost, or closed by the other side, another one is made, after a random pause
    (`backoff`, see `Backoff`) of at most 2 s for the first four tries and 30 s later, and at most
    six times in 30 s. A call that is made meanwhile has the next try come at once, if the last is
    more than 1 s ago. `Retry-After` is obeyed, up to 60 s, and so is a server that ends and says
    when to come back.

    Services stay offered and subscriptions go on; `on_peer` is called once. Calls that are made
    meanwhile leave over the new connection, and so do open ones again if their contract declares
    them `read` or `idempotent`, or if the other side has said that it was going away and has not
    run them; all within their deadlines. Other open calls fail with `ConnectionClosed`. A call
    without a deadline (`send`) waits for ever. Events for the other side are dropped and counted.

    `on_connected`, a function or coroutine function, is called with the peer each time a
    conversation stands, before anything that waits leaves: the place to register again, to log in.
    Then subscriptions are renewed, then calls leave that were made meanwhile. Calls and
    subscriptions made in it leave at once. If it raises, or takes more than
    `Limits.connect_timeout_s`, the connection is given up and tried again, as after any failure.
    Without `reconnect` it is called once, and what it raises comes out of here.

    `peer.state` and `peer.state_changes()` tell how things stand, `peer.stats.reconnects_total` how
    often it came back. It ends when the block is left, after `peer.close()`, or when another try
    could not do better, because the other side refuses us (an HTTP 401 or 403 twice in a row, a key
    that is not allowed) or is somebody else: `peer.promise` and later calls then raise
    `ConnectionClosed` with the reason as its cause. Before the first conversation a wrong address
    ends it too: an HTTP answer like 404, a redirect, a page, anything that is no WebSocket, or a
    certificate that does not fit; these raise on entering, and so does any 401 and 403.
    `open_timeout` bounds the waiting, in seconds; None waits for ever, and a warning in the log
    tells once a minute why.

    Raises (on entering):
        ValueError: `identity` without `to`, or the other way round; `url` is no ws: or wss:
            address, or its host can be no name; `backoff` without `reconnect`; a number of
            seconds is not above 0.
        UnsafeKey: `to` is no key to build on.
        KeyNotAllowed: the other side does not let this identity in.
        HandshakeFailed: the other side broke the rules of the handshake, or refused us.
        DeadlineExceeded: it took longer than `timeout` or `open_timeout`.
        ConnectionClosed: nobody there, TLS failed, or it was closed at once; `.sent` is "no".
            `HttpUnavailable` if the server has trouble (HTTP 408, 425, 429, 5xx).
        ProtocolError: what answers is no WebSocket server, or refuses us; `HttpRefused` if it did
            so by an HTTP status. Or it is a relay, or a service that encrypts.
        ServiceIdTaken: two of the offered services want the same number.
        TypeError: an argument is of another kind than its type says, such as one service in the
            place of several in `offer`.
    """
    check_arguments(
        "connect",
        url=url,
        offer=offer,
        timeout=timeout,
        ssl=ssl,
        proxy=proxy,
        unix_path=unix_path,
        headers=headers,
        user_agent=user_agent,
        identity=identity,
        to=to,
        loopback=loopback,
        on_connected=on_connected,
        reconnect=reconnect,
        backoff=backoff,
        open_timeout=open_timeout,
    )
    manner = Manner.of("connect", Offer(offer), limits, options)
    limits = manner.limits
    seconds = limits.connect_timeout_s if timeout is None else timeout
    from duologue.connection.websocket.dial import dial_websocket

    sent = request_headers(headers, AGENT if user_agent is None else user_agent)
    carrier = partial(dial_websocket, url, ssl=ssl, proxy=proxy, unix_path=unix_path, headers=sent)
    dial: Dial
    if identity is None:
        if to is not None or loopback:
            raise ValueError("connect(to=...) needs identity=: an encrypted conversation has two")
        dial = partial(carrier, limits, timeout_s=seconds)
    else:
        if to is None:
            raise ValueError("connect(identity=...) needs to=, the key of whom to speak with")
        from duologue.connection.encrypted.dial import dial_encrypted

        async def dial_carrier(limits: Limits, timeout_s: float) -> Connection:
            # An encrypted conversation has a pulse of its own, inside.
            return await carrier(limits, timeout_s=timeout_s, has_pulse=False)

        target = public_key_of(to)
        dial = partial(
            dial_encrypted,
            dial_carrier,
            identity,
            target,
            limits,
            loopback=loopback,
            timeout_s=seconds,
        )
    lasting = Lasting(
        reconnect=reconnect,
        backoff=backoff,
        open_timeout_s=open_timeout,
        on_connected=on_connected,
    )
    explain = in_plain_words if identity is None else of_encrypted_caller
    async with Visit(dial, manner, lasting, partial(explain, url)) as peer:
        yield peer
