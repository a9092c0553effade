"""Many listeners at a node that is killed, and many keys at one node (slow)."""

import asyncio
import contextlib
import random
import resource
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

import duologue
from duologue import ANYONE, Identity, WebsocketPromisifier
from duologue.errors import PeerNotFound
from tests.bench.cluster_listeners import measure
from tests.cable import cable
from tests.cluster_process import write_cluster, write_node
from tests.cluster_support import nats_servers
from tests.integration.relay_loopback import PATIENCE_S
from tests.nats_server import NEEDS_NATS
from tests.relay_process import LINUX, RelayProcess, relay_process

pytestmark = [NEEDS_NATS, pytest.mark.slow, LINUX]
TUNNELS = 100
SPARES = 'spares{bucket="1"}'
MANY = {
    "registers_per_min_per_address": 1e6,
    "requests_per_min_per_address": 1e6,
    "requests_per_min_per_address_and_target": 1e6,
    "new_connections_per_s_per_address": 1e6,
    "new_connections_burst_per_address": 1e6,
    "max_connections_per_address": 1e6,
    "max_unauthenticated_per_address": 1e6,
}


def same(value: object) -> object:
    return value


class Seen:
    """Who has come to which listener, by keys; nobody may come to two."""

    def __init__(self) -> None:
        self.callers: set[bytes] = set()
        self.twice = 0

    def offer(self, peer: WebsocketPromisifier) -> None:
        """What every listener does."""
        key = peer.remote_key
        assert key is not None
        self.twice += key in self.callers
        self.callers.add(key)
        peer.add_service(1, same)


@pytest.mark.parametrize("listeners", [300, 3_000])
async def test_the_listeners_of_a_killed_node_come_back_behind_a_load_balancer(
    tmp_path: Path, listeners: int
) -> None:
    """One URL and three nodes: a third of the listeners, and of the conversations, is hit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    write_cluster(tmp_path)
    seen, people = Seen(), [Identity.generate() for _ in range(listeners)]
    async with nats_servers(2) as buses, AsyncExitStack() as stack:
        urls = [each.url for each in buses]
        nodes = [
            await stack.enter_async_context(
                relay_process("--config", str(write_node(tmp_path, name, urls)), limits=MANY)
            )
            for name in ("a", "b", "c")
        ]
        front = await stack.enter_async_context(cable(*(each.port for each in nodes)))
        for person in people:
            await stack.enter_async_context(
                duologue.listen(
                    front.url,
                    identity=person,
                    allow=ANYONE,
                    on_peer=seen.offer,
                    spares=1,
                    known_relays=tmp_path / "pins",
                )
            )
        tunnels = [
            await stack.enter_async_context(
                duologue.dial(front.url, to=each.public_key, identity=Identity.generate())
            )
            for each in people[:TUNNELS]
        ]
        await until_spares(nodes, listeners)
        lost, killed_s = int(await nodes[0].metric(SPARES)), time.monotonic()
        nodes[0].process.kill()
        await nodes[0].process.wait()

        async def call(person: Identity) -> float:
            """How long until it was answered, or refused in words of the relay's."""
            begun_s = time.monotonic()
            with contextlib.suppress(PeerNotFound):
                async with duologue.dial(
                    front.url,
                    to=person.public_key,
                    identity=Identity.generate(),
                ) as peer:
                    assert await peer.send(1, "x") == "x"
            return time.monotonic() - begun_s

        # While they are on their way back.
        took = [await call(each) for each in random.sample(people, 100)]
        await until_spares(nodes[1:], listeners)
        print(
            f"{lost} of {listeners} listeners lost their node and were back after "
            f"{time.monotonic() - killed_s:.1f} s; the slowest of {len(took)} requests meanwhile "
            f"took {max(took):.2f} s"
        )
        # Now everybody is found.
        for each in random.sample(people, 100):
            async with duologue.dial(
                front.url, to=each.public_key, identity=Identity.generate()
            ) as peer:
                assert await peer.send(1, "x") == "x"
        going_on = [each for each in tunnels if each.is_connected]
        # Of the rest caller, listener or both had come to the killed node.
        assert len(going_on) > TUNNELS / 5
        for tunnel in going_on:
            assert await tunnel.send(1, "y") == "y"
        assert seen.twice == 0
        for node in nodes[1:]:
            assert await node.metric("unhandled_exceptions_total") == 0


async def until_spares(nodes: Sequence[RelayProcess], count: int) -> None:
    """Until so many listeners wait at these nodes together, within what a listener may take."""
    async with asyncio.timeout(10 * PATIENCE_S):
        while sum([await each.metric(SPARES) for each in nodes]) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.1)


async def test_ten_thousand_listeners_at_two_nodes_are_found_from_either(tmp_path: Path) -> None:
    found = await measure(10_000, tmp_path)
    print(found)
    # Twice what was measured: memory does not depend on how busy the machine is.
    assert found["kib_per_listener"] < 37
