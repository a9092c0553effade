"""Nodes of a cluster in one process, with real NATS servers between them."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from duologue.relay.cluster.cluster_keys import ClusterKeys
from duologue.relay.cluster.nats_bus import BusAccess, NatsBus
from duologue.relay.cluster.node import ClusterNode
from duologue.relay.cluster.settings import ClusterSettings
from duologue.relay.cluster_limits import ClusterLimits
from duologue.relay.events import RelayEvent
from duologue.relay.limits import RelayLimits
from duologue.relay.server.server import RelayServer
from tests.integration.relay_loopback import until
from tests.nats_server import NatsServer
from tests.relay_process import SHORT_GRACE_S
from tests.relay_support import RELAY

SECRET = bytes(range(32))
NAME = "test"


def keys_of(*secrets: bytes) -> tuple[ClusterKeys, ...]:
    return tuple(ClusterKeys.derive(each, NAME) for each in secrets)


@dataclass(eq=False)
class TestNode:
    """One node and what its relay has noted."""

    __test__ = False

    node: ClusterNode
    bus: NatsBus
    server: RelayServer
    events: list[RelayEvent]

    @property
    def url(self) -> str:
        return self.server.url

    async def until_spares(self, count: int) -> None:
        await until(lambda: self.server.exchange.switchboard.spares == count)

    def is_quiet(self) -> bool:
        """No request, visit, tunnel or pair is left."""
        node = self.node
        counts = (len(node.lookups), node.lookups.routed, len(node.visits_in))
        return counts == (0, 0, 0) and self.server.exchange.switchboard.pairs == 0


@asynccontextmanager
async def one_node(
    name: str,
    urls: Sequence[str],
    *,
    limits: RelayLimits | None = None,
    cluster_limits: ClusterLimits | None = None,
    secrets: Sequence[bytes] = (SECRET,),
    waits_for_bus: bool = True,
    relay: Mapping[str, Any] | None = None,
    access: Mapping[str, Any] | None = None,
    **settings: Any,
) -> AsyncGenerator[TestNode]:
    """One node that runs. `relay` is for `RelayServer`, `access` for `BusAccess`, the rest for
    `ClusterSettings`."""
    events: list[RelayEvent] = []
    server = RelayServer(
        identity=RELAY,
        limits=limits or RelayLimits(startup_grace_s=SHORT_GRACE_S),
        observers=[events.append],
        **(relay or {}),
    )
    cluster_limits = cluster_limits or ClusterLimits()
    bus = NatsBus(BusAccess(urls, name, **(access or {})), cluster_limits)
    values: dict[str, Any] = {
        "name": NAME,
        "node": name,
        "keys": keys_of(*secrets),
        "relay_key": RELAY.public_key,
        "next_key": None,
        "host": "127.0.0.1",
        "port": 0,
        "limits": cluster_limits,
    }
    node = ClusterNode(server, bus, ClusterSettings(**{**values, **settings}))
    await node.start()
    await server.start()
    try:
        if waits_for_bus:
            await until(lambda: len(bus.servers()) == len(urls))
        yield TestNode(node, bus, server, events)
    finally:
        await node.close()


@asynccontextmanager
async def nats_servers(count: int) -> AsyncGenerator[list[NatsServer]]:
    """So many servers that know nothing of each other."""
    servers = [NatsServer() for _ in range(count)]
    try:
        for each in servers:
            await each.start()
        yield servers
    finally:
        for each in servers:
            each.kill()


@asynccontextmanager
async def cluster(
    nodes: int, *, buses: int = 2, **settings: Any
) -> AsyncGenerator[tuple[list[TestNode], list[NatsServer]]]:
    """So many nodes and NATS servers. At the end nothing of any request may be left."""
    async with nats_servers(buses) as servers, AsyncExitStack() as stack:
        urls = [each.url for each in servers]
        found = [
            await stack.enter_async_context(one_node(f"n{number}", urls, **settings))
            for number in range(nodes)
        ]
        yield found, servers
