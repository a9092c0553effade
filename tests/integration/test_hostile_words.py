"""Servers that put commands for terminals and forged lines into everything that they may say."""

import asyncio
import base64
import hashlib
import io
import json
import logging
import os
import sys
import traceback
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

import duologue
from duologue import CallContext, TextStream
from duologue.errors import CallError, ConnectionClosed, DuologueError, ProtocolError
from duologue.testing import linked
from generated.onecore.basics.v1 import BasicsClient, BasicsServicePartial
from tests.relay_process import COMMAND
from tests.stream_server import stream_server

pytest.importorskip("pty")

EVIL = "\x1b]0;PWNED\x07\x1b[2J\x9b31m\u202e\r\nFORGED 12:00 all is well"
SHOWN = r"\x1b]0;PWNED\x07\x1b[2J\x9b31m\u202e\r\nFORGED 12:00 all is well"

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter, bytes], Awaitable[None]]


@asynccontextmanager
async def hostile(talk: Talk) -> AsyncGenerator[str]:
    """The address of a server that reads the head of a request and then does as `talk` wants."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await talk(reader, writer, await reader.readuntil(b"\r\n\r\n"))
        writer.close()

    async with stream_server(serve) as port:
        yield f"ws://127.0.0.1:{port}"


def answering(head: bytes, body: str = "") -> Talk:
    """Refuses the WebSocket in these words."""

    async def talk(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes
    ) -> None:
        content = body.encode()
        length = b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(content)
        writer.write(head + b"\r\n" + length + content)
        await writer.drain()

    return talk


def frame(opcode: int, payload: bytes) -> bytes:
    size = len(payload)
    head = bytes([size]) if size < 126 else bytes([126]) + size.to_bytes(2, "big")
    return bytes([0x80 | opcode]) + head + payload


async def accept(writer: asyncio.StreamWriter, request: bytes) -> None:
    [key] = [
        line.split(b":")[1].strip()
        for line in request.split(b"\r\n")
        if line.lower().startswith(b"sec-websocket-key")
    ]
    proof = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
    writer.write(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + proof + b"\r\n\r\n"
    )


async def read_text(reader: asyncio.StreamReader) -> dict[str, Any]:
    """The next text of a client; ConnectionError when it says that it leaves."""
    while True:
        first, second = await reader.readexactly(2)
        size = second & 127
        if size == 126:
            size = int.from_bytes(await reader.readexactly(2), "big")
        mask = await reader.readexactly(4)
        payload = await reader.readexactly(size)
        if first & 15 == 8:
            raise ConnectionResetError
        if first & 15 == 1:
            text = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
            found: dict[str, Any] = json.loads(text)
            return found


async def next_call(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
    """The number of the next call of a client; its hello is answered as a base peer would."""
    while True:
        asked = await read_text(reader)
        if asked.get("type") == "request" and asked["serviceId"] != 0:
            number: int = asked["requestId"]
            return number
        if asked.get("type") == "request":
            unknown = {"name": "x", "code": "UNKNOWN-SERVICE", "message": "x"}
            writer.write(failure_frame(asked["requestId"], unknown))


def failure_frame(number: int, error: dict[str, Any]) -> bytes:
    answer = {"responseId": number, "type": "error", "error": error}
    return frame(1, json.dumps(answer).encode())


def closing(code: int) -> Talk:
    """Accepts, and closes in these words as soon as something is asked."""

    async def talk(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes
    ) -> None:
        await accept(writer, request)
        await next_call(reader, writer)
        writer.write(frame(8, code.to_bytes(2, "big") + EVIL.encode()))

    return talk


def failing(error: dict[str, Any]) -> Talk:
    """Answers every call with this error."""

    async def talk(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes
    ) -> None:
        await accept(writer, request)
        while True:
            writer.write(failure_frame(await next_call(reader, writer), error))

    return talk


PLAIN_HEAD = EVIL.replace("\r\n", "").encode("latin-1", "ignore")

REFUSALS: dict[str, Talk] = {
    "status line": answering(b"HTTP/1.1 404 " + PLAIN_HEAD),
    "C1 in the status line": answering(b"HTTP/1.1 404 \x9b31mred"),
    "body": answering(b"HTTP/1.1 404 Nope", EVIL),
    "body of one that may pass": answering(b"HTTP/1.1 503 Nope", EVIL),
    "where it has gone": answering(b"HTTP/1.1 302 Nope\r\nLocation: http://x/\x9b31mred"),
    "header": answering(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: \x1b[31mweb"),
    "C1 in a header": answering(
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: \x9b31mweb"
    ),
    "no HTTP": answering(PLAIN_HEAD),
    "close reason": closing(1000),
    "reason of too large a message": closing(1009),
}

FAILURES: dict[str, dict[str, Any]] = {
    "everything": {"name": EVIL, "message": EVIL, "code": EVIL, "details": {EVIL: EVIL}},
    "no code": {"name": EVIL, "message": EVIL},
    "a code of ours": {"name": "x", "message": EVIL, "code": "UNAUTHORISED", "details": EVIL},
    "problems": {
        "name": "x",
        "message": EVIL,
        "code": "INVALID_PARAMS",
        "details": [{"path": EVIL, "text": EVIL}],
    },
    "an incident": {
        "name": "x",
        "message": EVIL,
        "code": "INTERNAL",
        "details": {"incident": EVIL},
    },
    "a limit": {
        "name": "x",
        "message": EVIL,
        "code": "LIMIT_EXCEEDED",
        "details": {"limit": EVIL, "value": 1},
    },
}


def is_harmless(text: str) -> bool:
    """Whether nothing of `EVIL` is left that would do something."""
    return not set(text) & {"\x1b", "\x07", "\x9b", "\u202e", "\r"} and not any(
        line.startswith("FORGED") for line in text.splitlines()
    )


async def ask_at(url: str) -> DuologueError:
    with pytest.raises(DuologueError) as caught:
        async with duologue.connect(url) as peer:
            await BasicsClient(peer).nothing()
    return caught.value


@pytest.mark.parametrize("talk", REFUSALS.values(), ids=REFUSALS.keys())
async def test_refusals_are_shown_without_what_they_command(talk: Talk) -> None:
    async with hostile(talk) as url:
        error = await ask_at(url)
    assert isinstance(error, ConnectionClosed | ProtocolError)
    assert is_harmless(str(error))
    assert is_harmless("".join(traceback.format_exception(error)))


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES.keys())
async def test_failures_are_shown_without_what_they_command(failure: dict[str, Any]) -> None:
    async with hostile(failing(failure)) as url:
        error = await ask_at(url)
    assert SHOWN in str(error) or failure["code"] == "INTERNAL"
    assert is_harmless(str(error))
    assert is_harmless("".join(traceback.format_exception(error)))
    if isinstance(error, CallError):
        assert error.message == EVIL


class Forwarding(BasicsServicePartial):
    """Calls another service to answer a call."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def nothing(self, ctx: CallContext) -> None:
        async with duologue.connect(self._url) as peer:
            await BasicsClient(peer).nothing()


