"""The opening handshake as nearly everybody writes it, read and written at once (RFC 6455 4).

What is accepted here, `websockets` accepts too, and it means the same. Whatever is not quite as
expected gives None, and `websockets` reads it from its beginning: what is wrong is found there.
"""

import re
from base64 import b64encode
from collections.abc import Sequence
from email.utils import formatdate
from functools import lru_cache
from typing import Final, NamedTuple

from websockets.headers import build_authorization_basic, build_host
from websockets.uri import WebSocketURI
from websockets.utils import accept_key

MAX_PLAIN_BYTES: Final = 4096
"""Of a head that is read here: half of what `websockets` allows for one line of it."""

MAX_LINES: Final = 128
"""As many headers as `websockets` reads."""

KEY_BYTES: Final = 16

_NAME: Final = r"[-!#$%&'*+.^_`|~0-9A-Za-z]+"
_VALUE: Final = r"[\t\x20-\x7e]*"
_LINE: Final = re.compile(f"({_NAME}):({_VALUE})\r\n")
_REQUEST: Final = re.compile(f"GET ([!-~]+) HTTP/1\\.1\r\n((?:{_NAME}:{_VALUE}\r\n)+)\r\n")
_CONSENT: Final = re.compile(f"(HTTP/1\\.1) 101 {_VALUE}\r\n((?:{_NAME}:{_VALUE}\r\n)+)\r\n")
_KEY: Final = re.compile(r"[0-9A-Za-z+/]{22}==")

_UPGRADES: Final = frozenset({"upgrade", "keep-alive, upgrade"})
"""What `Connection` says, in lower case; a list can be written in more ways."""

_UNUSUAL: Final = frozenset({"sec-websocket-protocol", "transfer-encoding", "content-length"})


class UpgradeRequest(NamedTuple):
    """A request for a WebSocket, as far as one judges it."""

    target: str
    """Path and query as they came."""
    headers: Sequence[tuple[str, str]]
    """Names and values as they came, without the spaces around values."""
    key: str = ""
    """Its `Sec-WebSocket-Key`, where `read_request` has read it."""

    def get_all(self, name: str) -> list[str]:
        """The values of a header, whose name is given in lower case."""
        return [value for each, value in self.headers if each.lower() == name]


def read_request(head: bytes) -> UpgradeRequest | None:
    """The request that `head`, empty line included, is; None if it is not plainly a good one.

    Extensions that it offers do not matter: a server need not take any (RFC 6455 9.1).
    """
    found = _read(_REQUEST, head)
    if found is None:
        return None
    target, headers, values = found
    key = values.get("sec-websocket-key", "")
    if values.get("sec-websocket-version") != "13" or not _KEY.fullmatch(key):
        return None
    return UpgradeRequest(target, headers, key)


def consent_to(key: str, now_s: float) -> bytes:
    """The answer to a good request with `key`; `now_s` counts from 1970."""
    return (
        "HTTP/1.1 101 Switching Protocols\r\n"
        f"Date: {_date(int(now_s))}\r\n"
        "Upgrade: websocket\r\n"
        "Connection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {accept_key(key)}\r\n\r\n"
    ).encode()


def key_of(random_bytes: bytes) -> str:
    """The `Sec-WebSocket-Key` that 16 random bytes are."""
    return b64encode(random_bytes).decode()


def write_request(
    uri: WebSocketURI, key: str, origin: str | None, headers: Sequence[tuple[str, str]]
) -> bytes | None:
    """The request of a client; None if anything in it is not plain."""
    all_headers = [("Host", _host(uri.host, uri.port, uri.secure))]
    if uri.user_info:
        all_headers.append(("Authorization", build_authorization_basic(*uri.user_info)))
    if origin is not None:
        all_headers.append(("Origin", origin))
    all_headers += (
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Key", key),
        ("Sec-WebSocket-Version", "13"),
        *headers,
    )
    lines = "".join([f"{name}: {value}\r\n" for name, value in all_headers])
    text = f"GET {uri.resource_name} HTTP/1.1\r\n{lines}\r\n"
    # Also that no value has an end of line within it: then there are more lines than headers.
    if not _REQUEST.fullmatch(text) or text.count("\n") != len(all_headers) + 2:
        return None
    return text.encode()


def is_consent(head: bytes, key: str) -> bool:
    """Whether `head`, empty line included, is plainly the good answer to a request with `key`."""
    found = _read(_CONSENT, head)
    if found is None:
        return False
    _, _, values = found
    return (
        values.get("sec-websocket-accept") == accept_key(key)
        # Nobody may take what was not offered.
        and "sec-websocket-extensions" not in values
    )


def _read(
    pattern: re.Pattern[str], head: bytes
) -> tuple[str, list[tuple[str, str]], dict[str, str]] | None:
    """What `pattern` has first; the headers as they came; the same by their names in lower case."""
    if len(head) > MAX_PLAIN_BYTES or not head.isascii():
        return None
    found = pattern.fullmatch(head.decode())
    if found is None:
        return None
    headers = [(name, value.strip(" \t")) for name, value in _LINE.findall(found[2])]
    values = {name.lower(): value for name, value in headers}
    if (
        len(values) != len(headers)
        or len(headers) > MAX_LINES
        or values.get("upgrade", "").lower() != "websocket"
        or values.get("connection", "").lower() not in _UPGRADES
        or not _UNUSUAL.isdisjoint(values)
    ):
        return None
    return found[1], headers, values


@lru_cache(maxsize=64)
def _host(host: str, port: int, secure: bool) -> str:
    return build_host(host, port, secure)


@lru_cache(maxsize=2)
def _date(second: int) -> str:
    """As in HTTP headers; there are many connections in a second."""
    return formatdate(second, usegmt=True)
