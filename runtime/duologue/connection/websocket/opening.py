"""The opening handshake of a WebSocket, either role, without I/O (RFC 6455 4).

`websockets` reads and judges requests and answers. What it leaves to others is here: which
`Host` and `Origin` a server accepts, how much head there may be, and where the head ends, so that
the frames behind it take the usual way.
"""

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Sequence
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

from websockets.client import ClientProtocol
from websockets.datastructures import Headers
from websockets.exceptions import InvalidStatus, SecurityError
from websockets.http11 import Request, Response
from websockets.protocol import Protocol, State
from websockets.server import ServerProtocol
from websockets.typing import Origin
from websockets.uri import WebSocketURI

from duologue.connection.opening_request import (
    CheckRequest,
    HttpAnswer,
    OpeningRequest,
    head_of,
)
from duologue.connection.websocket.own_names import AcceptanceRules, host_is_ours
from duologue.connection.websocket.refusals import Refusals
from duologue.errors import (
    ConnectionClosed,
    DuologueError,
    HttpRefused,
    HttpUnavailable,
    ProtocolError,
)
from duologue.protocol.wording import words_of

MAX_HEAD_BYTES: Final = 16_384
"""Request line and headers together. Browsers send one or two KiB."""

_HEAD_END: Final = b"\r\n\r\n"

_NOT_NOW: Final = (
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_EARLY,
    HTTPStatus.TOO_MANY_REQUESTS,
)
"""Refusals that say themselves that they will pass; so do all above 499."""

_log: Final = logging.getLogger("duologue")

LOGGER: Final = logging.getLogger("duologue.websockets")
"""Given to `websockets`, which logs frames with their payload at DEBUG and every connection at
INFO. Payloads are never logged, so this logger starts above both."""
LOGGER.setLevel(logging.WARNING)


class Opening(ABC):
    """One opening handshake. Bytes in; what to send is in `protocol.data_to_send`."""

    def __init__(self, protocol: Protocol) -> None:
        self.protocol = protocol
        self._head_bytes = 0
        self._tail = b""

    @property
    def is_open(self) -> bool:
        """Whether it succeeded: frames follow."""
        return self.protocol.state is State.OPEN

    @property
    @abstractmethod
    def failure(self) -> DuologueError | None:
        """Why it failed, once it has."""

    @abstractmethod
    def start(self) -> None:
        """Queue what is sent without having received anything."""

    def receive(self, data: bytes) -> bytes:
        """Read; returns what stands behind the head, once that has been accepted."""
        head, rest = self._split(data)
        self._head_bytes += len(head)
        self.protocol.receive_data(head)
        if self._head_bytes > MAX_HEAD_BYTES and not self.protocol.eof_sent:
            self._refuse_head()
            return b""
        events = self.protocol.events_received()
        for event in events:
            if isinstance(event, Request):
                self._answer(event)
        if self.is_open:
            for event in events:
                if isinstance(event, Request | Response):
                    # `websockets` keeps it as long as the connection; nobody looks at it again.
                    event.headers.clear()
            return rest
        if rest:
            # The body of a refusal, or noise; `websockets` knows which.
            self.protocol.receive_data(rest)
            self.protocol.events_received()
        return b""

    def receive_eof(self) -> None:
        """Read that nothing more comes."""
        self.protocol.receive_eof()

    def _split(self, data: bytes) -> tuple[bytes, bytes]:
        # The end of the head may itself come in pieces: the last three bytes are looked at again.
        seen = self._tail + data
        found = seen.find(_HEAD_END)
        if found < 0:
            self._tail = seen[-3:]
            return data, b""
        end = found + len(_HEAD_END) - len(self._tail)
        self._tail = b""
        return data[:end], data[end:]

    @abstractmethod
    def _answer(self, request: Request) -> None:
        """Answer a request."""

    @abstractmethod
    def _refuse_head(self) -> None:
        """Refuse a head that is too long."""


class ClientOpening(Opening):
    """Asks for a WebSocket."""

    def __init__(
        self,
        uri: WebSocketURI,
        address: str,
        *,
        headers: Sequence[tuple[str, str]],
        origin: str | None,
        max_message_bytes: int,
    ) -> None:
        self._client = ClientProtocol(
            uri,
            origin=None if origin is None else Origin(origin),
            max_size=max_message_bytes,
            logger=LOGGER,
        )
        super().__init__(self._client)
        self._address = address
        """How messages name the other side; no secrets in it."""
        self._headers = headers

    def start(self) -> None:
        """Queue the request."""
        request = self._client.connect()
        for name, value in self._headers:
            request.headers[name] = value
        self._client.send_request(request)

    @property
    def failure(self) -> DuologueError | None:
        """ConnectionClosed if another try may do better, ProtocolError if what answered is no
        server of ours; `HttpUnavailable` and `HttpRefused` where that was an HTTP answer."""
        error = self.protocol.handshake_exc
        if error is None:
            return None
        failure: DuologueError
        if isinstance(error, InvalidStatus):
            failure = self._http_answer(error.response)
        elif isinstance(error.__cause__, EOFError):
            failure = ConnectionClosed(
                1006, f"{self._address} closed before the opening handshake was done", sent="no"
            )
        else:
            cause = f" ({words_of(error.__cause__)})" if error.__cause__ else ""
            # Not chained: these repeat what came, and a traceback would print it as it is.
            return ProtocolError(
                f"{self._address} did not answer as a WebSocket server: {words_of(error)}{cause}"
            )
        failure.__cause__ = error
        return failure

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
        self._client.handshake_exc = SecurityError(f"more than {MAX_HEAD_BYTES} bytes of headers")


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


