"""Conversations that are over leave nothing to the collector of cycles."""

import asyncio
import gc
from collections import Counter
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager

import pytest

from duologue import Identity, Limits, connect, serve
from tests.integration.greeters import Greeter, GreeterClient

HOST, CALLER = (Identity.from_secret(bytes(31) + bytes([each])) for each in (1, 2))

OURS = "duologue.promisifier.", "duologue.connection.", "duologue.protocol."
OF_THE_BUDGET = ".budget", ".debts", ".queued_events"

TURNS = 0.05
"""Seconds in which the other end has noticed, too, that it is over."""


@contextmanager
def no_collector() -> Generator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def ours() -> Counter[str]:
    """How many objects of our classes there are, but for the budget that each caller has."""
    names = Counter[str]()
    for kind in map(type, gc.get_objects()):
        # Some classes of others have something else by this name.
        module = str(kind.__module__)
        if module.startswith(OURS) and not module.endswith(OF_THE_BUDGET):
            names[f"{module}.{kind.__qualname__}"] += 1
    return names


async def leaves_nothing(converse: Callable[[], Awaitable[None]], times: int) -> None:
    """However often it is done: nothing is left of it but what the first time has left."""
    await converse()
    await asyncio.sleep(TURNS)
    with no_collector():
        before = ours()
        for _ in range(times):
            await converse()
        # The other end may take a while to notice, too; what is in a circle stays for good.
        for _ in range(100):
            if not ours() - before:
                return
            await asyncio.sleep(TURNS)
        assert ours() - before == Counter()


@pytest.mark.parametrize("is_encrypted", [False, True])
async def test_a_conversation_that_is_over_is_gone_at_both_ends(is_encrypted: bool) -> None:
    identity = HOST if is_encrypted else None
    allow = {CALLER.public_key} if is_encrypted else None
    async with serve(Greeter(), identity=identity, allow=allow) as server:

        async def converse() -> None:
            async with connect(
                f"ws://127.0.0.1:{server.port}",
                identity=CALLER if is_encrypted else None,
                to=HOST.public_key if is_encrypted else None,
            ) as peer:
                assert await GreeterClient(peer).greet(name="Ann") == "hello Ann"

        await leaves_nothing(converse, 5)


async def test_so_is_one_that_the_other_side_has_ended_after_pings() -> None:
    limits = Limits(keepalive_interval_s=0.01)
    async with serve(Greeter(), limits=limits) as server:

        async def converse() -> None:
            async with connect(f"ws://127.0.0.1:{server.port}", limits=limits) as peer:
                await GreeterClient(peer).greet(name="Ann")
                # Pings have been answered meanwhile.
                await asyncio.sleep(TURNS)
                for other in server.peers:
                    other.close("enough")
                await peer.promise

        await leaves_nothing(converse, 3)
