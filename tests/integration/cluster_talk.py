"""How plain peers speak through a cluster, and what its tests wait for."""

import asyncio
import contextlib
import json
from collections.abc import Callable

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as plain_connect
from websockets.exceptions import ConnectionClosed as PlainClosed

from duologue.relay.cluster_limits import ClusterLimits
from tests.cluster_support import TestNode
from tests.foreign_peer import request_for
from tests.foreign_relay import register, wait_for_caller
from tests.integration.loopback import nothing_is_left as nothing_is_left
from tests.integration.relay_loopback import ANN_SECRET, BEN, BEN_SECRET, PATIENCE_S

NO_LISTENER = "Close called: No listening connection for the specified publicKey."
QUICK = ClusterLimits(bus_ping_s=0.2, bus_backoff_max_s=0.2, bus_doubt_s=0.5)
NO_WAY = "Close called: The listener's node cannot be reached."


async def refusal(url: str) -> str:
    """Ask for somebody who cannot be had; the words that one is told."""
    async with plain_connect(url, compression=None) as socket:
        await socket.send(request_for(ANN_SECRET, BEN.public_key))
        with pytest.raises(PlainClosed) as caught:
            await asyncio.wait_for(socket.recv(), PATIENCE_S)
        assert caught.value.rcvd is not None
        return caught.value.rcvd.reason


async def say(one: ClientConnection, other: ClientConnection) -> None:
    """They speak with each other."""
    for sender, reader in ((one, other), (other, one)):
        await sender.send("still there")
        assert await asyncio.wait_for(reader.recv(), PATIENCE_S) == "still there"


async def part(caller: ClientConnection, listener: ClientConnection) -> None:
    """The caller closes, and the listener sees it."""
    await caller.close()
    with contextlib.suppress(PlainClosed):
        await asyncio.wait_for(listener.recv(), PATIENCE_S)


def is_there(node: TestNode, count: int) -> Callable[[], bool]:
    return lambda: len(node.bus.servers()) == count


async def joined(caller_url: str, listener_url: str) -> tuple[ClientConnection, ClientConnection]:
    """Two plain peers that have been joined: whatever they send goes through as it is."""
    listener = await register(listener_url, BEN_SECRET)
    caller = await plain_connect(caller_url, compression=None, max_size=None)
    await caller.send(request_for(ANN_SECRET, BEN.public_key))
    called = asyncio.ensure_future(wait_for_caller(listener))
    refused = asyncio.ensure_future(caller.wait_closed())
    await asyncio.wait((called, refused), return_when=asyncio.FIRST_COMPLETED)
    if not called.done():
        called.cancel()
        await listener.close()
        raise AssertionError(f"the caller was refused: {caller.close_reason}")
    refused.cancel()
    await called
    assert json.loads(await listener.recv())["command"] == "communication_request"
    return caller, listener
