"""Entering and leaving `serve`, `listen` and `connect`, and what is said of wrong uses."""

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest

import duologue
from duologue import ANYONE, Identity
from duologue.errors import ConnectionClosed
from duologue.typed.service import Service
from tests.integration.loopback import PATIENCE_S
from tests.integration.loopback import nothing_is_left as nothing_is_left
from tests.stream_server import stream_server

NOT_RUNNING = "the server is not running; use it in `async with`"


async def test_a_server_that_was_not_entered_says_so() -> None:
    server = duologue.serve()
    for use in (lambda: server.port, lambda: server.peers):
        with pytest.raises(RuntimeError, match=NOT_RUNNING):
            use()
    with pytest.raises(RuntimeError, match=NOT_RUNNING):
        await server.wait_closed()


async def test_so_does_a_listener(tmp_path: Path) -> None:
    listener = duologue.listen(
        "ws://127.0.0.1:9",
        identity=Identity.generate(),
        allow=ANYONE,
        known_relays=tmp_path / "known",
    )
    with pytest.raises(RuntimeError, match="the listener is not running; use it in"):
        assert listener.peers
    with pytest.raises(RuntimeError, match="the listener is not running; use it in"):
        await listener.wait_closed()


async def test_a_server_runs_once() -> None:
    server = duologue.serve()
    async with server:
        port = server.port
        with pytest.raises(RuntimeError, match="the server has been entered before; make another"):
            await server.__aenter__()
        assert server.port == port
        async with duologue.connect(f"ws://127.0.0.1:{port}"):
            assert len(server.peers) == 1
    await server.wait_closed()
    with pytest.raises(RuntimeError, match="the server has been entered before; make another"):
        await server.__aenter__()


async def test_a_server_that_was_closed_unentered_is_closed() -> None:
    server = duologue.serve()
    await server.close()
    await server.wait_closed()
    with pytest.raises(RuntimeError, match="the server has been closed; make another"):
        await server.__aenter__()


async def test_an_address_that_is_taken_is_named_and_may_be_tried_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        server = duologue.serve(port=port)
        with pytest.raises(OSError, match=rf"cannot listen at 127\.0\.0\.1:{port}: "):
            await server.__aenter__()
    async with server:
        assert server.port == port


@pytest.mark.parametrize("host", ["", None])
async def test_every_address_of_the_machine_is_one_port(host: str | None) -> None:
    async with duologue.serve(host=host) as server:
        places = ["127.0.0.1"]
        with socket.socket(socket.AF_INET6) if socket.has_ipv6 else socket.socket() as probe:
            try:
                probe.bind(("::1", 0))
                places.append("[::1]")
            except OSError:
                pass  # a machine without IPv6
        for place in places:
            async with duologue.connect(f"ws://{place}:{server.port}"):
                pass


@pytest.mark.parametrize("host", ["exa..mple", "a" * 70])
async def test_a_host_that_can_be_none_is_refused_by_both_sides(host: str) -> None:
    with pytest.raises(ValueError, match="is no name of a host") as caught:
        await duologue.serve(host=host).__aenter__()
    assert not isinstance(caught.value, UnicodeError)
    with pytest.raises(ValueError, match="is no name of a host") as caught:
        async with duologue.connect(f"ws://{host}:1"):
            pass
    assert not isinstance(caught.value, UnicodeError)
    with pytest.raises(ValueError, match="is no name of a host"):
        duologue.listen(f"wss://{host}:1", identity=Identity.generate(), allow=ANYONE)


async def test_a_single_service_is_offered_in_a_list() -> None:
    service: Any = Service()
    text = r"offer= takes several services; for one, write offer=\[Service\(\.\.\.\)\]"
    with pytest.raises(TypeError, match=text):
        async with duologue.connect("ws://127.0.0.1:9", offer=service):
            pass
    me = Identity.generate()
    with pytest.raises(TypeError, match=text):
        async with duologue.dial(
            "ws://127.0.0.1:9", to=Identity.generate().public_key, identity=me, offer=service
        ):
            pass


async def test_an_address_without_a_scheme_says_what_to_write() -> None:
    with pytest.raises(ValueError, match=r"write ws://127\.0\.0\.1:9, or wss://127\.0\.0\.1:9"):
        async with duologue.connect("127.0.0.1:9"):
            pass


async def test_no_reason_is_empty_where_the_system_says_nothing() -> None:
    """A TLS client at a plain port is reset, and the exception for it has no text."""

    async def slam(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    async with stream_server(slam) as port:
        with pytest.raises(ConnectionClosed) as caught:
            async with duologue.connect(f"wss://127.0.0.1:{port}", timeout=PATIENCE_S):
                pass
        assert caught.value.sent == "no"
        assert not caught.value.reason.endswith((": ", ":"))
        assert str(caught.value).count("cannot reach") == 1
