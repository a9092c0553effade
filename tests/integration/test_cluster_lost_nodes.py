"""Nodes that vanish without a word, that stand still for a while, and a cluster in two halves."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from websockets.asyncio.client import connect as plain_connect
from websockets.exceptions import ConnectionClosed as PlainClosed

import duologue
from duologue import ANYONE, Identity, Limits
from duologue.errors import ConnectionClosed
from tests.cable import Cable, cable
from tests.cluster_process import write_cluster, write_node
from tests.cluster_support import TestNode, cluster, nats_servers, one_node
from tests.foreign_peer import request_for
from tests.foreign_relay import register
from tests.integration.cluster_talk import (
    NO_LISTENER,
    NO_WAY,
    QUICK,
    is_there,
    joined,
    part,
    refusal,
    say,
)
from tests.integration.loopback import nothing_is_left as nothing_is_left
from tests.integration.relay_loopback import (
    ANN_SECRET,
    BEN,
    BEN_SECRET,
    EVE,
    EVE_SECRET,
    PATIENCE_S,
    offering,
    until,
)
from tests.nats_server import NEEDS_NATS, NatsServer
from tests.relay_process import LINUX, RelayProcess, relay_process

pytestmark = NEEDS_NATS

SOON = Limits(keepalive_interval_s=0.2, keepalive_timeout_s=1.0, stream_stall_timeout_s=0.9)
"""Peers that notice a silence in a second, not in 25."""


@dataclass
class Far:
    """A node that everybody reaches over cables, and that reaches the NATS servers over some."""

    node: TestNode
    cables: list[Cable]
    url: str
    """For clients."""

    def vanish(self) -> None:
        """As when its machine loses its power: nothing comes from it, and nothing is closed."""
        for each in self.cables:
            each.silence()

    def cut(self) -> None:
        """End what its clients have open, so that nothing of the test waits for them."""
        for each in self.cables:
            each.mend()
            each.cut()


@asynccontextmanager
async def far_node(name: str, servers: list[NatsServer]) -> AsyncGenerator[Far]:
    async with AsyncExitStack() as stack:
        to_nats = [await stack.enter_async_context(cable(each.port)) for each in servers]
        urls = [f"nats://127.0.0.1:{each.port}" for each in to_nats]
        node = await stack.enter_async_context(one_node(name, urls, cluster_limits=QUICK))
        to_clients = await stack.enter_async_context(cable(node.server.port))
        to_nodes = await stack.enter_async_context(cable(node.node.visits_in.port))
        node.node.link = f"127.0.0.1:{to_nodes.port}"
        cables = [*to_nats, to_clients, to_nodes]
        yield Far(node, cables, to_clients.url)


QUICK_TO_NOTICE = 'ping_interval: "1s"\nping_max: 1\n'
"""For a NATS server; ours in `deploy` takes 10 s, one that is told nothing takes minutes."""


async def test_a_node_that_vanishes_is_noticed_by_all_and_its_keys_are_found_elsewhere(
    tmp_path: Path,
) -> None:
    configuration = tmp_path / "nats.conf"
    configuration.write_text(QUICK_TO_NOTICE)
    server = NatsServer(None, "-c", str(configuration))
    await server.start()
    try:
        async with (
            one_node("near", [server.url], cluster_limits=QUICK) as near,
            far_node("far", [server]) as far,
        ):
            beside = await joined(near.url, near.url)
            host = Identity.generate()
            listening = duologue.listen(
                far.url, identity=host, allow=ANYONE, on_peer=offering, limits=SOON,
                known_relays=tmp_path / "pins",
            )  # fmt: skip
            dialling = duologue.dial(
                near.url, to=host.public_key, identity=Identity.generate(), limits=SOON
            )
            async with listening, dialling as lasting:
                assert await lasting.send(3, 12) == 144
                spare = await register(far.url, EVE_SECRET)
                # Two subjects of its own, the host's and the other's.
                await until(lambda: len(far.node.bus.wanted) == 4)

                far.vanish()

                # NATS knows nothing yet: whoever asks is refused all the same, in time.
                assert await refusal_of(near.url, EVE) in (NO_LISTENER, NO_WAY)
                # On a busy machine NATS may have noticed first.
                assert near.node.lookups.counts.lookups.keys() & {"silence", "nobody"}
                # The conversation through it is lost, and says so.
                await asyncio.wait_for(lasting.promise.wait(), PATIENCE_S)
                with pytest.raises(ConnectionClosed) as lost:
                    await lasting.promise
                assert lost.value.code == 1006
                assert lost.value.reason
                await say(*beside)

                # Once NATS has noticed, "nobody" comes at once, and counts as such.
                await until_nobody(near)
                there = await joined(near.url, near.url)
                await say(*there)
                for pair in (beside, there):
                    await part(*pair)
                await until(near.is_quiet)
                spare.transport.abort()
                far.cut()
    finally:
        server.kill()


async def refusal_of(url: str, target: Identity) -> str:
    """Ask for somebody who cannot be had; the words that one is told."""
    async with plain_connect(url, compression=None) as socket:
        await socket.send(request_for(ANN_SECRET, target.public_key))
        with pytest.raises(PlainClosed) as caught:
            await asyncio.wait_for(socket.recv(), PATIENCE_S)
        assert caught.value.rcvd is not None
        return caught.value.rcvd.reason


async def until_nobody(node: TestNode) -> None:
    """Ask until the bus knows that nobody has the key."""
    async with asyncio.timeout(PATIENCE_S):
        while not node.node.lookups.counts.lookups["nobody"]:
            assert await refusal_of(node.url, EVE) in (NO_LISTENER, NO_WAY)


# -- a node that stands still -------------------------------------------------------------------


@LINUX
async def test_a_node_that_stands_still_delays_nobody_and_does_no_harm_when_it_goes_on(
    tmp_path: Path,
) -> None:
    write_cluster(tmp_path)
    async with nats_servers(2) as buses, AsyncExitStack() as stack:
        urls = [each.url for each in buses]
        near, frozen, other = [
            await stack.enter_async_context(
                relay_process("--config", str(write_node(tmp_path, name, urls)))
            )
            for name in ("near", "frozen", "other")
        ]
        # Connections to both are in stock.
        for node in (frozen, other):
            await part(*await joined(near.url, node.url))
        await until_subscribed(frozen, 2)
        spare = await register(frozen.url, BEN_SECRET)
        await until_subscribed(frozen, 3)
        frozen.process.send_signal(signal.SIGSTOP)
        try:
            # One that stands still says nothing; the other one does, at once.
            for _ in range(3):
                pair = await joined(near.url, other.url)
                await say(*pair)
                await part(*pair)
            await until_subscribed(other, 2)
            # Nobody else has the key: refused in time.
            assert await refusal(near.url) in (NO_LISTENER, NO_WAY)
        finally:
            frozen.process.send_signal(signal.SIGCONT)
        # Its late answers meet no open question, and it is found again.
        async with plain_connect(near.url, compression=None) as caller:
            await caller.send(request_for(ANN_SECRET, BEN.public_key))
            async with asyncio.timeout(PATIENCE_S):
                while "connection_handover" not in str(await spare.recv()):
                    pass
        with contextlib.suppress(PlainClosed):
            while True:
                await asyncio.wait_for(spare.recv(), PATIENCE_S)
        for node in (near, frozen, other):
            await until_metric(node, "pairs", 0)
            assert await node.metric("unhandled_exceptions_total") == 0


async def until_metric(node: RelayProcess, name: str, value: float) -> None:
    for _ in range(int(PATIENCE_S) * 50):
        if await node.metric(name) == value:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"{name} is {await node.metric(name)}, not {value}")


async def until_subscribed(node: RelayProcess, subjects: int) -> None:
    """As long as a key lingers, it counts."""
    await until_metric(node, "bus_subscriptions", subjects)


# -- two halves ---------------------------------------------------------------------------------


async def test_each_of_two_halves_finds_its_own_and_they_grow_together_by_themselves() -> None:
    async with nats_servers(2) as servers, AsyncExitStack() as stack:
        between: list[Cable] = []
        halves: list[list[TestNode]] = [[], []]
        for half, nodes in enumerate(halves):
            for number in range(2):
                to_other = await stack.enter_async_context(cable(servers[1 - half].port))
                between.append(to_other)
                urls = [servers[half].url, f"nats://127.0.0.1:{to_other.port}"]
                if half:
                    urls.reverse()
                node = await stack.enter_async_context(
                    one_node(f"half-{half}-{number}", urls, cluster_limits=QUICK)
                )
                to_node = await stack.enter_async_context(cable(node.node.visits_in.port))
                nodes.append(node)
                if number == 0:
                    # Only those of the other half come this way: nobody of its own half asks it
                    # for anybody.
                    node.node.link = f"127.0.0.1:{to_node.port}"
                    between.append(to_node)
        across = await joined(halves[1][1].url, halves[0][1].url)
        for each in between:
            each.silence()
        for node in (*halves[0], *halves[1]):
            await until(is_there(node, 1))
            assert node.node.words() == ["bus"]
        # Within a half everybody is found, whoever they are.
        for here, there in halves:
            pair = await joined(here.url, there.url)
            await say(*pair)
            await part(*pair)
        # Whoever is in the other half only is nobody.
        spare = await register(halves[0][0].url, BEN_SECRET)
        await until(lambda: len(halves[0][0].bus.wanted) == 3)
        assert await refusal(halves[1][0].url) == NO_LISTENER
        # What goes from node to node without those servers goes on.
        await say(*across)
        for each in between:
            each.mend()
        for node in (*halves[0], *halves[1]):
            await until(is_there(node, 2))
            assert node.node.words() == []
        async with plain_connect(halves[1][0].url, compression=None) as caller:
            await caller.send(request_for(ANN_SECRET, BEN.public_key))
            async with asyncio.timeout(PATIENCE_S):
                while "connection_handover" not in str(await spare.recv()):
                    pass
        await part(*across)
        await spare.close()
        for node in (*halves[0], *halves[1]):
            await until(node.is_quiet)


async def test_nodes_that_reach_nats_and_not_each_other_say_so() -> None:
    async with (
        cluster(1, buses=1, cluster_limits=QUICK) as (nodes, servers),
        far_node("far", servers) as far,
    ):
        spare = await register(far.node.url, BEN_SECRET)
        await until(lambda: len(far.node.bus.wanted) == 3)
        # The last one is that for other nodes.
        far.cables[-1].silence()
        assert await refusal(nodes[0].url) == NO_WAY
        far.cables[-1].mend()
        await spare.close()
        await until(far.node.is_quiet)
