"""The opening handshake of both roles, as bytes; who is refused and how."""

import pytest
from websockets.uri import parse_uri

from duologue.connection.opening_request import CheckRequest, HttpAnswer, OpeningRequest
from duologue.connection.websocket.client_opening import ClientOpening
from duologue.connection.websocket.opening import MAX_HEAD_BYTES
from duologue.connection.websocket.own_names import AcceptanceRules
from duologue.connection.websocket.refusals import Refusals
from duologue.connection.websocket.server_opening import ServerOpening
from duologue.errors import (
    ConnectionClosed,
    DuologueError,
    HttpRefused,
    HttpUnavailable,
    ProtocolError,
)

URL = "ws://127.0.0.1:8765/chat?token=secret"
ADDRESS = "ws://127.0.0.1:8765/chat"
REQUEST = (
    "GET /chat HTTP/1.1\r\n"
    "Host: {host}\r\n"
    "Upgrade: websocket\r\n"
    "Connection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "Sec-WebSocket-Version: 13\r\n"
    "{more}\r\n"
)


def request(host: str = "127.0.0.1:8765", more: str = "") -> bytes:
    return REQUEST.format(host=host, more=more).encode()


def server(
    *,
    origins: tuple[str, ...] = (),
    hosts: tuple[str, ...] = (),
    is_full: bool = False,
    refusals: Refusals | None = None,
    check: CheckRequest | None = None,
) -> ServerOpening:
    return ServerOpening(
        AcceptanceRules(origins=origins, hosts=hosts),
        own_hosts=["127.0.0.1"],
        port=8765,
        secure=False,
        is_full=lambda: is_full,
        refusals=refusals or Refusals(),
        max_message_bytes=1000,
        check=check,
    )


def client(headers: tuple[tuple[str, str], ...] = (), origin: str | None = None) -> ClientOpening:
    opening = ClientOpening(
        parse_uri(URL), ADDRESS, headers=headers, origin=origin, max_message_bytes=1000
    )
    opening.start()
    return opening


def sent(opening: ServerOpening | ClientOpening) -> bytes:
    return b"".join(opening.data_to_send())


def status(opening: ServerOpening) -> int:
    return int(sent(opening).split(b" ")[1])


# -- server ---------------------------------------------------------------------------------------


def test_a_plain_request_that_is_refused_is_judged_once() -> None:
    asked: list[str] = []

    def check(request: OpeningRequest) -> HttpAnswer:
        asked.append(request.path)
        return HttpAnswer(401, "no token")

    opening = server(check=check)
    opening.receive(request())
    assert status(opening) == 401
    assert opening.failure is not None
    assert asked == ["/chat"]


def test_an_answer_in_pieces_opens_as_one_in_one() -> None:
    opening = client()
    answer = accepted(opening)
    for number in range(len(answer)):
        assert not opening.is_open
        opening.receive(answer[number : number + 1])
    assert opening.is_open
    assert opening.failure is None
    assert sent(opening) == b""


def test_a_good_request_is_accepted() -> None:
    opening = server()
    opening.start()
    assert opening.receive(request()) == b""
    assert opening.is_open
    assert opening.failure is None
    answer = sent(opening)
    assert answer.startswith(b"HTTP/1.1 101 ")
    assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in answer


def test_frames_behind_the_request_are_given_back() -> None:
    opening = server()
    assert opening.receive(request() + b"\x81\x80frame") == b"\x81\x80frame"


def test_a_request_cut_at_every_byte_is_accepted() -> None:
    whole = request()
    for cut in range(len(whole)):
        opening = server()
        assert opening.receive(whole[:cut]) == b""
        assert opening.receive(whole[cut:] + b"rest") == b"rest"
        assert opening.is_open


def test_compression_is_never_agreed_on() -> None:
    opening = server()
    opening.receive(request(more="Sec-WebSocket-Extensions: permessage-deflate\r\n"))
    assert opening.is_open
    assert b"Extensions" not in sent(opening)


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:8765"])
def test_an_origin_that_is_not_named_is_refused(origin: str) -> None:
    opening = server(origins=("https://good.example",))
    opening.receive(request(more=f"Origin: {origin}\r\n"))
    assert not opening.is_open
    assert isinstance(opening.failure, ProtocolError)
    assert status(opening) == 403


def test_a_named_origin_is_accepted() -> None:
    opening = server(origins=("https://good.example",))
    opening.receive(request(more="Origin: https://good.example\r\n"))
    assert opening.is_open


def test_a_foreign_host_is_refused_and_told_what_would_let_it_in() -> None:
    opening = server()
    opening.receive(request(host="raspberrypi.local:8765"))
    answer = sent(opening)
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert b"Content-Type: text/plain;" in answer
    assert answer.endswith(
        b"This server does not go by the name in the Host header "
        b'"raspberrypi.local:8765"; serve(hosts=["raspberrypi.local"]) lets it in.\n'
    )


