"""A server's opening handshake that keeps the bearer token of the request (RFC 6750 2.1)."""

from collections.abc import Callable, Collection
from http import HTTPStatus
from typing import Final

from websockets.http11 import Request

from duologue.connection.opening import AcceptanceRules, ServerOpening

_SCHEME: Final = "bearer "

JudgeRequest = Callable[[Request], tuple[HTTPStatus, str] | None]
"""Status and text of a refusal, or None."""


class BearerOpening(ServerOpening):
    """As `ServerOpening`; `token` is what stands behind `Authorization: Bearer`, if anything.

    The token is judged later, together with what the client then asks for.
    """

    def __init__(
        self,
        rules: AcceptanceRules,
        *,
        own_hosts: Collection[str],
        port: int,
        secure: bool,
        is_full: bool,
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
            max_message_bytes=max_message_bytes,
        )
        self.token: str | None = None
        self._judge = judge

    def _answer(self, request: Request) -> None:
        values = request.headers.get_all("Authorization")
        if len(values) == 1 and values[0][: len(_SCHEME)].lower() == _SCHEME:
            self.token = values[0][len(_SCHEME) :].strip()
        refusal = None if self._judge is None else self._judge(request)
        if refusal is None:
            super()._answer(request)
        else:
            self._server.send_response(self._server.reject(*refusal))
