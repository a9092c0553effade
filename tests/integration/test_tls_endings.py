"""Clients that end TLS in the same packet as what they say last: nothing of it is our loop's fault.

Each runs on both event loops, as each has TLS of its own.
"""

import asyncio
import socket
import ssl as tls
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import pytest
from websockets.frames import Close, Frame, Opcode

import duologue
from duologue.promisifier.promisifier import WebsocketPromisifier
from duologue.relay.server.watched_files import TlsFiles
from tests.integration.relay_loopback import running

CERTIFICATE: Final = Path(__file__).parent / "localhost.pem"
PATIENCE_S: Final = 30.0

TEXT: Final = Frame(Opcode.TEXT, b"[]").serialize(mask=True)
CLOSE: Final = Frame(Opcode.CLOSE, Close(1000, "bye").serialize()).serialize(mask=True)

LAST_WORDS: Final = {
    "a close frame": CLOSE,
    "a message and a close frame": TEXT + CLOSE,
    "a message": TEXT,
    "a frame that is not masked": Frame(Opcode.TEXT, b"x").serialize(mask=False),
    "nothing": b"",
}


def _request(port: int, path: str = "/") -> bytes:
    lines = (
        f"GET {path} HTTP/1.1",
        f"Host: localhost:{port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def _say_and_leave(port: int, first: bytes, last: bytes) -> None:
    """Say `first`, wait for an answer if `last` follows, then say `last` and end TLS at once."""
    context = tls.create_default_context(cafile=str(CERTIFICATE))
    incoming, outgoing = tls.MemoryBIO(), tls.MemoryBIO()
    channel = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    with socket.create_connection(("localhost", port), timeout=PATIENCE_S) as sock:

        def until_done(step: Callable[[], Any]) -> None:
            while True:
                try:
                    step()
                except tls.SSLWantReadError:
                    sock.sendall(outgoing.read())
                    incoming.write(sock.recv(65_536))
                else:
                    return

        until_done(channel.do_handshake)
        channel.write(first)
        if last:
            until_done(lambda: channel.read(65_536))
            channel.write(last)
        try:
            channel.unwrap()
        except tls.SSLWantReadError:
            pass  # the answer comes when it has been sent
        sock.sendall(outgoing.read())
        while sock.recv(65_536):
            pass


def _on_both_loops(main: Callable[[], Awaitable[None]]) -> None:
    complaints: list[dict[str, Any]] = []

    async def watched() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: complaints.append(context))
        await main()

    asyncio.run(watched())
    if sys.platform != "win32":
        uvloop = pytest.importorskip("uvloop")
        uvloop.run(watched())
    assert complaints == []


async def _leave_in_all_ways(port: int) -> None:
    for last in LAST_WORDS.values():
        await asyncio.gather(
            *(asyncio.to_thread(_say_and_leave, port, _request(port), last) for _ in range(4))
        )
    await asyncio.to_thread(_say_and_leave, port, b"GET / HTTP/1.1\r\n\r\n", b"")
    await asyncio.to_thread(_say_and_leave, port, b"", b"")


def test_a_server_is_left_in_one_packet() -> None:
    async def main() -> None:
        context = tls.SSLContext(tls.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE)
        async with duologue.serve(host="localhost", ssl=context) as server:
            await _leave_in_all_ways(server.port)

    _on_both_loops(main)


def test_a_service_may_end_the_connection_of_who_leaves_in_the_packet_of_its_call() -> None:
    request = Frame(
        Opcode.TEXT, b'{"requestId":0,"type":"request","serviceId":3,"args":[]}'
    ).serialize(mask=True)

    async def main() -> None:
        context = tls.SSLContext(tls.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE)
        ended: list[int] = []

        def offer_the_end(peer: WebsocketPromisifier) -> None:
            def end() -> None:
                ended.append(3)
                peer._conversation.connection.terminate("enough")

            peer.add_service(3, end)

        async with duologue.serve(host="localhost", ssl=context, on_peer=offer_the_end) as server:
            port = server.port
            for _ in range(4):
                await asyncio.to_thread(_say_and_leave, port, _request(port), request)
        assert ended == [3] * 4

    _on_both_loops(main)


def test_a_relay_is_left_in_one_packet() -> None:
    async def main() -> None:
        async with running(host="localhost", tls=TlsFiles(CERTIFICATE, CERTIFICATE)) as relay:
            await _leave_in_all_ways(int(relay.url.rpartition(":")[2].rstrip("/")))

    _on_both_loops(main)
