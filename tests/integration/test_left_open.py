"""A block that is still open when `asyncio.run` returns ends as others do, and without a word."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path

import pytest

import duologue
from duologue import ANYONE, Identity, WebsocketPromisifier
from duologue.testing import linked_peers
from tests.integration.relay_loopback import running

ANN, BEN = Identity.generate(), Identity.generate()

Pair = tuple[WebsocketPromisifier, WebsocketPromisifier]
Entered = AbstractAsyncContextManager[WebsocketPromisifier] | AbstractAsyncContextManager[Pair]
Enter = Callable[[AsyncExitStack, Path, bool], Awaitable[Entered]]


async def plain(stack: AsyncExitStack, _: Path, reconnect: bool) -> Entered:
    server = await stack.enter_async_context(duologue.serve())
    return duologue.connect(f"ws://127.0.0.1:{server.port}", reconnect=reconnect)


async def encrypted(stack: AsyncExitStack, _: Path, reconnect: bool) -> Entered:
    server = await stack.enter_async_context(duologue.serve(identity=BEN, allow=ANYONE))
    url = f"ws://127.0.0.1:{server.port}"
    return duologue.connect(url, identity=ANN, to=BEN.public_key, reconnect=reconnect)


async def relayed(stack: AsyncExitStack, folder: Path, reconnect: bool) -> Entered:
    relay = await stack.enter_async_context(running())
    listener = duologue.listen(relay.url, identity=BEN, allow=ANYONE, known_relays=folder / "known")
    await stack.enter_async_context(listener)
    return duologue.dial(relay.url, to=BEN.public_key, identity=ANN, reconnect=reconnect)


async def in_memory(_stack: AsyncExitStack, _: Path, _reconnect: bool) -> Entered:
    return linked_peers(identities=(ANN, BEN))


@pytest.mark.parametrize("reconnect", [False, True], ids=["once", "reconnecting"])
@pytest.mark.parametrize("enter", [plain, encrypted, relayed, in_memory])
@pytest.mark.parametrize("host_leaves_first", [False, True])
def test_a_block_left_open_is_closed_with_the_loop(
    enter: Enter,
    reconnect: bool,
    host_leaves_first: bool,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def host(stack: AsyncExitStack) -> None:
        async with stack:
            await asyncio.Event().wait()

    async def main() -> tuple[Entered, WebsocketPromisifier]:
        stack = AsyncExitStack()
        block = await enter(stack, tmp_path, reconnect)
        hosting = asyncio.create_task(host(stack))
        entered = await block.__aenter__()
        peer = entered[1] if isinstance(entered, tuple) else entered
        if host_leaves_first:
            hosting.cancel()
            await asyncio.wait([hosting])
        return block, peer

    _block, peer = asyncio.run(main())
    assert not peer.is_connected
    assert [each.getMessage() for each in caplog.records if each.levelno >= logging.ERROR] == []