@pytest.mark.parametrize("name", ["Host", "Origin"])
def test_what_commands_a_terminal_is_escaped_in_the_answer(name: str) -> None:
    opening = server()
    ours = b"Host: 127.0.0.1:8765"
    foreign = name.encode() + b": \x9b[31m"
    opening.receive(
        request().replace(ours, foreign if name == "Host" else ours + b"\r\n" + foreign)
    )
    answer = sent(opening)
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert rb'"\x9b[31m"' in answer


def test_who_is_refused_is_counted_by_why() -> None:
    refusals = Refusals()
    server(refusals=refusals).receive(request())
    server(refusals=refusals).receive(request(host="evil.example:8765"))
    server(refusals=refusals).receive(request(more="Origin: https://evil.example\r\n"))
    server(refusals=refusals).receive(request(more="Origin: null\r\n"))
    server(refusals=refusals, is_full=True).receive(request())
    assert refusals.counts == {"host": 1, "origin": 2, "no_room": 1, "gave_way": 0}


def test_two_origins_are_refused() -> None:
    opening = server(origins=("https://good.example",))
    opening.receive(request(more="Origin: https://good.example\r\n" * 2))
    assert status(opening) == 400


@pytest.mark.parametrize("more", ["Host: 127.0.0.1:8765\r\n", "Host: evil.example\r\n"])
def test_two_hosts_are_refused(more: str) -> None:
    opening = server()
    opening.receive(request(more=more))
    assert status(opening) == 400


def test_a_request_without_host_is_refused() -> None:
    opening = server()
    opening.receive(request().replace(b"Host: 127.0.0.1:8765\r\n", b""))
    assert status(opening) == 400


def test_a_full_server_says_so() -> None:
    opening = server(is_full=True)
    opening.receive(request())
    answer = sent(opening)
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert answer.endswith(b"This server has no room for more connections.\n")
    assert opening.failure is not None


def test_a_get_without_upgrade_is_told_to_upgrade() -> None:
    opening = server()
    opening.receive(b"GET / HTTP/1.1\r\nHost: localhost:8765\r\n\r\n")
    assert status(opening) == 426


def test_another_method_is_refused() -> None:
    opening = server()
    opening.receive(request().replace(b"GET", b"PUT"))
    assert status(opening) == 405


def test_noise_is_refused_without_an_answer() -> None:
    opening = server()
    opening.receive(b"\x16\x03\x01 hello?\r\n\r\n")
    assert sent(opening) == b""
    assert isinstance(opening.failure, ProtocolError)


def test_a_head_at_the_limit_is_accepted() -> None:
    filler = MAX_HEAD_BYTES - len(request())
    more = f"X-A: {'a' * 6000}\r\nX-B: {'b' * 6000}\r\n"
    more += f"X-C: {'c' * (filler - len(more) - 7)}\r\n"
    data = request(more=more)
    assert len(data) == MAX_HEAD_BYTES
    opening = server()
    opening.receive(data)
    assert opening.is_open


def test_a_head_above_the_limit_is_refused_before_it_ends() -> None:
    opening = server()
    data = request(more="".join(f"X-{number}: {'x' * 1000}\r\n" for number in range(20)))
    for start in range(0, len(data), 1000):
        if opening.failure is None:
            opening.receive(data[start : start + 1000])
    assert status(opening) == 431


def test_a_head_that_ends_just_above_the_limit_is_answered_once() -> None:
    opening = server()
    opening.receive(request(more="".join(f"X-{n}: {'x' * 1000}\r\n" for n in range(20))))
    assert sent(opening).count(b"HTTP/1.1") == 1
    assert not opening.is_open


@pytest.mark.parametrize(
    "more", ["X: 1\r\n" * 10_000, f"X: {'x' * 1_048_576}\r\n"], ids=["10000 headers", "1 MiB"]
)
def test_too_many_or_too_long_headers_are_refused(more: str) -> None:
    opening = server()
    opening.receive(request(more=more))
    assert status(opening) == 431


def test_a_client_that_hangs_up_early_is_a_failure() -> None:
    opening = server()
    opening.receive(request()[:30])
    opening.receive_eof()
    assert not opening.is_open


# -- client ---------------------------------------------------------------------------------------


def accepted(opening: ClientOpening) -> bytes:
    """The answer of a real server to this client."""
    answering = server()
    answering.receive(sent(opening))
    return sent(answering)


def test_a_client_asks_with_its_headers_and_without_extensions() -> None:
    asked = sent(client(headers=(("X-Team", "blue"),), origin="https://me.example"))
    assert asked.startswith(b"GET /chat?token=secret HTTP/1.1\r\nHost: 127.0.0.1:8765\r\n")
    assert b"\r\nX-Team: blue\r\n" in asked
    assert b"\r\nOrigin: https://me.example\r\n" in asked
    assert b"Extensions" not in asked


def test_a_client_opens_and_gives_back_the_frames_behind_the_answer() -> None:
    opening = client()
    assert opening.receive(accepted(opening) + b"\x81\x02hi") == b"\x81\x02hi"
    assert opening.is_open