class ServerOpening(Opening):
    """Judges one request for a WebSocket."""

    def __init__(
        self,
        rules: AcceptanceRules,
        *,
        own_hosts: Collection[str],
        port: int,
        secure: bool,
        is_full: Callable[[], bool],
        refusals: Refusals,
        max_message_bytes: int,
        check: CheckRequest | None = None,
        certificate: Callable[[], bytes | None] = lambda: None,
    ) -> None:
        """Whom it refuses is told to `refusals`.

        `check` is asked with each request that is for this server, and may answer it;
        `certificate` gives that of the client."""
        self.request: OpeningRequest | None = None
        """What was asked for, once it has come."""
        self._check = check
        self._refusals = refusals
        self._certificate = certificate
        self._server = ServerProtocol(
            # None: a client that names no origin is not a browser page.
            origins=[None, *map(Origin, rules.origins)],
            max_size=max_message_bytes,
            logger=LOGGER,
        )
        super().__init__(self._server)
        self._rules = rules
        self._own_hosts = tuple(own_hosts)
        self._port = port
        self._secure = secure
        self._is_full = is_full
        """Whether the server has all the connections it may have: it says so, whatever is asked."""

    def start(self) -> None:
        """Nothing: clients speak first."""

    @property
    def failure(self) -> DuologueError | None:
        """ProtocolError, once a request was refused."""
        if self._server.state is State.CONNECTING and self._server.eof_sent:
            error = self._server.handshake_exc
            return ProtocolError(f"opening handshake refused: {error or 'see the response'}")
        return None

    def _answer(self, request: Request) -> None:
        response = None
        hosts = request.headers.get_all("Host")
        if self._is_full():
            self._refusals.note("no_room")
            response = self._server.reject(
                HTTPStatus.SERVICE_UNAVAILABLE, "This server has no room for more connections.\n"
            )
        elif len(hosts) != 1:
            response = self._server.reject(HTTPStatus.BAD_REQUEST, "One Host header is needed.\n")
        elif not host_is_ours(
            hosts[0],
            rules=self._rules,
            own_hosts=self._own_hosts,
            port=self._port,
            secure=self._secure,
        ):
            response = self._server.reject(
                HTTPStatus.FORBIDDEN, self._refusals.host_refused(hosts[0])
            )
        else:
            response = self._checked(request)
        self._server.send_response(response or self._server.accept(request))

    def _checked(self, request: Request) -> Response | None:
        head = head_of(list(request.headers.raw_items()))
        self.request = OpeningRequest(request.path, head, self._certificate())
        answer = None
        if self._check is not None:
            try:
                answer = self._check(self.request)
            except Exception:
                # The application's own code: its fault must not become everybody's.
                _log.exception("check_request has failed")
                answer = HttpAnswer(HTTPStatus.INTERNAL_SERVER_ERROR, "This server has a fault.\n")
        if answer is not None:
            return self._server.reject(answer.status, answer.text)
        origins = request.headers.get_all("Origin")
        # A client that names no origin is not a browser page; who names two is refused below.
        if len(origins) == 1 and origins[0] not in self._rules.origins:
            return self._server.reject(
                HTTPStatus.FORBIDDEN, self._refusals.origin_refused(origins[0])
            )
        return None

    def _refuse_head(self) -> None:
        self._server.send_response(
            self._server.reject(
                HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
                f"Request and headers may have {MAX_HEAD_BYTES} bytes.\n",
            )
        )


_BEARER: Final = "bearer "

JudgeRequest = Callable[[Request], tuple[HTTPStatus, str] | None]
"""Status and text of a refusal, or None."""


class BearerOpening(ServerOpening):
    """As `ServerOpening`; `token` is what stands behind `Authorization: Bearer`, if anything (RFC
    6750 2.1).

    The token is judged later, together with what the client then asks for.
    """

    def __init__(
        self,
        rules: AcceptanceRules,
        *,
        own_hosts: Collection[str],
        port: int,
        secure: bool,
        is_full: Callable[[], bool],
        refusals: Refusals,
        max_message_bytes: int,
        judge: JudgeRequest | None = None,
    ) -> None:
        """`judge` sees a request before it is accepted; what it returns is a refusal."""
        super().__init__(
            rules,
            own_hosts=own_hosts,
            port=port,
            secure=secure,
            is_full=is_full,
            refusals=refusals,
            max_message_bytes=max_message_bytes,
        )
        self.token: str | None = None
        self._judge = judge

    def _answer(self, request: Request) -> None:
        values = request.headers.get_all("Authorization")
        if len(values) == 1 and values[0][: len(_BEARER)].lower() == _BEARER:
            self.token = values[0][len(_BEARER) :].strip()
        refusal = None if self._judge is None else self._judge(request)
        if refusal is None:
            super()._answer(request)
        else:
            self._server.send_response(self._server.reject(*refusal))
