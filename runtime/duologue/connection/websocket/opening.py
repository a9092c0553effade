"""The opening handshake of a WebSocket, either role, without I/O (RFC 6455 4).

Plainly good requests and answers are read here (`plain_upgrade`), all others by `websockets`, which
says what is wrong with them. What it leaves to others is here as well: which `Host` and `Origin` a
server accepts, how much head there may be, and where the head ends, so that the frames behind it
take the usual way.
"""

import logging
import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Sequence
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

from websockets.client import ClientProtocol
from websockets.datastructures import Headers
from websockets.exceptions import InvalidStatus, SecurityError
from websockets.http11 import Request, Response
from websockets.protocol import Protocol, Side, State
from websockets.server import ServerProtocol
from websockets.typing import Origin
from websockets.uri import WebSocketURI

from duologue.connection.opening_request import (
    CheckRequest,
    HttpAnswer,
    OpeningRequest,
    check_answer,
    head_of,
)
from duologue.connection.websocket.foreign_log import LOGGER
from duologue.connection.websocket.own_names import AcceptanceRules, host_is_ours
from duologue.connection.websocket.plain_upgrade import (
    KEY_BYTES,
    MAX_PLAIN_BYTES,
    UpgradeRequest,
    consent_to,
    is_consent,
    key_of,
    read_request,
    write_request,
)
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


Refusal = tuple[HTTPStatus | int, str]
"""Status and text."""


class Opening(ABC):
    """One opening handshake. Bytes in; what to send is in `data_to_send`.

    `websockets` is asked for nothing until something comes that is not plain.
    """

    side: Side

    def __init__(self, max_message_bytes: int) -> None:
        self._max_message_bytes = max_message_bytes
        self._protocol: Protocol | None = None
        self._is_open_plainly = False
        self._unsent: list[bytes] = []
        self._head_bytes = 0
        self._tail = b""

    @property
    def protocol(self) -> Protocol:
        """The Sans-I/O object of `websockets`, from now on at work."""
        if self._protocol is None:
            self._protocol = self._begin()
        return self._protocol

    @property
    def reached(self) -> Protocol | Side:
        """What the connection goes on with, once it is open; see `Wire`."""
        return self.side if self._protocol is None else self._protocol

    def data_to_send(self) -> Iterable[bytes]:
        """What is to be sent now; an empty part stands for the end."""
        unsent, self._unsent = self._unsent, []
        if self._protocol is not None:
            unsent += self._protocol.data_to_send()
        return unsent

    @property
    def is_open(self) -> bool:
        """Whether it succeeded: frames follow."""
        return self._is_open_plainly or (
            self._protocol is not None and self._protocol.state is State.OPEN
        )

    @property
    @abstractmethod
    def failure(self) -> DuologueError | None:
        """Why it failed, once it has."""

    @abstractmethod
    def start(self) -> None:
        """Queue what is sent without having received anything."""

    def receive(self, data: bytes) -> bytes:
        """Read; returns what stands behind the head, once that has been accepted."""
        if self._protocol is None:
            end = data.find(_HEAD_END) + len(_HEAD_END)
            if len(_HEAD_END) <= end <= MAX_PLAIN_BYTES and self._accept_plain(data[:end]):
                self._is_open_plainly = True
                return data[end:]
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
    def _begin(self) -> Protocol:
        """What `websockets` has, as far as this side of the handshake has come."""

    @abstractmethod
    def _accept_plain(self, head: bytes) -> bool:
        """Whether `head`, whole and the first that came, opens the connection; else nothing has
        happened that `websockets` does not do again."""

    @abstractmethod
    def _answer(self, request: Request) -> None:
        """Answer a request."""

    @abstractmethod
    def _refuse_head(self) -> None:
        """Refuse a head that is too long."""


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


class ServerOpening(Opening):
    """Judges one request for a WebSocket."""

    side = Side.SERVER

    _server: ServerProtocol
    """As `protocol`, once that has been asked for."""

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
        super().__init__(max_message_bytes)
        self._is_judged = False
        self._refusal: Refusal | None = None
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
        server = self._protocol
        if server is not None and server.state is State.CONNECTING and server.eof_sent:
            error = server.handshake_exc
            return ProtocolError(f"opening handshake refused: {error or 'see the response'}")
        return None

    def _begin(self) -> Protocol:
        self._server = ServerProtocol(
            # None: a client that names no origin is not a browser page.
            origins=[None, *map(Origin, self._rules.origins)],
            max_size=self._max_message_bytes,
            logger=LOGGER,
        )
        return self._server

    def _accept_plain(self, head: bytes) -> bool:
        request = read_request(head)
        if request is None:
            return False
        self._judge(request)
        if self._refusal is None:
            self._unsent.append(consent_to(request.key, time.time()))
        return self._refusal is None

    def _answer(self, request: Request) -> None:
        if not self._is_judged:
            self._judge(UpgradeRequest(request.path, list(request.headers.raw_items())))
        server = self._server
        server.send_response(
            server.accept(request) if self._refusal is None else server.reject(*self._refusal)
        )

    def _judge(self, request: UpgradeRequest) -> None:
        """Once for each request: whoever is asked may count."""
        self._is_judged = True
        self._refusal = self._refused(request)

    def _refused(self, request: UpgradeRequest) -> Refusal | None:
        """Why it is refused, if it is, by what `websockets` does not look at."""
        hosts = request.get_all("host")
        if self._is_full():
            self._refusals.note("no_room")
            return (
                HTTPStatus.SERVICE_UNAVAILABLE,
                "This server has no room for more connections.\n",
            )
        if len(hosts) != 1:
            return HTTPStatus.BAD_REQUEST, "One Host header is needed.\n"
        if not host_is_ours(
            hosts[0],
            rules=self._rules,
            own_hosts=self._own_hosts,
            port=self._port,
            secure=self._secure,
        ):
            return HTTPStatus.FORBIDDEN, self._refusals.host_refused(hosts[0])
        self.request = OpeningRequest(request.target, head_of(request.headers), self._certificate())
        answer = None
        if self._check is not None:
            try:
                answer = self._check(self.request)
                check_answer(answer)
            except (KeyboardInterrupt, SystemExit):
                raise
            except BaseException:
                # The application's own code: its fault must not become everybody's.
                _log.exception("check_request has failed")
                answer = HttpAnswer(HTTPStatus.INTERNAL_SERVER_ERROR, "This server has a fault.\n")
        if answer is not None:
            return answer.status, answer.text
        origins = request.get_all("origin")
        # A client that names no origin is not a browser page; who names two is refused below.
        if len(origins) == 1 and origins[0] not in self._rules.origins:
            return HTTPStatus.FORBIDDEN, self._refusals.origin_refused(origins[0])
        return None

    def _refuse_head(self) -> None:
        self._server.send_response(
            self._server.reject(
                HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
                f"Request and headers may have {MAX_HEAD_BYTES} bytes.\n",
            )
        )


_BEARER: Final = "bearer "

JudgeRequest = Callable[[UpgradeRequest], Refusal | None]


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
        self._judge_first = judge

    def _refused(self, request: UpgradeRequest) -> Refusal | None:
        values = request.get_all("authorization")
        if len(values) == 1 and values[0][: len(_BEARER)].lower() == _BEARER:
            self.token = values[0][len(_BEARER) :].strip()
        refusal = None if self._judge_first is None else self._judge_first(request)
        return super()._refused(request) if refusal is None else refusal
