"""Health, metrics and version over HTTP, on a loopback port of their own."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, cast

from duologue.connection.websocket.arrivals import Arrivals
from duologue.connection.websocket.listening import listening_sockets
from duologue.connection.websocket.own_names import AcceptanceRules, host_is_ours
from duologue.relay.server.server import RelayServer
from duologue.version import VERSION

LIVE_WITHIN_S: Final = 3.0
"""The loop has come round since; three times what it takes when all is well."""

REQUEST_TIMEOUT_S: Final = 5.0
"""From the connection to the last byte of the answer; who is slower, or does not read, is cut off.
A page takes milliseconds."""

MAX_CONNECTIONS: Final = 64
"""At a time. A scraper and a probe take two, for milliseconds; above it the one that has been here
longest is closed without a word. They are not the relay's connections."""

MAX_REQUEST_BYTES: Final = 8192
TEXT: Final = "text/plain; charset=utf-8"
_HEAD_END: Final = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class _Page:
    status: HTTPStatus
    body: bytes
    content_type: str = TEXT


class AdminServer:
    """Answers `GET` for `/livez`, `/readyz`, `/metrics` and `/version`; nothing else."""

    def __init__(
        self,
        relay: RelayServer,
        exposition: Callable[[], bytes],
        content_type: str,
        *,
        request_timeout_s: float = REQUEST_TIMEOUT_S,
        clock: Callable[[], float] | None = None,
    ) -> None:
        """`exposition` gives the metrics, in `content_type`."""
        self._relay = relay
        self._exposition = exposition
        self._content_type = content_type
        self._request_timeout_s = request_timeout_s
        self._loop = asyncio.get_running_loop()
        self._clock = clock or self._loop.time
        self._arrivals: Arrivals[_Visit] | None = None
        self._host = ""
        self._visits: dict[_Visit, asyncio.TimerHandle] = {}
        """The oldest first, and when each is cut off."""
        self.port = 0

    async def start(self, host: str, port: int) -> None:
        """Listen.

        Raises:
            OSError: the address cannot be had.
        """
        self._host = host
        sockets = await listening_sockets([host], port, MAX_CONNECTIONS)
        self.port = int(sockets[0].getsockname()[1])
        self._arrivals = Arrivals(sockets, self)

    async def close(self) -> None:
        """Stop listening, and end every connection at once."""
        if self._arrivals is not None:
            self._arrivals.close()
            await self._arrivals.wait_closed()
        for visit in tuple(self._visits):
            visit.abort()

    def page(self, method: str, path: str, hosts: Sequence[str]) -> _Page:
        """The answer to one request; `hosts` are its `Host` headers."""
        if len(hosts) != 1:
            return _Page(HTTPStatus.BAD_REQUEST, b"one Host header is needed\n")
        if not self._is_own_name(hosts[0]):
            return _Page(HTTPStatus.FORBIDDEN, b"this server does not go by that name\n")
        if method not in ("GET", "HEAD"):
            return _Page(HTTPStatus.METHOD_NOT_ALLOWED, b"GET only\n")
        match path.partition("?")[0]:
            case "/livez":
                return self._live()
            case "/readyz":
                return self._ready()
            case "/metrics":
                return _Page(HTTPStatus.OK, self._exposition(), self._content_type)
            case "/version":
                return _Page(HTTPStatus.OK, f"duologue {VERSION}\n".encode())
            case _:
                return _Page(HTTPStatus.NOT_FOUND, b"/livez /readyz /metrics /version\n")

    def _is_own_name(self, host: str) -> bool:
        # A web page whose name was made to lead here still sends its own. With any port: a tunnel
        # to this machine has another one.
        own = (self._host, "localhost", "127.0.0.1", "[::1]")
        rules = AcceptanceRules(hosts=own)
        return host_is_ours(host, rules=rules, own_hosts=own, port=self.port, secure=False)

    def _live(self) -> _Page:
        silent_s = self._clock() - self._relay.turned_s
        if silent_s > LIVE_WITHIN_S:
            return _Page(HTTPStatus.SERVICE_UNAVAILABLE, b"the event loop is stuck\n")
        return _Page(HTTPStatus.OK, b"live\n")

    def _ready(self) -> _Page:
        relay = self._relay
        faults: list[str] = []
        if relay.is_draining:
            faults.append("draining")
        if relay.door.is_full:
            faults.append("at capacity")
        if relay.access is not None and relay.access.fault:
            faults.append("access files cannot be read")
        if faults:
            text = ", ".join(faults)
            return _Page(HTTPStatus.SERVICE_UNAVAILABLE, f"not ready: {text}\n".encode())
        degraded = [word for words in relay.degradations for word in words()]
        if relay.tls is not None and relay.tls.fault:
            degraded.append("new certificate cannot be read")
        if degraded:
            text = ", ".join(degraded)
            return _Page(HTTPStatus.OK, f"ready, degraded: {text}\n".encode())
        return _Page(HTTPStatus.OK, b"ready\n")

    # -- for those that ask ---------------------------------------------------------------------

    def admit(self, _peer_name: object) -> "_Visit":
        """See `Gatekeeper.admit`."""
        if len(self._visits) >= MAX_CONNECTIONS:
            oldest = next(iter(self._visits))
            self.note_lost(oldest)
            oldest.abort()
        visit = _Visit(self)
        self._visits[visit] = self._loop.call_later(self._request_timeout_s, visit.abort)
        return visit

    def note_lost(self, visit: "_Visit", /) -> None:
        """See `Gatekeeper.note_lost`."""
        timer = self._visits.pop(visit, None)
        if timer is not None:
            timer.cancel()

    def answer(self, head: bytes) -> bytes:
        """The answer to a request up to its empty line."""
        first, *lines = head.decode("latin-1").split("\r\n")
        words = first.split()
        if len(words) != 3:
            return _response(_Page(HTTPStatus.BAD_REQUEST, b"no HTTP request\n"), with_body=True)
        named = (line.partition(":") for line in lines)
        hosts = [value.strip() for name, _, value in named if name.lower() == "host"]
        page = self.page(words[0], words[1], hosts)
        return _response(page, with_body=words[0] != "HEAD")


class _Visit(asyncio.Protocol):
    """One request and its answer, over a socket of its own."""

    def __init__(self, admin: AdminServer) -> None:
        self._admin = admin
        self._transport: asyncio.Transport | None = None
        self._is_unwanted = False
        self._came = b""

    def abort(self) -> None:
        """End it at once, also before its socket is there.

        Closing alone would wait for a client that does not read, for ever.
        """
        self._is_unwanted = True
        if self._transport is not None:
            self._transport.abort()

    # -- for the transport ----------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is there."""
        self._transport = cast(asyncio.Transport, transport)
        if self._is_unwanted:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """A part of the request."""
        if self._transport is None or self._transport.is_closing():
            return
        self._came += data
        head, end, _ = self._came[:MAX_REQUEST_BYTES].partition(_HEAD_END)
        if end:
            self._transport.write(self._admin.answer(head))
            self._transport.close()
        elif len(self._came) >= MAX_REQUEST_BYTES:
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone."""
        self._transport = None
        self._admin.note_lost(self)


def _response(page: _Page, *, with_body: bool) -> bytes:
    head = (
        f"HTTP/1.1 {page.status.value} {page.status.phrase}\r\n"
        f"Content-Type: {page.content_type}\r\n"
        f"Content-Length: {len(page.body)}\r\n"
        "Cache-Control: no-store\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode() + (page.body if with_body else b"")
