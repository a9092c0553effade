"""Every kind of connection keeps every promise of `Connection`."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

from duologue.connection.base import Connection
from duologue.connection.encrypted.fragment_layer import FragmentLayer
from duologue.connection.encrypted.handshaking import (
    AcceptanceBook,
    carrier_limits,
    encrypt_as_acceptor,
    encrypt_as_connector,
)
from duologue.connection.encrypted.keepalive_layer import KeepAliveLayer
from duologue.connection.encrypted.sealing_layer import SealingLayer
from duologue.connection.layer import Layer
from duologue.connection.memory import connected_pair
from duologue.connection.websocket.dial import dial_websocket
from duologue.connection.websocket.listener import accept_websockets
from duologue.identity import Identity
from duologue.limits import Limits
from duologue.testing.connection_check import check_connection
from tests.stopwatch import PATIENCE_S

SMALL = Limits(max_message_bytes=100_000)
ROOMY = Limits(max_message_bytes=300_000)
"""For carriers of a layer that adds to messages."""


@asynccontextmanager
async def websocket_pairs(limits: Limits) -> AsyncGenerator["WebSocketPairs"]:
    accepted: asyncio.Queue[Connection] = asyncio.Queue()
    listener = await accept_websockets(accepted.put_nowait, limits, host="127.0.0.1")
    try:
        yield WebSocketPairs(f"ws://127.0.0.1:{listener.port}", accepted, limits)
    finally:
        listener.close()
        await asyncio.wait_for(listener.wait_closed(), PATIENCE_S)
        assert not listener.connections


class WebSocketPairs:
    def __init__(self, url: str, accepted: asyncio.Queue[Connection], limits: Limits) -> None:
        self._url = url
        self._accepted = accepted
        self._limits = limits

    async def make(self) -> tuple[Connection, Connection]:
        client = await dial_websocket(self._url, self._limits, timeout_s=10)
        return client, await self._accepted.get()


async def test_memory_pair_keeps_the_promises() -> None:
    async def make_pair() -> tuple[Connection, Connection]:
        return connected_pair(SMALL)

    await check_connection(make_pair, max_message_bytes=SMALL.max_message_bytes)


async def test_websocket_keeps_the_promises_as_client_and_as_server() -> None:
    async with websocket_pairs(SMALL) as pairs:
        await check_connection(pairs.make, max_message_bytes=SMALL.max_message_bytes)


def pair_of(
    wrap: Callable[[Connection, bool], Connection], carrier: Limits = ROOMY
) -> Callable[[], Awaitable[tuple[Connection, Connection]]]:
    """Pairs of a layer on connections in memory; `wrap` is told who is the connector."""

    async def make_pair() -> tuple[Connection, Connection]:
        left, right = connected_pair(carrier)
        return wrap(left, True), wrap(right, False)

    return make_pair


def started(layer: Layer) -> Layer:
    layer.start()
    return layer


async def test_encryption_alone_keeps_the_promises() -> None:
    def wrap(carrier: Connection, is_connector: bool) -> Connection:
        return started(
            SealingLayer(
                carrier,
                bytes(range(32)),
                is_connector=is_connector,
                max_message_bytes=SMALL.max_message_bytes,
            )
        )

    await check_connection(pair_of(wrap), max_message_bytes=SMALL.max_message_bytes)


async def test_keep_alive_alone_keeps_the_promises() -> None:
    def wrap(carrier: Connection, _: bool) -> Connection:
        return started(KeepAliveLayer(carrier, SMALL))

    await check_connection(pair_of(wrap, SMALL), max_message_bytes=SMALL.max_message_bytes)


async def test_fragmenting_alone_keeps_the_promises() -> None:
    def wrap(carrier: Connection, _: bool) -> Connection:
        return started(FragmentLayer(carrier, SMALL))

    await check_connection(pair_of(wrap), max_message_bytes=SMALL.max_message_bytes)


async def test_the_full_stack_keeps_the_promises_in_memory() -> None:
    ann, ben = Identity.generate(), Identity.generate()
    book = AcceptanceBook(SMALL)

    async def make_pair() -> tuple[Connection, Connection]:
        left, right = connected_pair(carrier_limits(SMALL))
        return await encrypted_pair(left, right, ann, ben, book)

    await check_connection(make_pair, max_message_bytes=SMALL.max_message_bytes)


async def test_the_full_stack_keeps_the_promises_on_websockets() -> None:
    ann, ben = Identity.generate(), Identity.generate()
    book = AcceptanceBook(SMALL)
    async with websocket_pairs(carrier_limits(SMALL)) as pairs:

        async def make_pair() -> tuple[Connection, Connection]:
            return await encrypted_pair(*await pairs.make(), ann, ben, book)

        await check_connection(make_pair, max_message_bytes=SMALL.max_message_bytes)


async def encrypted_pair(
    left: Connection, right: Connection, ann: Identity, ben: Identity, book: AcceptanceBook
) -> tuple[Connection, Connection]:
    return await asyncio.gather(
        encrypt_as_connector(left, ann, ben.public_key, SMALL),
        encrypt_as_acceptor(right, ben, {ann.public_key}, SMALL, book=book),
    )
