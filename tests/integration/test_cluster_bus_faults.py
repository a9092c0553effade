"""What callers, listeners and operators notice when NATS servers fail, lie or are flooded."""

import asyncio
import contextlib
import gc
import random
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.client import connect as plain_connect
from websockets.exceptions import ConnectionClosed as PlainClosed

from duologue.relay.cluster_limits import ClusterLimits
from tests.cluster_support import cluster, nats_servers, one_node
from tests.foreign_peer import request_for
from tests.foreign_relay import register, wait_for_caller
from tests.integration.cluster_talk import (
    NO_LISTENER,
    QUICK,
    is_there,
    joined,
    part,
    refusal,
    say,
)
from tests.integration.loopback import nothing_is_left as nothing_is_left
from tests.integration.relay_loopback import ANN_SECRET, BEN, BEN_SECRET, until
from tests.nats_server import NEEDS_NATS
from tests.stream_server import stream_server

pytestmark = NEEDS_NATS


async def test_one_of_two_nats_servers_is_missed_by_nobody_and_comes_back_by_itself() -> None:
    async with cluster(2, cluster_limits=QUICK) as (nodes, servers):
        first = await joined(nodes[0].url, nodes[1].url)
        servers[0].kill()
        for node in nodes:
            await until(is_there(node, 1))
            assert node.node.words() == ["bus"]
        second = await joined(nodes[0].url, nodes[1].url)
        await say(*first)
        await servers[0].start()
        for node in nodes:
            await until(is_there(node, 2))
            assert node.node.words() == []
        servers[1].kill()
        # The key was told to the server that came back.
        third = await joined(nodes[0].url, nodes[1].url)
        for pair in (first, second, third):
            await part(*pair)


async def test_without_nats_the_own_nodes_listeners_are_reached_and_conversations_go_on() -> None:
    async with cluster(2, buses=1, cluster_limits=QUICK) as (nodes, servers):
        there = await joined(nodes[0].url, nodes[1].url)
        servers[0].kill()
        await until(is_there(nodes[0], 0))
        spare = await register(nodes[1].url, BEN_SECRET)
        await nodes[1].until_spares(1)
        assert await refusal(nodes[0].url) == NO_LISTENER
        assert nodes[0].node.lookups.counts.lookups["no_bus"] == 1
        async with plain_connect(nodes[1].url, compression=None) as caller:
            await caller.send(request_for(ANN_SECRET, BEN.public_key))
            await wait_for_caller(spare)
        with contextlib.suppress(PlainClosed):
            while True:
                await spare.recv()
        await say(*there)
        await servers[0].start()
        await until(is_there(nodes[0], 1))
        assert nodes[0].bus.is_in_doubt()
        again = await joined(nodes[0].url, nodes[1].url)
        for pair in (there, again):
            await part(*pair)


async def test_a_nats_server_that_says_nothing_costs_one_pause_and_is_noticed() -> None:
    async with cluster(2, cluster_limits=QUICK) as (nodes, servers):
        servers[nodes[0].bus.servers()[0]].freeze()
        pair = await joined(nodes[0].url, nodes[1].url)
        await until(is_there(nodes[0], 1))
        assert any(nodes[0].bus.faults())
        for each in servers:
            each.thaw()
        await until(is_there(nodes[0], 2))
        await part(*pair)


async def test_a_node_starts_without_nats_and_joins_when_it_comes() -> None:
    async with nats_servers(1) as (server,):
        server.kill()
        async with one_node(
            "late", [server.url], cluster_limits=QUICK, waits_for_bus=False
        ) as node:
            await until(lambda: "Connect" in node.bus.faults()[0])
            assert node.node.words() == ["bus"]
            await server.start()
            await until(is_there(node, 1))


