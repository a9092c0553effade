"""What becomes of callers and listeners when nodes cannot reach each other, or strangers come."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.client import connect as plain_connect
from websockets.exceptions import ConnectionClosed as PlainClosed

from duologue.identity import Identity
from duologue.relay.cluster_limits import ClusterLimits
from duologue.relay.limits import RelayLimits
from tests.cluster_support import TestNode, cluster, nats_servers, one_node
from tests.foreign_peer import request_for
from tests.foreign_relay import register
from tests.integration.cluster_talk import (
    NO_LISTENER,
    NO_WAY,
    joined,
    part,
    refusal,
    say,
)
from tests.integration.loopback import nothing_is_left as nothing_is_left
from tests.integration.relay_loopback import ANN_SECRET, BEN, BEN_SECRET, PATIENCE_S, until
from tests.nats_server import NEEDS_NATS
from tests.stream_server import stream_server

pytestmark = NEEDS_NATS


async def strangers(node: TestNode, words: bytes) -> bytes:
    """What the node port answers to whoever says this, until it hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", node.node.visits_in.port)
    writer.write(words)
    try:
        return await asyncio.wait_for(reader.read(), PATIENCE_S)
    except ConnectionResetError:
        return b""
    finally:
        writer.transport.abort()


async def test_strangers_at_the_node_port_are_told_nothing_and_dropped() -> None:
    limits = ClusterLimits(link_hello_timeout_s=0.3, max_link_strangers=4)
    async with (
        nats_servers(1) as (server,),
        one_node("n0", [server.url], cluster_limits=limits) as node,
    ):
        counts = node.node.visits_in_counts
        assert await strangers(node, b"GET / HTTP/1.1\r\n\r\n") == b""
        assert counts["no_node"] == 1
        assert await strangers(node, b"DLND1\n") == b""
        assert counts["hello_timeout"] == 1
        many = await asyncio.gather(*(strangers(node, b"") for _ in range(20)))
        assert many == [b""] * 20
        assert counts["max_link_strangers"] >= 1
        assert counts["accepted"] == 0


async def test_two_hundred_strangers_of_every_kind_keep_no_node_out() -> None:
    limits = ClusterLimits(link_hello_timeout_s=0.3, max_link_strangers=64)
    hello = b"DLND1\n" + bytes(range(32))
    kinds = (b"", hello[:20], hello, hello + bytes(400), bytes(100), b"\xff" * 5_000)
    async with (
        nats_servers(1) as (server,),
        one_node("n0", [server.url], cluster_limits=limits) as node,
        one_node("n1", [server.url]) as other,
    ):
        counts = node.node.visits_in_counts
        at_once = asyncio.gather(*(strangers(node, kinds[n % len(kinds)]) for n in range(200)))
        await part(*await joined(other.url, node.url))
        # Who sends a hello is told the half that proves nothing, and no more.
        assert max(len(each) for each in await at_once) < 1_100
        await until(lambda: node.node.visits_in.strangers == 0)
        assert counts["max_link_strangers"] > 0