def failure_after(answer: bytes) -> DuologueError:
    opening = client()
    opening.receive(answer)
    assert not opening.is_open
    assert opening.failure is not None
    assert "secret" not in str(opening.failure)
    return opening.failure


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_what_will_pass_is_told_apart(status: int) -> None:
    failure = failure_after(b"HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n" % status)
    assert isinstance(failure, HttpUnavailable)
    assert (failure.status, failure.retry_after_s) == (status, None)


@pytest.mark.parametrize("status", [200, 204, 301, 400, 401, 403, 404, 410, 426])
def test_from_what_will_not(status: int) -> None:
    failure = failure_after(b"HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n" % status)
    assert isinstance(failure, HttpRefused)
    assert failure.status == status


@pytest.mark.parametrize(
    ("lines", "seconds"),
    [
        ("Retry-After: 7", 7),
        ("Retry-After: 0", 0),
        ("Retry-After: soon", None),
        ("Retry-After: -1", None),
        ("Retry-After: ²", None),
        (f"Retry-After: {'9' * 5000}", 999_999_999),
        ("Retry-After: 7\r\nRetry-After: 8", None),
        (
            "Date: Wed, 21 Oct 2015 07:28:00 GMT\r\nRetry-After: Wed, 21 Oct 2015 07:28:30 GMT",
            30,
        ),
        (
            "Date: Wed, 21 Oct 2015 07:28:00 GMT\r\nRetry-After: Wed, 21 Oct 2015 07:27:00 GMT",
            0,
        ),
        ("Retry-After: Wed, 21 Oct 2015 07:28:30 GMT", None),
        ("Date: now\r\nRetry-After: Wed, 21 Oct 2015 07:28:30 GMT", None),
        (
            "Date: Wed, 21 Oct 2015 07:28:00 -0000\r\nRetry-After: Wed, 21 Oct 2015 07:28:30 GMT",
            None,
        ),
    ],
)
def test_when_to_come_again_is_read_or_left_alone(lines: str, seconds: float | None) -> None:
    answer = f"HTTP/1.1 503 No\r\n{lines}\r\nContent-Length: 0\r\n\r\n"
    failure = failure_after(answer.encode())
    assert isinstance(failure, HttpUnavailable)
    assert failure.retry_after_s == seconds


def test_a_server_in_trouble_is_worth_another_try() -> None:
    failure = failure_after(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 5\r\n\r\nfull\n")
    assert isinstance(failure, ConnectionClosed)
    assert failure.sent == "no"
    assert failure.reason == f"{ADDRESS} answered HTTP 503 Service Unavailable: full"


def test_a_refusal_is_not_worth_another_try() -> None:
    failure = failure_after(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
    assert isinstance(failure, ProtocolError)
    assert str(failure) == f"{ADDRESS} answered HTTP 403 Forbidden"


def test_a_redirect_is_named_and_not_followed() -> None:
    failure = failure_after(
        b"HTTP/1.1 302 Found\r\nLocation: ws://other.example\r\nContent-Length: 0\r\n\r\n"
    )
    assert isinstance(failure, ProtocolError)
    assert "redirects are not followed: ws://other.example" in str(failure)


@pytest.mark.parametrize(
    ("status", "is_redirect"), [(299, False), (300, True), (399, True), (400, False)]
)
def test_what_is_a_redirect_is_a_matter_of_its_hundred(status: int, is_redirect: bool) -> None:
    failure = failure_after(b"HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n" % status)
    assert ("redirects are not followed" in str(failure)) is is_redirect


def test_a_web_page_is_not_a_websocket_server() -> None:
    failure = failure_after(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>")
    assert isinstance(failure, ProtocolError)


def test_another_protocol_is_named_as_such() -> None:
    failure = failure_after(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")
    assert isinstance(failure, ProtocolError)
    assert "did not answer as a WebSocket server" in str(failure)
    assert "SSH-2.0" in str(failure)


def test_a_wrong_accept_key_is_refused() -> None:
    opening = client()
    sent(opening)
    answering = server()
    answering.receive(request())
    opening.receive(sent(answering))
    assert isinstance(opening.failure, ProtocolError)


def test_an_extension_nobody_asked_for_is_refused() -> None:
    opening = client()
    answer = accepted(opening).replace(
        b"Upgrade: websocket\r\n",
        b"Upgrade: websocket\r\nSec-WebSocket-Extensions: permessage-deflate\r\n",
    )
    opening.receive(answer)
    assert isinstance(opening.failure, ProtocolError)


def test_a_server_that_hangs_up_is_worth_another_try() -> None:
    opening = client()
    opening.receive(b"HTTP/1.1 101 Swi")
    opening.receive_eof()
    assert isinstance(opening.failure, ConnectionClosed)
    assert opening.failure.sent == "no"


def test_an_endless_head_is_refused() -> None:
    opening = client()
    opening.receive(b"HTTP/1.1 101 Switching Protocols\r\n")
    for number in range(20):
        opening.receive(f"X-{number}: {'x' * 1000}\r\n".encode())
    assert isinstance(opening.failure, ProtocolError)
    assert f"more than {MAX_HEAD_BYTES} bytes" in str(opening.failure)
