"""A peer belongs to the loop it was made in; other threads are told how to come in."""

import asyncio
from collections.abc import Callable

import pytest

import duologue
from duologue.promisifier.promisifier import WebsocketPromisifier
from duologue.testing import linked_peers
from tests.support import itself

REMEDY = "run_coroutine_threadsafe"


async def raised_in_a_thread(action: Callable[[], object]) -> str:
    """The text of the `RuntimeError` that `action` raises in another thread."""

    def run() -> str:
        with pytest.raises(RuntimeError) as raised:
            action()
        return str(raised.value)

    return await asyncio.to_thread(run)


def in_a_loop_of_its_own(peer: WebsocketPromisifier) -> Callable[[], object]:
    async def call() -> None:
        await peer.send(3, 1)

    return lambda: asyncio.run(call())


@pytest.mark.parametrize("debug", [False, True])
async def test_a_call_from_another_thread_is_refused_and_nothing_is_touched(debug: bool) -> None:
    asyncio.get_running_loop().set_debug(debug)
    async with linked_peers() as (server, caller):
        server.add_service(3, itself)
        assert await caller.send(3, 0) == 0
        before = dict(caller.stats)
        assert REMEDY in await raised_in_a_thread(lambda: caller.send(3, 1))
        assert REMEDY in await raised_in_a_thread(in_a_loop_of_its_own(caller))
        assert dict(caller.stats) == before
        assert await caller.send(3, 2) == 2


@pytest.mark.parametrize("debug", [False, True])
async def test_closing_from_another_thread_is_refused_and_nothing_is_touched(debug: bool) -> None:
    asyncio.get_running_loop().set_debug(debug)
    async with linked_peers() as (server, caller):
        server.add_service(3, itself)
        assert REMEDY in await raised_in_a_thread(caller.close)
        assert caller.is_connected
        assert await caller.send(3, 2) == 2


async def test_a_server_is_not_closed_from_another_thread() -> None:
    async with duologue.serve() as server:
        assert REMEDY in await raised_in_a_thread(lambda: asyncio.run(server.close()))
        async with duologue.connect(f"ws://127.0.0.1:{server.port}"):
            assert len(server.peers) == 1


def test_what_is_used_after_the_end_of_its_loop_says_that_it_is_over() -> None:
    async def make() -> WebsocketPromisifier:
        async with linked_peers() as (_, caller):
            return caller

    async def use(caller: WebsocketPromisifier) -> None:
        with pytest.raises(RuntimeError, match="was over when its event loop was closed"):
            await caller.send(3, 1)
        with pytest.raises(RuntimeError, match="make another one in this loop"):
            caller.close()

    asyncio.run(use(asyncio.run(make())))


def test_what_is_used_while_its_loop_rests_says_where_to_use_it() -> None:
    async def call(caller: WebsocketPromisifier) -> None:
        with pytest.raises(RuntimeError, match="does not run at present: use it there"):
            await caller.send(3, 1)

    with asyncio.Runner() as runner:
        joined = linked_peers()
        _, caller = runner.run(joined.__aenter__())
        asyncio.run(call(caller))
        runner.run(joined.__aexit__(None, None, None))


async def test_what_the_remedy_says_works() -> None:
    async with linked_peers() as (server, caller):
        server.add_service(3, itself)
        loop = asyncio.get_running_loop()

        async def call() -> None:
            assert await caller.send(3, 5) == 5

        def run() -> None:
            asyncio.run_coroutine_threadsafe(call(), loop).result(30)

        await asyncio.to_thread(run)
