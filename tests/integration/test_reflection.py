"""Catalogue row 39: what a peer dials is brought to a listener of the same key.

The relay between them swaps the two names, and forwards. Within one process the handshake finds
it; between processes that share a key only the hello inside the channel can.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from unittest.mock import patch

import pytest
from websockets.asyncio.client import connect as plain_connect
from websockets.asyncio.server import ServerConnection
from websockets.asyncio.server import serve as plain_serve
from websockets.exceptions import ConnectionClosed as PlainClosed

import duologue
from duologue import Identity

ANN, BEN = Identity.generate(), Identity.generate()


@asynccontextmanager
async def swapping_relay(port: int) -> AsyncGenerator[str]:
    """Brings whoever comes to `port`, as the one that they asked for."""

    async def on_dial(dialling: ServerConnection) -> None:
        async with plain_connect(f"ws://127.0.0.1:{port}", compression=None) as listening:
            request = json.loads(await dialling.recv())
            request["sourcePublicKey"], request["targetPublicKey"] = (
                request["targetPublicKey"],
                request["sourcePublicKey"],
            )
            await listening.send(json.dumps(request))

            async def forward(there: bool) -> None:
                giver, taker = (dialling, listening) if there else (listening, dialling)
                try:
                    async for message in giver:
                        await taker.send(message)
                except PlainClosed:
                    pass
                await taker.close(1000, giver.close_reason or "")

            await asyncio.gather(forward(True), forward(False))

    async with plain_serve(on_dial, "127.0.0.1", 0, compression=None) as server:
        yield f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"


def knows_nothing(_: Identity) -> Callable[[bytes], bool]:
    """Of the keys that are dialled with."""
    return lambda _: False


class Listening:
    """Ann's own listener: who came, and what ran."""

    def __init__(self) -> None:
        self.came: list[bytes | None] = []
        self.ran: list[object] = []

    def welcome(self, peer: duologue.WebsocketPromisifier) -> None:
        self.came.append(peer.remote_key)
        peer.add_service(3, self.ran.append)


async def test_within_one_process_the_handshake_finds_it() -> None:
    listening = Listening()
    async with (
        duologue.serve(identity=ANN, allow={BEN.public_key}, on_peer=listening.welcome) as server,
        swapping_relay(server.port) as url,
    ):
        with pytest.raises(duologue.HandshakeFailed, match="our own"):
            async with duologue.connect(url, identity=ANN, to=BEN.public_key):
                pass
        assert dict(server.rejected) == {"reflection": 1}
    assert listening.came == []


async def test_between_two_processes_the_hello_finds_it_before_any_handler_runs() -> None:
    listening = Listening()
    # As if the listener were in another process: it knows nothing of what is dialled here.
    with patch("duologue.connection.encrypted.handshaking._own_ephemerals_of", knows_nothing):
        async with (
            duologue.serve(
                identity=ANN, allow={BEN.public_key}, on_peer=listening.welcome
            ) as server,
            swapping_relay(server.port) as url,
        ):
            with pytest.raises((duologue.IdentityMismatch, duologue.ConnectionClosed)):
                async with duologue.connect(url, identity=ANN, to=BEN.public_key) as peer:
                    await peer.send(3, "meant for Ben")
    assert listening.ran == []
