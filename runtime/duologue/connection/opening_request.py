"""What a plain connection began with: the HTTP request for it, as far as the transport knows."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from duologue.arguments import check_kind


@dataclass(frozen=True, slots=True)
class OpeningRequest:
    """The request that opened a connection. Nobody has proved any of it, but the certificate.

    On an encrypted connection it is what stood outside of the encryption.
    """

    target: str
    """Path and query as they came, percent signs and all."""
    head: str
    """All header lines, `Name: value` each, without those that are about the connection alone."""
    certificate: bytes | None = None
    """The client's TLS certificate, DER, where the server's `ssl` asks for one."""

    def __repr__(self) -> str:
        # No values, and no query: tokens travel there.
        return f"<OpeningRequest {self.path!r}>"

    @property
    def path(self) -> str:
        """The path, percent signs and all."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> dict[str, list[str]]:
        """What stands behind the `?`, decoded: each name with its values."""
        return parse_qs(urlsplit(self.target).query, keep_blank_values=True)

    @property
    def headers(self) -> list[tuple[str, str]]:
        """Names, in lower case, and values, in their order."""
        lines = (line.partition(": ") for line in self.head.splitlines())
        return [(name.lower(), value) for name, _, value in lines]

    def header(self, name: str) -> str | None:
        """The value of a header; None if it was not sent, or more than once."""
        values = [value for each, value in self.headers if each == name.lower()]
        return values[0] if len(values) == 1 else None


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What a request is answered in the place of a WebSocket."""

    status: int
    """200 for a health check, 401 for who has no token; not 101."""
    text: str = ""
    """The body, plain text."""

    def __post_init__(self) -> None:
        check_kind("HttpAnswer(status)", self.status, int, "an HTTP status, as int")
        check_kind("HttpAnswer(..., text)", self.text, str, "a str")
        if not 200 <= self.status <= 599:
            raise ValueError(f"an HTTP status is from 200 to 599 here, but is {self.status!r}")


CheckRequest = Callable[[OpeningRequest], HttpAnswer | None]
"""Asked with each request that is for this server; None lets it be a WebSocket."""


def check_answer(answer: object) -> None:
    """Raises TypeError unless it is what a `CheckRequest` gives."""
    if answer is not None:
        check_kind("check_request", answer, HttpAnswer, "an HttpAnswer or None from its function")


NOT_KEPT = frozenset(
    {
        *("connection", "upgrade", "sec-websocket-key", "sec-websocket-version"),
        *("sec-websocket-extensions", "sec-websocket-protocol"),
    }
)
"""Headers that are about the connection alone."""


def head_of(headers: Sequence[tuple[str, str]]) -> str:
    """The lines that are kept."""
    kept = ((name, value) for name, value in headers if name.lower() not in NOT_KEPT)
    return "\n".join(f"{name}: {value}" for name, value in kept)


_OURS = NOT_KEPT | {"host", "origin", "content-length", "transfer-encoding", "user-agent"}
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\x21-\x7e]([\x20-\x7e\t]*[\x21-\x7e])?|")


def request_headers(headers: Mapping[str, str] | None, agent: str) -> list[tuple[str, str]]:
    """What goes with the request that opens a connection.

    Raises:
        ValueError: a name or a value that is none of a header, or one that is not the caller's to
            set.
    """
    given = list((headers or {}).items())
    for name, value in (*given, ("User-Agent", agent)):
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            # Not the value: it may be a token.
            raise ValueError(f"the header {name!r} has a name or a value that is not plain ASCII")
    for name, _ in given:
        if name.lower() in _OURS:
            raise ValueError(f"headers= cannot set {name}; user_agent= is for User-Agent")
    return [*given, ("User-Agent", agent)] if agent else given
