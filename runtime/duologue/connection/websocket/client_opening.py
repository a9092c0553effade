"""The opening handshake as a client; see `opening`."""

import os
from collections.abc import Sequence
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

from websockets.client import ClientProtocol
from websockets.datastructures import Headers
from websockets.exceptions import InvalidStatus, SecurityError
from websockets.http11 import Request, Response
from websockets.protocol import Protocol, Side
from websockets.typing import Origin
from websockets.uri import WebSocketURI

from duologue.connection.websocket.foreign_log import LOGGER
from duologue.connection.websocket.opening import MAX_HEAD_BYTES, Opening
from duologue.connection.websocket.plain_upgrade import KEY_BYTES, is_consent, key_of, write_request
from duologue.errors import (
    ConnectionClosed,
    DuologueError,
    HttpRefused,
    HttpUnavailable,
    ProtocolError,
)
from duologue.protocol.wording import words_of

_NOT_NOW: Final = (
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_EARLY,
    HTTPStatus.TOO_MANY_REQUESTS,
)
"""Refusals that say themselves that they will pass; so do all above 499."""


class ClientOpening(Opening):
    """Asks for a WebSocket."""

    side = Side.CLIENT

    def __init__(
        self,
        uri: WebSocketURI,
        address: str,
        *,
        headers: Sequence[tuple[str, str]],
        origin: str | None,
        max_message_bytes: int,
    ) -> None:
        super().__init__(max_message_bytes)
        self._uri = uri
        self._address = address
        """How messages name the other side; no secrets in it."""
        self._headers = headers
        self._origin = origin
        self._key = key_of(os.urandom(KEY_BYTES))

    def start(self) -> None:
        """Queue the request."""
        request = write_request(self._uri, self._key, self._origin, self._headers)
        if request is None:
            # `websockets` writes it, or raises: it knows what is wrong with it.
            self._protocol, self._unsent = self._begun()
        else:
            self._unsent.append(request)

    def _begin(self) -> Protocol:
        # The request has gone out already, the same but for the order of its headers.
        client, _ = self._begun()
        return client

    def _begun(self) -> tuple[ClientProtocol, list[bytes]]:
        """A client that has sent its request, and the request."""
        client = ClientProtocol(
            self._uri,
            origin=None if self._origin is None else Origin(self._origin),
            max_size=self._max_message_bytes,
            logger=LOGGER,
        )
        client.key = self._key
        request = client.connect()
        for name, value in self._headers:
            request.headers[name] = value
        client.send_request(request)
        return client, client.data_to_send()

    def _accept_plain(self, head: bytes) -> bool:
        return is_consent(head, self._key)

    @property
    def failure(self) -> DuologueError | None:
        """ConnectionClosed if another try may do better, ProtocolError if what answered is no
        server of ours; `HttpUnavailable` and `HttpRefused` where that was an HTTP answer."""
        error = None if self._protocol is None else self._protocol.handshake_exc
        if error is None:
            return None
        failure: DuologueError
        if isinstance(error, InvalidStatus):
            failure = self._http_answer(error.response)
        elif isinstance(error.__cause__, EOFError):
            failure = ConnectionClosed(1006, self._why_closed(), sent="no")
        else:
            cause = f" ({words_of(error.__cause__)})" if error.__cause__ else ""
            # Not chained: these repeat what came, and a traceback would print it as it is.
            return ProtocolError(
                f"{self._address} did not answer as a WebSocket server: {words_of(error)}{cause}"
            )
        failure.__cause__ = error
        return failure

    def _why_closed(self) -> str:
        why = f"{self._address} closed before the opening handshake was done"
        if self._head_bytes == 0 and not self._uri.secure:
            # What many servers with TLS do where somebody comes without.
            why += f"; if that port wants TLS, it is wss{self._address.removeprefix('ws')}"
        return why

    def _http_answer(self, response: Response) -> HttpUnavailable | HttpRefused:
        """What a status other than 101 stands for."""
        status = response.status_code
        text = f"{self._address} answered HTTP {status}"
        if response.reason_phrase:
            text += f" {response.reason_phrase}"
        body = bytes(response.body[:200]).decode(errors="replace").strip()
        if body:
            text += f": {body}"
        retry_after_s = wished_pause_s(response.headers)
        if status in _NOT_NOW or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return HttpUnavailable(text, status, retry_after_s)
        if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
            where = response.headers.get("Location", "elsewhere")
            text += f"; redirects are not followed: {where}"
        return HttpRefused(text, status, retry_after_s)

    def _answer(self, request: Request) -> None:
        """Not reached: `websockets` reads no requests as a client."""

    def _refuse_head(self) -> None:
        """End it. `websockets` bounds lines and their number itself, but loosely."""
        self.protocol.handshake_exc = SecurityError(f"more than {MAX_HEAD_BYTES} bytes of headers")


def wished_pause_s(headers: Headers) -> float | None:
    """Seconds until one should come again, by `Retry-After` (RFC 9110 10.2.3).

    A moment counts from the answer's own `Date`, not from this machine's clock; without one, and
    in any other form, it says nothing.
    """
    wish = headers.get_all("Retry-After")
    if len(wish) != 1:
        return None
    if wish[0].isascii() and wish[0].isdecimal():
        # More digits than anybody means: the length of a number is bounded before it is read.
        return float(wish[0][:9])
    try:
        moment = parsedate_to_datetime(wish[0])
        pause = moment - parsedate_to_datetime(headers.get_all("Date")[0])
    except (ValueError, TypeError, IndexError):
        return None
    return max(0.0, pause.total_seconds())
