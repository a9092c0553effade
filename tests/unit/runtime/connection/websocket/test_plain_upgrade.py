"""Opening handshakes that are read at once; `websockets` is the oracle."""

import pytest
from websockets.client import ClientProtocol
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.typing import Origin
from websockets.uri import parse_uri

from duologue.connection.websocket.plain_upgrade import (
    MAX_LINES,
    MAX_PLAIN_BYTES,
    consent_to,
    is_consent,
    key_of,
    read_request,
    write_request,
)

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
NOON_S = 1_700_000_000.5

REQUEST = (
    "GET /chat?room=1 HTTP/1.1\r\n"
    "Host: here:80\r\n"
    "Upgrade: websocket\r\n"
    "Connection: Upgrade\r\n"
    f"Sec-WebSocket-Key: {KEY}\r\n"
    "Sec-WebSocket-Version: 13\r\n"
    "\r\n"
)
CONSENT = (
    "HTTP/1.1 101 Switching Protocols\r\n"
    "Upgrade: websocket\r\n"
    "Connection: Upgrade\r\n"
    f"Sec-WebSocket-Accept: {ACCEPT}\r\n"
    "\r\n"
)


def with_line(head: str, line: str) -> str:
    return head[:-2] + line + "\r\n\r\n"


def is_accepted_by_websockets(head: str) -> bool:
    server = ServerProtocol()
    server.receive_data(head.encode("latin-1"))
    for event in server.events_received():
        if isinstance(event, Request):
            server.send_response(server.accept(event))
    return server.state is State.OPEN


def is_consent_to_websockets(head: str) -> bool:
    client = ClientProtocol(parse_uri("ws://here"))
    client.key = KEY
    client.send_request(client.connect())
    client.receive_data(head.encode("latin-1"))
    return client.state is State.OPEN


GOOD_REQUESTS = [
    REQUEST,
    REQUEST.lower()
    .replace("get /chat?room=1 http/1.1", "GET / HTTP/1.1")
    .replace(KEY.lower(), KEY),
    REQUEST.replace("Connection: Upgrade", "Connection: keep-alive, Upgrade"),
    REQUEST.replace("Upgrade: websocket", "Upgrade:\tWebSocket  "),
    with_line(REQUEST, "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"),
    with_line(REQUEST, "Authorization: Bearer abc"),
    with_line(REQUEST, "X-Empty:"),
]

LEFT_REQUESTS = [
    REQUEST.replace("GET", "POST"),
    REQUEST.replace("HTTP/1.1", "HTTP/1.0"),
    REQUEST.replace("/chat", "/a b"),
    REQUEST.replace("/chat", "/caf\xe9"),
    REQUEST.replace("websocket\r\n", "h2c\r\n"),
    REQUEST.replace("Connection: Upgrade", "Connection: close"),
    REQUEST.replace("Version: 13", "Version: 8"),
    REQUEST.replace(KEY, KEY[1:]),
    REQUEST.replace(KEY, "!" + KEY[1:]),
    REQUEST.replace(f"Sec-WebSocket-Key: {KEY}\r\n", ""),
    REQUEST.replace("Upgrade: websocket\r\n", ""),
    REQUEST.replace("Connection: Upgrade\r\n", ""),
    REQUEST.replace("Host: here:80", "Host : here:80"),
    REQUEST.replace("Host: here:80", "Host: here\r\n :80"),
    REQUEST.replace("Host: here:80", "Host here"),
    REQUEST.replace("Host: here:80", "Host: here\x00"),
    REQUEST.replace("\r\n", "\n"),
    with_line(REQUEST, f"Sec-WebSocket-Key: {KEY}"),
    with_line(REQUEST, "Transfer-Encoding: chunked"),
    with_line(REQUEST, "Content-Length: 5"),
    with_line(REQUEST, "Sec-WebSocket-Protocol: chat"),
    with_line(REQUEST, "host: there"),
]


@pytest.mark.parametrize("head", GOOD_REQUESTS)
def test_a_plainly_good_request_is_read_and_websockets_accepts_it_too(head: str) -> None:
    request = read_request(head.encode())
    assert request is not None
    assert request.key == KEY
    assert is_accepted_by_websockets(head)


