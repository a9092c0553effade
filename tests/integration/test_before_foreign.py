"""A word before the calls with a peer of the base profile, as those of ONE.core speak it.

Both roles: the foreign side, written from the text of the profile, connects and is connected to.
Services are those of that system's synchronisation: 1 is a version, 6 an object's text by its hash.
"""

import asyncio
import json

import pytest
from nacl.public import PrivateKey
from websockets.asyncio.client import connect as plain_connect
from websockets.asyncio.server import ServerConnection
from websockets.asyncio.server import serve as plain_serve

import duologue
from duologue import CallError, Identity, OpenConnection, WebsocketPromisifier
from tests.foreign_peer import Dialogue

OURS, THEIRS = PrivateKey(bytes(range(32))), PrivateKey(bytes(range(1, 33)))
US, THEM = Identity.from_secret(bytes(OURS)), Identity.from_secret(bytes(THEIRS))
TEXT = '<div itemscope itemtype="https://refin.io/Note">…</div>'
HASH = "ab" * 32


class NotStored(CallError):
    code = "CES-GO1"


def object_text(wanted: str) -> str:
    if wanted != HASH:
        raise NotStored("no such object")
    return TEXT


def offering(peer: WebsocketPromisifier) -> None:
    peer.add_service(1, lambda: 1)
    peer.add_service(6, object_text)


async def introduce(connection: OpenConnection) -> None:
    """Each side says its instance, the one that has connected first."""
    if connection.is_connector:
        connection.send(json.dumps({"instance": "ours"}))
    heard = json.loads(await connection.receive())
    if heard != {"instance": "theirs"}:
        raise ValueError(f"{heard!r} is no instance that is known here")
    if not connection.is_connector:
        connection.send(json.dumps({"instance": "ours"}))


@pytest.mark.parametrize("reconnect", [False, True], ids=["once", "reconnecting"])
async def test_we_connect_to_a_foreign_peer_that_waits_for_a_word(reconnect: bool) -> None:
    heard: asyncio.Queue[object] = asyncio.Queue()

    async def accept(socket: ServerConnection) -> None:
        dialogue = await Dialogue.accept(socket, THEIRS)
        heard.put_nowait(await dialogue.recv_json())
        # The first call may come right behind the word.
        await dialogue.send(json.dumps({"instance": "theirs"}))
        heard.put_nowait((await dialogue.call(7, 6, HASH))["data"])
        await dialogue.serve_one(1, 1)

    async with plain_serve(accept, "127.0.0.1", 0, compression=None) as server:
        port = server.sockets[0].getsockname()[1]
        async with duologue.connect(
            f"ws://127.0.0.1:{port}",
            identity=US,
            to=THEM.public_key,
            before=introduce,
            on_peer=offering,
            reconnect=reconnect,
        ) as peer:
            assert await peer.send(1) == 1
            assert await heard.get() == {"instance": "ours"}
            assert await heard.get() == TEXT


async def test_a_foreign_peer_connects_and_introduces_itself() -> None:
    async with (
        duologue.serve(
            identity=US, allow={THEM.public_key}, before=introduce, on_peer=offering
        ) as server,
        plain_connect(f"ws://127.0.0.1:{server.port}", compression=None) as socket,
    ):
        dialogue = await Dialogue.connect(socket, THEIRS, US.public_key)
        await dialogue.send(json.dumps({"instance": "theirs"}))
        assert await dialogue.recv_json() == {"instance": "ours"}
        assert (await dialogue.call(0, 1))["data"] == 1
        assert (await dialogue.call(1, 6, HASH))["data"] == TEXT
        assert (await dialogue.call(2, 6, "cd" * 32))["error"]["code"] == "CES-GO1"