async def test_a_stranger_that_says_one_byte_after_the_other_has_no_more_time_than_others() -> None:
    limits = ClusterLimits(link_hello_timeout_s=0.3)
    async with (
        nats_servers(1) as (server,),
        one_node("n0", [server.url], cluster_limits=limits) as node,
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", node.node.visits_in.port)
        said = 0
        with contextlib.suppress(ConnectionError):
            for byte in b"DLND1\n" + bytes(range(32)):
                if reader.at_eof():
                    break
                writer.write(bytes([byte]))
                said += 1
                await asyncio.sleep(0.1)
        writer.transport.abort()
        assert said < 38
        assert node.node.visits_in_counts["hello_timeout"] == 1


async def test_a_node_with_another_secret_finds_nobody_and_one_with_another_key_no_way() -> None:
    async with (
        nats_servers(1) as (server,),
        one_node("n0", [server.url]) as node,
        one_node("n1", [server.url], secrets=(b"e" * 32,)) as stranger,
        one_node("n2", [server.url], relay_key=Identity.generate().public_key) as odd,
    ):
        spare = await register(node.url, BEN_SECRET)
        await until(lambda: len(node.bus.wanted) == 3)
        assert await refusal(stranger.url) == NO_LISTENER
        assert await refusal(odd.url) == NO_WAY
        assert node.server.exchange.switchboard.spares == 1
        await spare.close()


@pytest.mark.parametrize("fault", ["black_hole", "refused"])
async def test_a_holder_that_cannot_be_reached_is_named_and_the_next_one_used(fault: str) -> None:
    limits = ClusterLimits(link_open_timeout_s=0.3, request_deadline_s=2.5)
    async with (
        contextlib.AsyncExitStack() as stack,
        nats_servers(1) as (server,),
        one_node("n0", [server.url], cluster_limits=limits) as asker,
        one_node("n1", [server.url], advertise="127.0.0.1:1") as unreachable,
        one_node("n2", [server.url]) as holder,
    ):
        silent = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        if fault == "black_hole":
            # The system accepts, and nobody ever says a word.
            unreachable.node.link = f"127.0.0.1:{silent.getsockname()[1]}"
        wasted = await register(unreachable.url, BEN_SECRET)
        await until(lambda: len(unreachable.bus.wanted) == 3)
        assert await refusal(asker.url) == NO_WAY
        pair = await joined(asker.url, holder.url)
        assert unreachable.server.exchange.switchboard.spares == 1
        await part(*pair)
        await wasted.close()
        await until(asker.is_quiet)


CUTS = (0, 10, 38, 100, 300, 450, 520, 600)
"""After so many bytes from the asker: in the first key, the hello, the visit, `go`, behind it."""


@pytest.mark.parametrize("cut", CUTS)
async def test_a_connection_between_nodes_may_be_cut_at_any_byte(cut: int) -> None:
    limits = ClusterLimits(links_in_stock=1, link_open_timeout_s=0.5)
    async with (
        nats_servers(1) as (server,),
        one_node("n0", [server.url], cluster_limits=limits) as asker,
        one_node("n1", [server.url]) as holder,
        cutter(holder.node.visits_in.port, cut) as (port, heal),
    ):
        holder.node.link = f"127.0.0.1:{port}"
        spare = await register(holder.url, BEN_SECRET)
        await until(lambda: len(holder.bus.wanted) == 3)
        async with plain_connect(asker.url, compression=None) as caller:
            await caller.send(request_for(ANN_SECRET, BEN.public_key))
            with contextlib.suppress(PlainClosed, TimeoutError):
                await asyncio.wait_for(caller.recv(), 0.3)
            await caller.close()
        heal()
        await spare.close()
        await until(asker.is_quiet)
        await until(holder.is_quiet)
        assert holder.server.exchange.switchboard.waiting == 0
        await part(*await joined(asker.url, holder.url))


@asynccontextmanager
async def cutter(target: int, allowance: int) -> AsyncGenerator[tuple[int, Callable[[], None]]]:
    """A way to a port that ends after so many bytes; `heal` mends it for later connections."""
    state = {"left": allowance}

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, up: bool) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                if up:
                    data = data[: state["left"]]
                    state["left"] -= len(data)
                writer.write(data)
                if state["left"] <= 0:
                    break
        writer.close()
        # Both ways end together.

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        out_reader, out_writer = await asyncio.open_connection("127.0.0.1", target)
        ways = [
            asyncio.create_task(pump(reader, out_writer, True)),
            asyncio.create_task(pump(out_reader, writer, False)),
        ]
        tasks.update(ways)
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        out_writer.close()
        writer.close()
        await asyncio.wait(ways)

    tasks: set[asyncio.Task[None]] = set()
    try:
        async with stream_server(serve) as port:
            yield port, lambda: state.__setitem__("left", 10**9)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_node_that_is_gone_takes_its_conversations_along_and_nothing_else() -> None:
    async with cluster(2, buses=1) as (nodes, servers):
        async with one_node("n2", [servers[0].url]) as third:
            through = await joined(third.url, nodes[0].url)
            to = await joined(nodes[0].url, third.url)
            beside = await joined(nodes[0].url, nodes[1].url)
        for socket in (*through, *to):
            with pytest.raises(PlainClosed):
                await asyncio.wait_for(socket.recv(), PATIENCE_S)
        await say(*beside)
        assert await refusal(nodes[0].url) == NO_LISTENER
        await part(*beside)
        for node in nodes:
            await until(node.is_quiet)


SLOW_READERS = (1, pytest.param(50, marks=pytest.mark.slow))


@pytest.mark.parametrize("count", SLOW_READERS)
async def test_readers_that_stop_behind_another_node_are_bounded_cut_and_hurt_nobody(
    count: int,
) -> None:
    limits = RelayLimits(
        write_timeout_s=1.0,
        startup_grace_s=0.01,
        request_burst_per_address_and_target=1_000,
        requests_per_min_per_address_and_target=1e6,
        requests_per_min_per_target=1e6,
        half_share=1_000,
        max_pairs_per_key=1_000,
    )
    async with cluster(2, buses=1, limits=limits) as (nodes, _):
        slow = [await joined(nodes[0].url, nodes[1].url) for _ in range(count)]
        pair = await joined(nodes[0].url, nodes[1].url)
        for caller, _ in slow:
            caller.transport.pause_reading()
        sent = [0] * count

        async def flood(number: int) -> None:
            with contextlib.suppress(PlainClosed):
                while True:
                    await slow[number][1].send(b"x" * 65_536)
                    sent[number] += 65_536

        flooding = asyncio.gather(*map(flood, range(count)))
        for _ in range(20):
            await say(*pair)
        await asyncio.wait_for(flooding, PATIENCE_S)
        # What the sockets of this machine and both nodes hold of one; the rest was not taken.
        assert max(sent) < 30_000_000
        for caller, _ in slow:
            caller.transport.abort()
        await say(*pair)
        await part(*pair)
        for node in nodes:
            await until(node.is_quiet)
        assert nodes[0].node.lookups.carried()[2] >= count