async def test_a_failure_of_a_hostile_service_forges_no_line_of_our_log() -> None:
    lines = io.StringIO()
    handler = logging.StreamHandler(lines)
    logger = logging.getLogger("duologue")
    logger.addHandler(handler)
    try:
        async with (
            hostile(failing(FAILURES["everything"])) as url,
            linked(Forwarding(url), BasicsClient) as basics,
        ):
            with pytest.raises(duologue.InternalError):
                await basics.nothing()
    finally:
        logger.removeHandler(handler)
    assert SHOWN in lines.getvalue()
    assert is_harmless(lines.getvalue())


async def on_terminal(*arguments: str) -> tuple[int, str]:
    """The exit code of a command, and what the terminal that it runs on is sent."""
    ours, theirs = os.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", COMMAND, *arguments),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8"},
    )
    os.close(theirs)
    sent = await asyncio.to_thread(read_all, ours)
    # The terminal itself makes CR LF of each line feed.
    return await process.wait(), sent.decode().replace("\r\n", "\n")


def read_all(descriptor: int) -> bytes:
    found = b""
    with suppress(OSError):  # how a terminal says that nobody is left at its other side
        while block := os.read(descriptor, 65_536):
            found += block
    os.close(descriptor)
    return found


ASK = ("onecore.basics.v1.Basics/nothing", "--timeout", "20")


