"""The opening handshake as a server: whom it lets in, and how it tells others; see `opening`."""

import logging
import time
from collections.abc import Callable, Collection
from http import HTTPStatus
from typing import Final

from websockets.http11 import Request
from websockets.protocol import Protocol, Side, State
from websockets.server import ServerProtocol
from websockets.typing import Origin

from duologue.connection.opening_request import (
    CheckRequest,
    HttpAnswer,
    OpeningRequest,
    check_answer,
    head_of,
)
from duologue.connection.websocket.foreign_log import LOGGER
from duologue.connection.websocket.opening import MAX_HEAD_BYTES, Opening
from duologue.connection.websocket.own_names import AcceptanceRules, host_is_ours
from duologue.connection.websocket.plain_upgrade import UpgradeRequest, consent_to, read_request
from duologue.connection.websocket.refusals import Refusals
from duologue.errors import DuologueError, ProtocolError

_log: Final = logging.getLogger("duologue")

Refusal = tuple[HTTPStatus | int, str]
"""Status and text."""


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