@pytest.mark.parametrize("head", LEFT_REQUESTS)
def test_what_is_wrong_or_unusual_is_left_to_websockets(head: str) -> None:
    assert read_request(head.encode("latin-1")) is None


def test_a_request_has_its_target_and_headers_as_they_came() -> None:
    request = read_request(with_line(REQUEST, "X-Name:  two words\t").encode())
    assert request is not None
    assert request.target == "/chat?room=1"
    assert request.headers[0] == ("Host", "here:80")
    assert request.get_all("x-name") == ["two words"]
    assert request.get_all("x-none") == []


def test_a_head_of_the_largest_size_is_read_and_one_byte_more_is_left() -> None:
    room = MAX_PLAIN_BYTES - len(with_line(REQUEST, "X-Long: "))
    largest = with_line(REQUEST, "X-Long: " + "a" * room).encode()
    assert len(largest) == MAX_PLAIN_BYTES
    assert read_request(largest) is not None
    assert read_request(largest.replace(b"aa", b"aaa", 1)) is None


def test_as_many_headers_as_websockets_reads_are_read_and_one_more_is_left() -> None:
    lines = [f"X-{number}: 1" for number in range(MAX_LINES - 5)]
    most = with_line(REQUEST, "\r\n".join(lines))
    assert read_request(most.encode()) is not None
    assert is_accepted_by_websockets(most)
    more = with_line(most, "X-More: 1")
    assert read_request(more.encode()) is None
    assert not is_accepted_by_websockets(more)


def test_the_consent_is_one_to_websockets() -> None:
    consent = consent_to(KEY, NOON_S)
    assert is_consent_to_websockets(consent.decode())
    assert is_consent(consent, KEY)
    assert b"Date: Tue, 14 Nov 2023 22:13:20 GMT\r\n" in consent


@pytest.mark.parametrize(
    "head",
    [
        CONSENT,
        CONSENT.replace("Switching Protocols", ""),
        CONSENT.replace("Upgrade: websocket", "upgrade: WebSocket"),
        with_line(CONSENT, "Server: some"),
    ],
)
def test_a_plainly_good_answer_is_one_to_websockets_too(head: str) -> None:
    assert is_consent(head.encode(), KEY)
    assert is_consent_to_websockets(head)


@pytest.mark.parametrize(
    "head",
    [
        CONSENT.replace("101 Switching Protocols", "200 OK"),
        CONSENT.replace("HTTP/1.1", "HTTP/1.0"),
        CONSENT.replace(ACCEPT, ACCEPT.lower()),
        CONSENT.replace("Upgrade: websocket\r\n", ""),
        CONSENT.replace("Connection: Upgrade\r\n", ""),
        with_line(CONSENT, f"Sec-WebSocket-Accept: {ACCEPT}"),
        with_line(CONSENT, "Sec-WebSocket-Extensions: permessage-deflate"),
        with_line(CONSENT, "Sec-WebSocket-Protocol: chat"),
        with_line(CONSENT, "bad header"),
    ],
)
def test_an_answer_that_is_none_is_left_and_websockets_refuses_it(head: str) -> None:
    assert not is_consent(head.encode(), KEY)
    assert not is_consent_to_websockets(head)


def test_a_client_says_what_websockets_says() -> None:
    uri = parse_uri("wss://user:pass@[::1]:444/path?x=1")
    written = write_request(uri, KEY, "https://page", [("X-Own", "1")])
    client = ClientProtocol(uri, origin=Origin("https://page"))
    client.key = KEY
    request = client.connect()
    request.headers["X-Own"] = "1"
    client.send_request(request)
    assert [written] == client.data_to_send()


@pytest.mark.parametrize(
    "header", [("X-Own", "1\r\nX-Other: 2"), ("X-Own", "1\n"), ("X Own", "1"), ("X-Own", "\xe9")]
)
def test_a_client_leaves_headers_that_are_not_plain(header: tuple[str, str]) -> None:
    assert write_request(parse_uri("ws://here"), KEY, None, [header]) is None


def test_a_key_is_16_bytes_in_base64() -> None:
    assert key_of(b"the sample nonce") == KEY
