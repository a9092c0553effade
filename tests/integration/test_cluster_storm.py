"""Requests go on while NATS servers are killed, stopped and started, one after the other (slow)."""

import asyncio
import random
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from nats.aio.client import Client

import duologue
from duologue import ANYONE, Identity, WebsocketPromisifier
from duologue.relay.cluster import control
from duologue.relay.cluster.bus_messages import VERSION, Find, FindNodes, seal
from duologue.relay.cluster.nats_bus import MOST_WAITING
from duologue.relay.cluster_limits import ClusterLimits
from duologue.relay.limits import RelayLimits
from tests.cable import cable
from tests.cluster_support import SECRET, TestNode, cluster, keys_of, nats_servers, one_node
from tests.foreign_relay import register
from tests.integration.cluster_talk import QUICK, is_there, joined, part
from tests.integration.loopback import nothing_is_left as nothing_is_left
from tests.integration.relay_loopback import BEN, BEN_SECRET, PATIENCE_S, until
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


NEW_SECRET = b"n" * 32
PHASES = ((SECRET, NEW_SECRET), (NEW_SECRET, SECRET), (NEW_SECRET,))


async def test_a_rolling_deploy_of_a_new_version_and_a_new_secret_refuse_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each node drains, ends, and comes back as one that speaks a version more; under load."""
    host = Identity.generate()
    async with nats_servers(2) as servers, AsyncExitStack() as stack:
        urls = [each.url for each in servers]
        stacks = [await stack.enter_async_context(AsyncExitStack()) for _ in range(3)]

        async def start(number: int, port: int) -> TestNode:
            node = one_node(
                f"n{number}", urls, limits=MANY, cluster_limits=QUICK, relay={"port": port}
            )
            return await stacks[number].enter_async_context(node)

        nodes = [await start(number, 0) for number in range(3)]
        ports = [each.server.port for each in nodes]
        async with (
            cable(*ports) as front,
            duologue.listen(
                front.url, identity=host, allow=ANYONE, on_peer=offer_name, spares=8,
                known_relays=tmp_path / "pins",
            ),
        ):  # fmt: skip
            await until(lambda: sum(each.server.exchange.switchboard.spares for each in nodes) == 8)
            callers = Callers([[front.url]], host.public_key)
            calling = asyncio.create_task(callers.run())
            monkeypatch.setattr(control, "HIGHEST_VERSION", 2)
            for number, port in enumerate(ports):
                # As a load balancer does with a node that is not ready.
                front.targets.remove(port)
                await nodes[number].node.drain(1.0)
                await stacks[number].aclose()
                nodes[number] = await start(number, port)
                front.targets.append(port)
                await asyncio.wait((calling,), timeout=2)
            for secrets in PHASES:
                for node in nodes:
                    node.node.use_keys(keys_of(*secrets))
                    await asyncio.wait((calling,), timeout=0.5)
            callers.end()
            await calling
        found = sum(each.node.lookups.counts.lookups["found"] for each in nodes)
        print(f"{callers.done} requests, none refused; {found} went to another node")
        assert callers.done > 100
        assert found > 10


class Turns:
    """Counts what one node looks at between two turns of the loop."""

    def __init__(self, node: TestNode) -> None:
        self.most = 0
        self._node = node
        self._before = self.looked_at()
        self._loop = asyncio.get_running_loop()
        self._handle = self._loop.call_soon(self._turn)

    def looked_at(self) -> int:
        """Messages of the bus, whatever became of them here."""
        node = self._node.node
        return node.messages["find_nodes"] + sum(node.rejected.values())

    def _turn(self) -> None:
        now = self.looked_at()
        self.most = max(self.most, now - self._before)
        self._before = now
        self._handle = self._loop.call_soon(self._turn)

    def stop(self) -> None:
        """Count no more."""
        self._handle.cancel()


async def test_a_hundred_thousand_questions_are_each_counted_and_never_stop_the_loop() -> None:
    """Judged by what is looked at in one turn: 1,000 messages of 5 us are 5 ms."""
    count, asker = 100_000, "dl.test.1.re.ill.1"
    question = FindNodes(v=VERSION, ask="0" * 16, node="ill")
    sealed = seal(question, keys_of(SECRET)[0], b"n" * 24)
    async with cluster(2, buses=1) as (nodes, servers):
        host, other = nodes
        # Of no node: what floods has a connection of its own.
        client = Client()
        await client.connect(servers[0].url)
        turns = Turns(host)
        before = turns.looked_at()
        for number in range(count):
            await client.publish("dl.test.1.nodes", sealed, reply=asker)
            if number % 1_000 == 0:
                await client.flush(timeout=int(PATIENCE_S))
                if number % 25_000 == 0:
                    await part(*await joined(other.url, host.url))
        await client.close()
        await until(lambda: turns.looked_at() - before >= count)
        turns.stop()
        rejected = host.node.rejected
        print(f"at most {turns.most} in one turn, {dict(rejected)}")
        assert turns.most <= MOST_WAITING
        assert rejected["answers_per_s_per_node"] + rejected["too_many"] > count / 2
        assert other.node.lookups.counts.lookups["found"] == 4


LOOKS_AT_ALL = ClusterLimits(answers_per_s=1e6, answers_per_s_per_node=1e6)


async def test_ten_thousand_spoilt_messages_change_nothing_and_are_each_counted() -> None:
    chance = random.Random(3)
    keys = keys_of(SECRET)[0]
    stranger = keys_of(b"e" * 32)[0]
    async with cluster(2, buses=1, cluster_limits=LOOKS_AT_ALL) as (nodes, servers):
        host, other = nodes
        spare = await register(host.url, BEN_SECRET)
        await until(lambda: len(host.bus.wanted) == 3)
        subject = next(each for each in host.bus.wanted if ".has." in each)
        find = Find(v=VERSION, ask="1" * 16, key=BEN.public_key.hex(), node="n1")
        good = seal(find, keys, b"n" * 24)
        kinds = (
            lambda: chance.randbytes(chance.randrange(2_000)),
            lambda: seal(find, stranger, chance.randbytes(24)),
            # Spliced: the nonce of one message, the box of another.
            lambda: chance.randbytes(24) + good[24:],
            lambda: good[: chance.randrange(len(good))],
            # Replayed at a subject that is not the key's.
            lambda: good,
        )
        client = Client()
        await client.connect(servers[0].url)
        rejected = host.node.rejected
        before, have = sum(rejected.values()), other.node.messages["have"]
        for number in range(10_000):
            replays = number % 5 == 4
            where = "dl.test.1.nodes" if replays or number % 2 else subject
            await client.publish(where, kinds[number % 5](), reply="dl.test.1.re.evil.1")
            if number % 500 == 0:
                await client.flush(timeout=int(PATIENCE_S))
        await client.close()
        await until(lambda: sum(rejected.values()) - before == 10_000)
        print(dict(rejected))
        assert host.node.messages["have_sent"] == 0
        assert other.node.messages["have"] == have
        assert host.server.exchange.switchboard.spares == 1
        await spare.close()
