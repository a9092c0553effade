"""Every way of joining two peers keeps every promise of a conversation."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

import duologue
from duologue import ANYONE, Identity, WebsocketPromisifier
from duologue.relay.server.server import RelayServer
from duologue.testing import check_conversation, linked_peers
from duologue.typed import Service

ANN, BEN = Identity.generate(), Identity.generate()

Pair = tuple[WebsocketPromisifier, WebsocketPromisifier]


async def test_peers_in_memory_keep_the_promises() -> None:
    await check_conversation(linked_peers)


async def test_encrypted_peers_in_memory_keep_the_promises() -> None:
    await check_conversation(partial(linked_peers, identities=(BEN, ANN)))


@asynccontextmanager
async def on_loopback(
    left: Sequence[Service], right: Sequence[Service], *, encrypted: bool, reconnect: bool = False
) -> AsyncGenerator[Pair]:
    """Left serves, right connects."""
    accepted: asyncio.Queue[WebsocketPromisifier] = asyncio.Queue()
    server = duologue.serve(
        *left,
        on_peer=accepted.put_nowait,
        identity=BEN if encrypted else None,
        allow=ANYONE if encrypted else None,
    )
    async with server:
        url = f"ws://127.0.0.1:{server.port}"
        async with duologue.connect(
            url,
            offer=right,
            identity=ANN if encrypted else None,
            to=BEN.public_key if encrypted else None,
            reconnect=reconnect,
        ) as peer:
            yield await accepted.get(), peer


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "encrypted"])
async def test_peers_on_loopback_keep_the_promises(encrypted: bool) -> None:
    await check_conversation(partial(on_loopback, encrypted=encrypted))


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "encrypted"])
async def test_peers_that_would_reconnect_keep_the_promises(encrypted: bool) -> None:
    make_pair = partial(on_loopback, encrypted=encrypted, reconnect=True)
    await check_conversation(make_pair, closers=("right",))


async def test_peers_at_a_relay_keep_the_promises(tmp_path: Path) -> None:
    @asynccontextmanager
    async def through_relay(
        left: Sequence[Service], right: Sequence[Service]
    ) -> AsyncGenerator[Pair]:
        """Left listens, right dials."""
        accepted: asyncio.Queue[WebsocketPromisifier] = asyncio.Queue()
        relay = RelayServer()
        await relay.start()
        try:
            async with (
                duologue.listen(
                    relay.url,
                    *left,
                    identity=BEN,
                    allow=ANYONE,
                    on_peer=accepted.put_nowait,
                    known_relays=tmp_path / "known_relays",
                    spares=1,
                ),
                duologue.dial(relay.url, to=BEN.public_key, identity=ANN, offer=right) as peer,
            ):
                yield await accepted.get(), peer
        finally:
            await relay.close()

    await check_conversation(through_relay)
