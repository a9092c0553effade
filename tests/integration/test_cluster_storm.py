"""Requests go on while NATS servers are killed, stopped and started, one after the other (slow)."""

import asyncio
from pathlib import Path

import pytest

import duologue
from duologue import ANYONE, Identity, WebsocketPromisifier
from duologue.relay.limits import RelayLimits
from tests.cluster_support import TestNode, cluster
from tests.integration.loopback import nothing_is_left as nothing_is_left
from tests.integration.relay_loopback import until
from tests.integration.test_cluster_faults import QUICK, is_there
from tests.nats_server import NEEDS_NATS, NatsServer

pytestmark = [NEEDS_NATS, pytest.mark.slow]

REQUESTS_PER_S = 50
ROUNDS = 2
CALM_S = 0.5
MANY = RelayLimits(
    registers_per_min_per_address=1e6,
    registers_per_min_per_key=1e6,
    requests_per_min_per_address=1e6,
    requests_per_min_per_target=1e6,
    requests_per_min_per_address_and_target=1e6,
    request_burst_per_address_and_target=10**6,
    new_connections_per_s_per_address=1e6,
    new_connections_burst_per_address=10**6,
)


def offer_name(peer: WebsocketPromisifier) -> None:
    peer.add_service(1, str.upper)


class Callers:
    """So many requests a second, at one node and the other, until they are told to end."""

    def __init__(self, urls: list[list[str]], key: bytes) -> None:
        """Each of `urls` is where one dials: at the first, or else at the next."""
        self.done = 0
        self._urls = urls
        self._key = key
        self._calls: set[asyncio.Task[None]] = set()
        self._is_over = False

    async def run(self) -> None:
        """Raises what the first of them that fails has met."""
        number = 0
        while not self._is_over:
            number += 1
            call = asyncio.create_task(self._call(self._urls[number % len(self._urls)]))
            self._calls.add(call)
            call.add_done_callback(self._calls.discard)
            await asyncio.sleep(1 / REQUESTS_PER_S)
            for each in [each for each in self._calls if each.done()]:
                each.result()
        await asyncio.gather(*self._calls)

    def end(self) -> None:
        """Begin no more."""
        self._is_over = True

    async def _call(self, urls: list[str]) -> None:
        me = Identity.generate()
        async with duologue.dial(urls, to=self._key, identity=me, timeout=30) as peer:
            assert await peer.send(1, "a") == "A"
        self.done += 1


async def trouble(nodes: list[TestNode], servers: list[NatsServer]) -> None:
    """Each server is killed and started again, then stopped and let go on."""
    for _ in range(ROUNDS):
        for server in servers:
            for harm, mend in ((server.kill, server.start), (server.freeze, server.thaw)):
                harm()
                for node in nodes:
                    await until(is_there(node, len(servers) - 1))
                await asyncio.sleep(CALM_S)
                mending = mend()
                if mending is not None:
                    await mending
                for node in nodes:
                    await until(is_there(node, len(servers)))
                await asyncio.sleep(CALM_S)


async def test_with_two_servers_nobody_is_refused_and_no_conversation_ends(tmp_path: Path) -> None:
    host = Identity.generate()
    async with (
        cluster(3, limits=MANY, cluster_limits=QUICK) as (nodes, servers),
        duologue.listen(
            nodes[1].url, identity=host, allow=ANYONE, on_peer=offer_name, spares=8,
            known_relays=tmp_path / "pins",
        ),
        duologue.dial(
            nodes[0].url, to=host.public_key, identity=Identity.generate(), timeout=30
        ) as lasting,
    ):  # fmt: skip
        callers = Callers([[nodes[0].url], [nodes[2].url]], host.public_key)
        calling = asyncio.create_task(callers.run())
        harming = asyncio.create_task(trouble(nodes, servers))
        await asyncio.wait((calling, harming), return_when=asyncio.FIRST_COMPLETED)
        callers.end()
        if not harming.done():
            harming.cancel()
        await asyncio.gather(calling, harming)
        assert await lasting.send(1, "still there") == "STILL THERE"
        assert lasting.is_connected
    print(f"{callers.done} requests, none refused")
    assert callers.done > 100


async def test_nodes_drain_in_turn_and_nobody_is_refused(tmp_path: Path) -> None:
    host = Identity.generate()
    async with cluster(3, limits=MANY, cluster_limits=QUICK) as (nodes, _):
        urls = [each.url for each in nodes]
        async with duologue.listen(
            [urls[1], urls[0], urls[2]], identity=host, allow=ANYONE, on_peer=offer_name, spares=8,
            known_relays=tmp_path / "pins",
        ):  # fmt: skip
            turned = [urls[number:] + urls[:number] for number in range(3)]
            callers = Callers(turned, host.public_key)
            calling = asyncio.create_task(callers.run())
            for node in nodes[:2]:
                await asyncio.wait((calling,), timeout=2)
                await node.node.drain()
            await asyncio.wait((calling,), timeout=3)
            callers.end()
            await calling
    print(f"{callers.done} requests, none refused")
    assert callers.done > 100
