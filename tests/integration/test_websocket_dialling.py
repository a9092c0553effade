"""Dialling what does not answer, or is something else."""

import asyncio
import ssl as tls
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from duologue.connection.websocket.dial import dial_websocket
from duologue.errors import (
    ConnectionClosed,
    DeadlineExceeded,
    DuologueError,
    ProtocolError,
)
from duologue.limits import Limits
from tests.integration.loopback import (
    PATIENCE_S,
    serving,
)
from tests.integration.loopback import nothing_is_left as nothing_is_left
from tests.stream_server import stream_server


@asynccontextmanager
async def answering(answer: bytes | None) -> AsyncGenerator[str]:
    """A server that gives every client `answer`; None: never says anything."""
    done = asyncio.Event()

    async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if answer is not None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
        else:
            await reader.read()
        writer.close()
        await writer.wait_closed()
        done.set()

    async with stream_server(serve_one) as port:
        yield f"ws://127.0.0.1:{port}/path?token=secret"
    async with asyncio.timeout(PATIENCE_S):
        await done.wait()


async def dial_failure(url: str, timeout_s: float = PATIENCE_S) -> DuologueError:
    with pytest.raises(DuologueError) as caught:
        await dial_websocket(url, Limits(), timeout_s=timeout_s)
    assert "secret" not in str(caught.value)
    return caught.value


async def test_nobody_listens() -> None:
    async with serving() as served:
        url = served.url
    failure = await dial_failure(url)
    assert isinstance(failure, ConnectionClosed)
    assert (failure.code, failure.sent) == (1006, "no")
    assert failure.reason == f"{url} refused the connection"


async def test_a_name_that_does_not_exist() -> None:
    failure = await dial_failure("ws://nobody.invalid:1")
    assert isinstance(failure, ConnectionClosed)
    assert failure.sent == "no"


async def test_a_server_that_never_answers() -> None:
    async with answering(None) as url:
        failure = await dial_failure(url, timeout_s=0.05)
    assert isinstance(failure, DeadlineExceeded)
    assert isinstance(failure, TimeoutError)
    assert "was not open after 0.05 s" in str(failure)


async def test_a_server_that_hangs_up() -> None:
    async with answering(b"") as url:
        failure = await dial_failure(url)
    assert isinstance(failure, ConnectionClosed)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 301 Moved\r\nLocation: ws://127.0.0.1:1\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n<html>",
        b"SSH-2.0-OpenSSH\r\n",
    ],
)
async def test_what_is_no_websocket_server(answer: bytes) -> None:
    async with answering(answer) as url:
        failure = await dial_failure(url)
    assert isinstance(failure, ProtocolError)


@pytest.mark.parametrize(
    "url", ["http://localhost", "localhost:80", "ws://", "ws://user@h", "ws://h:x", "ws://h/#f"]
)
async def test_what_is_no_websocket_address(url: str) -> None:
    with pytest.raises(ValueError, match="not a ws: or wss: address"):
        await dial_websocket(url, Limits(), timeout_s=PATIENCE_S)


async def test_a_passwords_place_in_an_address_is_not_repeated() -> None:
    with pytest.raises(ValueError, match="not a ws: or wss: address") as caught:
        await dial_websocket("http://me:secret@host", Limits(), timeout_s=PATIENCE_S)
    assert "secret" not in str(caught.value)


async def test_ssl_for_a_plain_address_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="wss"):
        await dial_websocket(
            "ws://localhost",
            Limits(),
            ssl=tls.create_default_context(),
            timeout_s=PATIENCE_S,
        )
