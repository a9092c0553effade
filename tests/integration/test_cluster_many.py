"""Many listeners at a node that is killed, and many keys at one node (slow)."""

import asyncio
import time
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

import duologue
from duologue import ANYONE, Identity, WebsocketPromisifier
from duologue.errors import DuologueError
from tests.bench.cluster_listeners import measure
from tests.cluster_process import write_cluster, write_node
from tests.cluster_support import nats_servers
from tests.integration.relay_loopback import PATIENCE_S
from tests.nats_server import NEEDS_NATS
from tests.relay_process import LINUX, relay_process

pytestmark = [NEEDS_NATS, pytest.mark.slow, LINUX]
LISTENERS = 300
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


def offer_name(peer: WebsocketPromisifier) -> None:
    """What every listener does."""
    peer.add_service(1, same)


async def test_the_listeners_of_a_killed_node_are_found_at_the_others(tmp_path: Path) -> None:
    write_cluster(tmp_path)
    async with nats_servers(2) as buses, AsyncExitStack() as stack:
        urls = [each.url for each in buses]
        nodes = [
            await stack.enter_async_context(
                relay_process("--config", str(write_node(tmp_path, name, urls)), limits=MANY)
            )
            for name in ("a", "b", "c")
        ]
        people = [Identity.generate() for _ in range(LISTENERS)]
        for number, person in enumerate(people):
            # Both URLs would be one behind a load balancer; a listener of two is found at either.
            first = nodes[number % 2]
            await stack.enter_async_context(
                duologue.listen(
                    [first.url, nodes[2].url],
                    identity=person,
                    allow=ANYONE,
                    on_peer=offer_name,
                    spares=1,
                    known_relays=tmp_path / "pins",
                )
            )
        nodes[0].process.kill()
        await nodes[0].process.wait()

        async def call(person: Identity) -> float:
            begun_s = time.monotonic()
            try:
                async with duologue.dial(
                    nodes[1].url, to=person.public_key, identity=Identity.generate()
                ) as peer:
                    assert await peer.send(1, "x") == "x"
            except DuologueError as error:
                raise AssertionError(f"{person}: {error}") from error
            return time.monotonic() - begun_s

        async with asyncio.timeout(PATIENCE_S):
            took = [await call(each) for each in people]
        print(f"{len(took)} calls after the kill, the slowest in {max(took) * 1000:.0f} ms")
        for node in nodes[1:]:
            assert await node.metric("unhandled_exceptions_total") == 0


async def test_ten_thousand_listeners_at_two_nodes_are_found_from_either(tmp_path: Path) -> None:
    found = await measure(10_000, tmp_path)
    print(found)
    # Twice what was measured: memory does not depend on how busy the machine is.
    assert found["kib_per_listener"] < 37