@pytest.mark.parametrize("kind", ["body", "body of one that may pass", "close reason", "header"])
async def test_call_says_on_a_terminal_why_it_failed_and_no_more(kind: str) -> None:
    async with hostile(REFUSALS[kind]) as url:
        code, sent = await on_terminal("call", url, *ASK)
    assert code == 1
    assert "\\x1b" in sent
    assert is_harmless(sent)


async def test_call_says_on_a_terminal_how_the_service_failed_and_no_more() -> None:
    async with hostile(failing(FAILURES["everything"])) as url:
        code, sent = await on_terminal("call", url, *ASK)
    assert code == 1
    assert json.loads(sent)["message"] == EVIL
    assert is_harmless(sent)


@pytest.mark.parametrize("kind", ["body", "status line"])
async def test_doctor_says_what_it_met_and_no_more(kind: str) -> None:
    async with hostile(REFUSALS[kind]) as url:
        code, sent = await on_terminal("doctor", url, "--timeout", "1")
    assert code == 1
    assert "\\x1b" in sent
    assert is_harmless(sent)


async def test_doctor_survives_a_date_that_is_none() -> None:
    async with hostile(answering(b"HTTP/1.1 404 Nope\r\nDate: \x9b31m, 99 Foo 99999")) as url:
        code, sent = await on_terminal("doctor", url, "--timeout", "5")
    assert code == 1
    assert r"this is no date: \x9b31m" in sent
    assert is_harmless(sent)


STREAMED = f"tabs\tand\nlines stay, {EVIL}\ud800"


class Basics(BasicsServicePartial):
    def read_text(self, ctx: CallContext) -> TextStream:
        return TextStream(pieces())


async def pieces() -> AsyncIterator[str]:
    yield STREAMED


READ_TEXT = ("onecore.basics.v1.Basics/read_text",)


async def test_a_text_stream_on_a_terminal_keeps_its_lines_and_commands_nothing() -> None:
    async with duologue.serve(Basics()) as server:
        code, sent = await on_terminal("call", f"ws://127.0.0.1:{server.port}", *READ_TEXT)
    assert code == 0
    expected = SHOWN.replace(r"\r\n", "\\r\n")
    assert sent == f"tabs\tand\nlines stay, {expected}\\ud800"


async def test_bytes_are_not_sent_to_a_terminal() -> None:
    code, sent = await on_terminal(
        "call", "ws://127.0.0.1:9", "onecore.basics.v1.Basics/read_bytes"
    )
    assert code == 2
    assert "returns bytes, which are not for a terminal" in sent


async def test_a_text_stream_into_a_pipe_or_a_file_is_left_as_it_is(tmp_path: Any) -> None:
    raw = STREAMED.encode(errors="surrogatepass")
    async with duologue.serve(Basics()) as server:
        url = f"ws://127.0.0.1:{server.port}"
        for arguments in ((), ("--output", str(tmp_path / "text"))):
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", COMMAND, "call", url, *READ_TEXT, *arguments),
                stdout=asyncio.subprocess.PIPE,
                env={**os.environ, "PYTHONIOENCODING": "ascii"},
            )
            output, _ = await process.communicate()
            assert process.returncode == 0
            assert output == (b"" if arguments else raw)
    assert (tmp_path / "text").read_bytes() == raw
