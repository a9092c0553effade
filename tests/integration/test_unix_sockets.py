"""Serving at a unix socket, and at a socket that somebody else has bound."""

import os
import socket
from pathlib import Path

import pytest

import duologue
from duologue import ANYONE, ConnectionClosed, Identity, WebsocketPromisifier
from tests.support import square

UNIX = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="this system has no unix sockets")


def offer(peer: WebsocketPromisifier) -> None:
    peer.add_service(1, square)


@UNIX
@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "encrypted"])
async def test_a_conversation_over_a_unix_socket(encrypted: bool, tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    ann, ben = Identity.generate(), Identity.generate()
    async with (
        duologue.serve(
            unix_path=path,
            on_peer=offer,
            identity=ben if encrypted else None,
            allow=ANYONE if encrypted else None,
        ) as server,
        duologue.connect(
            "ws://anything.example/",
            unix_path=path,
            identity=ann if encrypted else None,
            to=ben.public_key if encrypted else None,
        ) as peer,
    ):
        assert await peer.send(1, 12) == 144
        assert server.port == 0
    assert not os.path.exists(path)


@UNIX
async def test_what_a_dead_server_has_left_is_replaced(tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(path)
    async with duologue.serve(unix_path=path), duologue.connect("ws://x", unix_path=path):
        pass


@UNIX
async def test_a_living_server_is_not_replaced(tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    async with duologue.serve(unix_path=path):
        with pytest.raises(OSError, match=f"cannot listen at {path}: Address already in use"):
            async with duologue.serve(unix_path=path):
                pass
        async with duologue.connect("ws://x", unix_path=path):
            pass


@UNIX
async def test_a_file_that_is_no_socket_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("mine")
    with pytest.raises(OSError, match="Address already in use"):
        async with duologue.serve(unix_path=str(path)):
            pass
    assert path.read_text() == "mine"


@UNIX
async def test_a_socket_that_is_not_there_is_told_by_its_path(tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    with pytest.raises(ConnectionClosed) as caught:
        async with duologue.connect("ws://x", unix_path=path):
            pass
    assert caught.value.reason == (
        f"cannot reach ws://x:80: the socket {path}: [Errno 2] No such file or directory"
    )


async def test_serving_at_a_socket_that_is_bound_already() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
        async with (
            duologue.serve(sock=sock, on_peer=offer) as server,
            duologue.connect(f"ws://127.0.0.1:{port}") as peer,
        ):
            assert server.port == port
            assert await peer.send(1, 12) == 144


async def test_a_server_listens_at_one_socket() -> None:
    with socket.socket() as sock, pytest.raises(ValueError, match="listens at one of them"):
        duologue.serve(sock=sock, unix_path="x")
