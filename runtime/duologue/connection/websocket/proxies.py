"""Ways through a proxy: HTTP's CONNECT (RFC 9110 9.3.6), and SOCKS."""

import asyncio
import base64
import socket
from http import HTTPStatus
from typing import Final

from websockets.exceptions import InvalidProxy
from websockets.proxy import Proxy, get_proxy, parse_proxy
from websockets.uri import WebSocketURI

from duologue.connection.addresses import ProxyChoice, is_loopback
from duologue.connection.websocket.happy_eyeballs import connected_socket
from duologue.foreign_text import shown
from duologue.protocol.wording import words_of

MAX_ANSWER_BYTES: Final = 16_384
"""Of a proxy that is asked to connect: a status line and headers that nobody reads."""


def proxy_for(uri: WebSocketURI, choice: ProxyChoice) -> Proxy | None:
    """The proxy that leads to `uri`, if one is to be used.

    The environment says so by `wss_proxy`, `ws_proxy`, `socks_proxy`, `https_proxy`, `http_proxy`
    and `no_proxy`; for this machine it is not asked.

    Raises:
        ValueError: it is no address of a proxy, or one that cannot be used.
    """
    address = choice
    if choice is True:
        address = None if is_loopback(uri.host) else get_proxy(uri)
    if address is None or address is True:
        return None
    try:
        proxy = parse_proxy(address)
    except (InvalidProxy, ValueError) as error:
        # Its own text repeats the address, passwords included.
        reason = error.msg if isinstance(error, InvalidProxy) else str(error)
        raise ValueError(f"not the address of a proxy: {reason}") from None
    if proxy.scheme == "https":
        raise ValueError(
            f"{_shown(proxy)}: a proxy that itself speaks TLS cannot be used; most of them listen "
            "for http:// too"
        )
    return proxy


async def connected_through(proxy: Proxy, uri: WebSocketURI) -> socket.socket:
    """A socket that leads to the host of `uri`, and on which nothing has been said yet.

    Raises:
        OSError: the proxy cannot be reached, or refuses; says what the proxy said.
        ValueError: it is a SOCKS proxy, and the package for those is not installed.
    """
    if proxy.scheme.startswith("socks"):
        return await _through_socks(proxy, uri)
    try:
        sock = await connected_socket(proxy.host, proxy.port)
    except OSError as error:
        raise OSError(f"the proxy {_shown(proxy)} cannot be reached: {words_of(error)}") from error
    is_through = False
    try:
        await _ask(sock, proxy, uri)
        is_through = True
    finally:
        if not is_through:
            sock.close()
    return sock


async def _ask(sock: socket.socket, proxy: Proxy, uri: WebSocketURI) -> None:
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(sock, _request(proxy, uri))
    answer = b""
    while b"\r\n\r\n" not in answer:
        # The other side does not speak first, so nothing of what it says is read here.
        piece = await loop.sock_recv(sock, MAX_ANSWER_BYTES)
        answer += piece
        if not piece or len(answer) > MAX_ANSWER_BYTES:
            raise OSError(f"the proxy {_shown(proxy)} gives no answer that HTTP knows")
    version, _, status_line = answer.partition(b"\r\n")[0].decode("latin-1").partition(" ")
    code = status_line[:3]
    if not version.startswith("HTTP/1.") or not code.isdecimal():
        raise OSError(f"the proxy {_shown(proxy)} gives no answer that HTTP knows")
    if int(code) // 100 != HTTPStatus.OK // 100:
        raise OSError(f"the proxy {_shown(proxy)} answered {shown(status_line)}")


def _request(proxy: Proxy, uri: WebSocketURI) -> bytes:
    host = f"[{uri.host}]" if ":" in uri.host else uri.host
    lines = [f"CONNECT {host}:{uri.port} HTTP/1.1", f"Host: {host}:{uri.port}"]
    if proxy.username is not None:
        secret = base64.b64encode(f"{proxy.username}:{proxy.password}".encode()).decode()
        lines.append(f"Proxy-Authorization: Basic {secret}")
    return "\r\n".join((*lines, "", "")).encode()


async def _through_socks(proxy: Proxy, uri: WebSocketURI) -> socket.socket:
    try:
        from python_socks import ProxyError, ProxyType
        from python_socks.async_.asyncio import Proxy as SocksProxy
    except ModuleNotFoundError:
        raise ValueError(
            f"{_shown(proxy)}: SOCKS proxies need more: pip install 'duologue[proxy]'"
        ) from None
    socks = SocksProxy(
        ProxyType.SOCKS5 if proxy.scheme.startswith("socks5") else ProxyType.SOCKS4,
        proxy.host,
        proxy.port,
        proxy.username,
        proxy.password,
        # With h or a the proxy looks up the name.
        rdns=proxy.scheme in ("socks5h", "socks4a"),
    )
    try:
        return await socks.connect(uri.host, uri.port)
    except (ProxyError, OSError) as error:
        raise OSError(f"the proxy {_shown(proxy)}: {shown(words_of(error))}") from error


def _shown(proxy: Proxy) -> str:
    """The address without user and password."""
    host = f"[{proxy.host}]" if ":" in proxy.host else proxy.host
    return f"{proxy.scheme}://{host}:{proxy.port}"
