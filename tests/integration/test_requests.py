"""Who is asking: the request that opened a connection, what goes with it, and who answers it."""

import asyncio
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

import duologue
from duologue import ANYONE, HttpAnswer, Identity, OpeningRequest, WebsocketPromisifier
from duologue.testing import linked_peers

ANN, BEN = Identity.generate(), Identity.generate()
CERTIFICATE = Path(__file__).parent / "localhost.pem"


@asynccontextmanager
async def asked(
    path: str = "/", *, encrypted: bool = False, serve: dict[str, Any] | None = None, **options: Any
) -> AsyncGenerator[OpeningRequest]:
    """The request of a client with these options, as the server sees it."""
    met: asyncio.Queue[WebsocketPromisifier] = asyncio.Queue()
    keys: dict[str, Any] = dict(serve or {})
    if encrypted:
        keys |= {"identity": BEN, "allow": ANYONE}
        options |= {"identity": ANN, "to": BEN.public_key}
    async with duologue.serve(on_peer=met.put_nowait, **keys) as server:
        scheme = "wss" if serve and "ssl" in serve else "ws"
        async with duologue.connect(f"{scheme}://localhost:{server.port}{path}", **options) as peer:
            assert peer.request is None
            request = (await met.get()).request
            assert request is not None
            yield request


async def answer_of(port: int, path: str, *lines: str) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", *lines, "", ""]
    writer.write("\r\n".join(head).encode())
    answer = (await reader.read()).decode()
    writer.close()
    await writer.wait_closed()
    return answer


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "encrypted"])
async def test_path_query_and_headers_are_known(encrypted: bool) -> None:
    async with asked(
        "/rooms/caf%C3%A9?a=1&b=x%20y&a=2&c=",
        encrypted=encrypted,
        headers={"Authorization": "Bearer abc", "X-Where": "here"},
        user_agent="tests/1",
    ) as request:
        assert request.path == "/rooms/caf%C3%A9"
        assert request.query == {"a": ["1", "2"], "b": ["x y"], "c": [""]}
        assert request.header("authorization") == "Bearer abc"
        assert request.header("X-WHERE") == "here"
        assert request.header("User-Agent") == "tests/1"
        assert request.header("elsewhere") is None
        assert request.certificate is None
        assert request.header("Sec-WebSocket-Key") is None
        assert "abc" not in repr(request)


async def test_the_agent_is_this_library_unless_one_says_otherwise_or_nothing() -> None:
    async with asked() as request:
        assert (request.header("User-Agent") or "").startswith("duologue/")
    async with asked(user_agent="") as request:
        assert request.header("User-Agent") is None


async def test_a_peer_in_memory_has_no_request() -> None:
    async with linked_peers() as (left, right):
        assert left.request is right.request is None


async def test_the_certificate_of_a_client_is_known() -> None:
    near = ssl.create_default_context(cafile=str(CERTIFICATE))
    near.load_cert_chain(CERTIFICATE)
    far = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(CERTIFICATE))
    far.load_cert_chain(CERTIFICATE)
    far.verify_mode = ssl.CERT_REQUIRED
    async with asked(serve={"ssl": far}, ssl=near) as request:
        pem = CERTIFICATE.read_text()
        first = "-----BEGIN CERTIFICATE-----"
        own = ssl.PEM_cert_to_DER_cert(first + pem.partition(first)[2].partition(first)[0])
        assert request.certificate == own


@pytest.mark.parametrize(
    ("headers", "agent"),
    [
        ({"Host": "elsewhere"}, None),
        ({"Sec-WebSocket-Key": "x"}, None),
        ({"Origin": "x"}, None),
        ({"user-agent": "x"}, None),
        ({"X": "a\r\nY: b"}, None),
        ({"X\n": "a"}, None),
        ({"": "a"}, None),
        ({"X": " a"}, None),
        ({"X": "é"}, None),
        ({}, "a\nb"),
    ],
)
async def test_what_is_no_header_of_the_callers_is_refused_and_not_shown(
    headers: dict[str, str], agent: str | None
) -> None:
    with pytest.raises(ValueError, match="header") as refused:
        async with duologue.connect("ws://127.0.0.1:1", headers=headers, user_agent=agent):
            pass
    assert "Y: b" not in str(refused.value)


def gate(request: OpeningRequest) -> HttpAnswer | None:
    if request.path == "/health":
        return HttpAnswer(200, "ok\n")
    if request.path == "/broken":
        raise RuntimeError("the secret")
    return None if request.header("Authorization") == "Bearer abc" else HttpAnswer(401, "who?\n")


async def test_a_health_check_and_who_has_no_token_are_answered(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with duologue.serve(check_request=gate) as server:
        answer = await answer_of(server.port, "/health")
        assert answer.startswith("HTTP/1.1 200 ")
        assert answer.endswith("ok\n")
        url = f"ws://127.0.0.1:{server.port}"
        with pytest.raises(duologue.HttpRefused, match=r"401.*who\?") as refused:
            async with duologue.connect(url):
                pass
        assert refused.value.status == 401
        async with duologue.connect(url, headers={"Authorization": "Bearer abc"}) as peer:
            assert peer.is_connected
        answer = await answer_of(server.port, "/broken")
        assert answer.startswith("HTTP/1.1 500 ")
        assert "secret" not in answer
    assert "check_request has failed" in caplog.text


async def test_whoever_means_another_host_is_refused_before_it_is_asked() -> None:
    met: list[OpeningRequest] = []

    def note(request: OpeningRequest) -> HttpAnswer:
        met.append(request)
        return HttpAnswer(200)

    async with duologue.serve(check_request=note) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET /health HTTP/1.1\r\nHost: evil.example\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 403 ")
        writer.close()
        await writer.wait_closed()
    assert met == []


@pytest.mark.parametrize("status", [101, 199, 600, 0])
def test_a_status_that_is_no_answer_is_refused(status: int) -> None:
    with pytest.raises(ValueError, match="an HTTP status is from 200 to 599"):
        HttpAnswer(status)
