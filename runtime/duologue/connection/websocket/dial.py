"""Opening a WebSocket connection to an address."""

import asyncio
import ssl as tls
from collections.abc import Sequence
from functools import lru_cache

from websockets.exceptions import InvalidURI
from websockets.uri import WebSocketURI, parse_uri

from duologue.connection.addresses import ProxyChoice
from duologue.connection.websocket.client_opening import ClientOpening
from duologue.connection.websocket.connection import WebSocketConnection
from duologue.connection.websocket.happy_eyeballs import connected_socket, connected_unix_socket
from duologue.connection.websocket.host_names import check_address, check_host_name
from duologue.connection.websocket.proxies import connected_through, proxy_for
from duologue.errors import ConnectionClosed, DeadlineExceeded
from duologue.limits import Limits
from duologue.protocol.wording import words_of


async def dial_websocket(
    url: str,
    limits: Limits,
    *,
    ssl: tls.SSLContext | None = None,
    headers: Sequence[tuple[str, str]] = (),
    origin: str | None = None,
    proxy: ProxyChoice = None,
    unix_path: str | None = None,
    timeout_s: float,
    has_pulse: bool = True,
) -> WebSocketConnection:
    """Open a connection to `url`, ws: or wss:; `timeout_s` covers all of it.

    `has_pulse`: see `WebSocketConnection`.

    `proxy` leads there: its address, or True for what the environment says (see `proxy_for`).

    With `unix_path` the socket there is spoken to, and the host of `url` is only a name.

    Redirects are not followed. Without `ssl`, wss: uses the system's certificates.

    Raises:
        ValueError: `url` is not a WebSocket address, `ssl` was given for ws:, or `proxy` is none.
        DeadlineExceeded: it took longer than `timeout_s`.
        ConnectionClosed: nobody there, TLS failed, or the server has trouble (HTTP 5xx);
            another try may do better.
        ProtocolError: what answers is no WebSocket server, or refuses us.
    """
    uri = _parsed(url)
    if ssl is not None and not uri.secure:
        raise ValueError("ssl is for wss: addresses only")
    address = _address(uri)
    way = None if unix_path is not None else proxy_for(uri, proxy)
    loop = asyncio.get_running_loop()
    opened: asyncio.Future[bool] = loop.create_future()

    def settle(is_open: bool) -> None:
        if not opened.done():
            opened.set_result(is_open)

    connection = WebSocketConnection(
        lambda _connection, _transport: ClientOpening(
            uri,
            address,
            headers=headers,
            origin=origin,
            max_message_bytes=limits.max_message_bytes,
        ),
        limits,
        loop,
        opening_timeout_s=None,
        on_open=lambda _connection: settle(True),
        on_lost=lambda _connection: settle(False),
        has_pulse=has_pulse,
    )
    patience = asyncio.timeout(timeout_s)
    context = (ssl or tls.create_default_context()) if uri.secure else None
    is_agreeing = False
    try:
        async with patience:
            if unix_path is not None:
                sock = await connected_unix_socket(unix_path)
            elif way is None:
                sock = await connected_socket(uri.host, uri.port)
            else:
                sock = await connected_through(way, uri)
            is_agreeing = uri.secure
            await loop.create_connection(
                lambda: connection,
                sock=sock,
                ssl=context,
                server_hostname=uri.host if uri.secure else None,
                ssl_shutdown_timeout=limits.close_timeout_s if uri.secure else None,
            )
            is_open = await opened
    except OSError as error:
        connection.terminate("not opened")
        if patience.expired():
            raise DeadlineExceeded(f"{address} was not open after {timeout_s:g} s") from error
        why = _why_not(address, error, is_agreeing=is_agreeing)
        raise ConnectionClosed(1006, why, sent="no") from error
    except asyncio.CancelledError:
        connection.terminate("not opened")
        raise
    if not is_open:
        raise connection.failure or ConnectionClosed(1006, f"{address} went away", sent="no")
    return connection


def _why_not(address: str, error: OSError, *, is_agreeing: bool) -> str:
    """Why nobody was reached, or with whom no TLS was agreed on, and what may help."""
    if isinstance(error, tls.SSLCertVerificationError):
        return (
            f"cannot reach {address}: its certificate is not trusted: {error.verify_message}; "
            "ssl= takes a context that trusts it"
        )
    if is_agreeing:
        return (
            f"cannot reach {address}: TLS failed: {words_of(error)}; if that port has none, it is "
            f"ws{address.removeprefix('wss')}"
        )
    if isinstance(error, ConnectionRefusedError):
        return f"{address} refused the connection"
    return f"cannot reach {address}: {words_of(error)}"


# Who comes back, and who listens, dials the same few addresses. The standard library keeps what it
# has split in just this way.
@lru_cache(maxsize=64)
def _parsed(url: str) -> WebSocketURI:
    check_address(url)
    try:
        uri = parse_uri(url)
    except InvalidURI as error:
        # Its own text repeats the address, passwords included.
        raise ValueError(f"not a ws: or wss: address: {error.msg}") from None
    except ValueError as error:
        raise ValueError(f"not a ws: or wss: address: {error}") from None
    check_host_name(uri.host)
    return uri


def _address(uri: WebSocketURI) -> str:
    """The address without what may be secret: no user, no password, no query."""
    host = f"[{uri.host}]" if ":" in uri.host else uri.host
    return f"{'wss' if uri.secure else 'ws'}://{host}:{uri.port}{uri.path}"
