"""Health, metrics and version over HTTP, on a loopback port of their own."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from duologue.relay.server.server import RelayServer
from duologue.version import VERSION

LIVE_WITHIN_S: Final = 3.0
"""The loop has come round since; three times what it takes when all is well."""

REQUEST_TIMEOUT_S: Final = 5.0
MAX_REQUEST_BYTES: Final = 8192
TEXT: Final = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class _Page:
    status: HTTPStatus
    body: bytes
    content_type: str = TEXT


class AdminServer:
    """Answers `GET` for `/livez`, `/readyz`, `/metrics` and `/version`; nothing else."""

    def __init__(
        self, relay: RelayServer, exposition: Callable[[], bytes], content_type: str
    ) -> None:
        """`exposition` gives the metrics, in `content_type`."""
        self._relay = relay
        self._exposition = exposition
        self._content_type = content_type
        self._server: asyncio.Server | None = None
        self.port = 0

    async def start(self, host: str, port: int) -> None:
        """Listen.

        Raises:
            OSError: the address cannot be had.
        """
        self._server = await asyncio.start_server(self._serve, host, port, limit=MAX_REQUEST_BYTES)
        self.port = int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    def page(self, method: str, path: str) -> _Page:
        """The answer to one request."""
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

    def _live(self) -> _Page:
        silent_s = asyncio.get_running_loop().time() - self._relay.turned_s
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
        if relay.tls is not None and relay.tls.fault:
            return _Page(HTTPStatus.OK, b"ready, degraded: new certificate cannot be read\n")
        return _Page(HTTPStatus.OK, b"ready\n")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT_S):
                head = await reader.readuntil(b"\r\n\r\n")
                words = head.split(b"\r\n", 1)[0].decode("latin-1").split()
                if len(words) == 3:
                    page = self.page(words[0], words[1])
                else:
                    page = _Page(HTTPStatus.BAD_REQUEST, b"no HTTP request\n")
                writer.write(_response(page, with_body=words[:1] != ["HEAD"]))
                await writer.drain()
        except (
            TimeoutError,
            ConnectionError,
            asyncio.IncompleteReadError,
            asyncio.LimitOverrunError,
        ):
            pass
        finally:
            writer.close()
            with suppress(ConnectionError, TimeoutError):
                await writer.wait_closed()


def _response(page: _Page, *, with_body: bool) -> bytes:
    head = (
        f"HTTP/1.1 {page.status.value} {page.status.phrase}\r\n"
        f"Content-Type: {page.content_type}\r\n"
        f"Content-Length: {len(page.body)}\r\n"
        "Cache-Control: no-store\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode() + (page.body if with_body else b"")