FALSE_SERVERS: dict[str, bytes] = {
    "garbage": b"\x00\xff" * 2_000,
    "a web server": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "an error": b"-ERR 'Authorization Violation'\r\n",
    "a list for INFO": b"INFO []\r\n",
    "no JSON for INFO": b"INFO {\r\n",
    "an endless line": b"INFO " + b"x" * 200_000,
    "two gigabytes": b'INFO {"max_payload":2147483647,"headers":true}\r\nPONG\r\n'
    b"MSG dl.test.1.re.n0.1 1 2147483647\r\n" + b"x" * 500_000,
    "nonsense after a good beginning": b'INFO {"headers":true}\r\nPONG\r\nWHAT\r\n',
    "a second INFO that is none": b'INFO {"headers":true}\r\nPONG\r\nINFO nonsense\r\n',
    "silence": b"",
}


@asynccontextmanager
async def false_server(words: bytes) -> AsyncGenerator[tuple[str, list[int]]]:
    """Says this to whoever comes, and then nothing; and how many have come."""
    met: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        met.append(1)
        writer.write(words)
        with contextlib.suppress(OSError):
            while await reader.read(65_536):
                pass
        writer.transport.abort()

    async with stream_server(serve) as port:
        yield f"nats://127.0.0.1:{port}", met


@pytest.mark.parametrize("what", FALSE_SERVERS)
async def test_a_false_nats_server_is_found_out_and_tried_again(what: str) -> None:
    limits = ClusterLimits(
        bus_ping_s=1, bus_pings_missed=2, bus_backoff_max_s=0.1, bus_backoff_min_s=0.05
    )
    async with (
        nats_servers(1) as (good,),
        false_server(FALSE_SERVERS[what]) as (url, met),
        one_node("n0", [good.url], cluster_limits=limits) as holder,
        one_node("n1", [url, good.url], cluster_limits=limits, waits_for_bus=False) as node,
    ):
        await until(lambda: 1 in node.bus.servers())
        await until(lambda: len(met) >= 2)
        # The good one serves meanwhile.
        await part(*await joined(node.url, holder.url))
        await until(lambda: 0 not in node.bus.servers())
    gc.collect()


async def test_what_is_written_to_the_bus_without_the_secret_changes_nothing() -> None:
    async with (
        nats_servers(1) as (server,),
        one_node("n0", [server.url]) as node,
        one_node("n1", [server.url]) as other,
        one_node("evil", [server.url], secrets=(b"e" * 32,)) as evil,
    ):
        spare = await register(node.url, BEN_SECRET)
        await until(lambda: len(node.bus.wanted) == 3)
        subject = next(each for each in node.bus.wanted if ".has." in each)
        chance = random.Random(1)

        def is_heard() -> bool:
            evil.bus.send(0, subject, b"?", "dl.test.1.re.evil.1")
            return bool(node.node.rejected)

        # It is wanted before NATS knows of it.
        await until(is_heard)
        for number in range(1, 1_001):
            where = (subject, "dl.test.1.nodes", f"dl.test.1.re.n0.{number}")[number % 3]
            evil.bus.send(0, where, chance.randbytes(chance.randrange(600)), "dl.test.1.re.evil.1")
            if number % 100 == 0:
                # Not faster than they are looked at: too many at once are another matter.
                await until(lambda so_far=number: sum(node.node.rejected.values()) >= so_far)  # type: ignore[misc]
        assert set(node.node.rejected) == {"not_sealed"}
        assert evil.node.messages["have"] == 0
        async with plain_connect(other.url, compression=None) as caller:
            await caller.send(request_for(ANN_SECRET, BEN.public_key))
            await wait_for_caller(spare)
        with contextlib.suppress(PlainClosed):
            while True:
                await spare.recv()


async def test_an_ill_node_that_asks_without_end_takes_no_answer_from_the_others() -> None:
    limits = ClusterLimits(answers_per_s_per_node=50)
    async with (
        nats_servers(1) as (server,),
        one_node("n0", [server.url], cluster_limits=limits) as node,
        one_node("ill", [server.url]) as ill,
        one_node("n2", [server.url]) as other,
    ):
        told = node.node.rejected
        for _ in range(500):
            ill.node.on_bus_changed()
        await until(lambda: told["answers_per_s_per_node"] > 300)
        for _ in range(300):
            ill.node.on_bus_changed()
        await part(*await joined(other.url, node.url))
        assert other.node.lookups.counts.lookups["found"] == 1
        assert told["answers_per_s"] == 0
