"""What callers, listeners and operators notice when a part of the cluster fails."""

import asyncio
import contextlib
import gc
import random
import socket
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as plain_connect
from websockets.exceptions import ConnectionClosed as PlainClosed

from duologue.identity import Identity
from duologue.relay.cluster_limits import ClusterLimits
from duologue.relay.limits import RelayLimits
from tests.cluster_support import SECRET, TestNode, cluster, keys_of, nats_servers, one_node
from tests.foreign_peer import request_for
from tests.foreign_relay import register, wait_for_caller
from tests.integration.loopback import nothing_is_left as nothing_is_left
from tests.integration.relay_loopback import ANN_SECRET, BEN, BEN_SECRET, PATIENCE_S, until
from tests.integration.test_cluster import NO_LISTENER, joined
from tests.nats_server import NEEDS_NATS

pytestmark = NEEDS_NATS
QUICK = ClusterLimits(bus_ping_s=0.2, bus_backoff_max_s=0.2, bus_doubt_s=0.5)
NO_WAY = "Close called: The listener's node cannot be reached."


async def refusal(url: str) -> str:
    """Ask for somebody who cannot be had; the words that one is told."""
    async with plain_connect(url, compression=None) as socket:
        await socket.send(request_for(ANN_SECRET, BEN.public_key))
        with pytest.raises(PlainClosed) as caught:
            await asyncio.wait_for(socket.recv(), PATIENCE_S)
        assert caught.value.rcvd is not None
        return caught.value.rcvd.reason


async def say(one: ClientConnection, other: ClientConnection) -> None:
    """They speak with each other."""
    for sender, reader in ((one, other), (other, one)):
        await sender.send("still there")
        assert await asyncio.wait_for(reader.recv(), PATIENCE_S) == "still there"


async def part(caller: ClientConnection, listener: ClientConnection) -> None:
    """The caller closes, and the listener sees it."""
    await caller.close()
    with contextlib.suppress(PlainClosed):
        await asyncio.wait_for(listener.recv(), PATIENCE_S)


def is_there(node: TestNode, count: int) -> Callable[[], bool]:
    return lambda: len(node.bus.servers()) == count


# -- the bus ------------------------------------------------------------------------------------


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

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"nats://127.0.0.1:{port}", met
    finally:
        server.close()


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
        for number in range(1_000):
            where = (subject, "dl.test.1.nodes", f"dl.test.1.re.n0.{number}")[number % 3]
            evil.bus.send(0, where, chance.randbytes(chance.randrange(600)), "dl.test.1.re.evil.1")
        await until(lambda: sum(node.node.rejected.values()) >= 1_000)
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


# -- between nodes ------------------------------------------------------------------------------


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
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield (
            server.sockets[0].getsockname()[1],
            lambda: state.__setitem__("left", 10**9),
        )
    finally:
        server.close()
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


# -- the operator's doing -----------------------------------------------------------------------


async def closed_with(socket: ClientConnection) -> tuple[int, str]:
    with pytest.raises(PlainClosed) as caught:
        while True:
            await asyncio.wait_for(socket.recv(), PATIENCE_S)
    assert caught.value.rcvd is not None
    return caught.value.rcvd.code, caught.value.rcvd.reason


@pytest.mark.parametrize("which", ["arrival", "holder"])
async def test_a_drain_ends_conversations_across_nodes_with_1001_on_both_sides(which: str) -> None:
    async with cluster(2) as (nodes, _):
        pair = await joined(nodes[0].url, nodes[1].url)
        spare = await register(nodes[1].url, BEN_SECRET)
        leaving = nodes[0] if which == "arrival" else nodes[1]
        draining = asyncio.create_task(leaving.node.drain(0.5))
        going_away = (1001, "The relay is being stopped.")
        assert await asyncio.gather(*map(closed_with, pair)) == [going_away, going_away]
        await asyncio.wait_for(draining, PATIENCE_S)
        if which == "holder":
            assert await closed_with(spare) == going_away
            assert await refusal(nodes[0].url) == NO_LISTENER
        else:
            await spare.close()
        await until(nodes[0].is_quiet)


async def test_a_key_whose_node_drains_is_found_where_its_listener_goes() -> None:
    async with cluster(3) as (nodes, _):
        spare = await register(nodes[1].url, BEN_SECRET)
        await until(lambda: len(nodes[1].bus.wanted) == 3)
        draining = asyncio.create_task(nodes[1].node.drain(3.0))
        await until(lambda: nodes[1].node.directory.is_draining)
        caller = await plain_connect(nodes[0].url, compression=None)
        await caller.send(request_for(ANN_SECRET, BEN.public_key))
        await asyncio.sleep(0.3)
        moved = await register(nodes[2].url, BEN_SECRET)
        await wait_for_caller(moved)
        await spare.close()
        await asyncio.wait_for(draining, PATIENCE_S)
        await part(caller, moved)


async def test_the_secret_is_changed_without_a_moment_in_which_nobody_is_found() -> None:
    new = b"n" * 32
    phases = ((SECRET, new), (new, SECRET), (new,))
    async with cluster(2) as (nodes, _):

        async def check() -> None:
            for one, other in ((0, 1), (1, 0)):
                await part(*await joined(nodes[one].url, nodes[other].url))

        await check()
        for secrets in phases:
            for node in nodes:
                node.node.use_keys(keys_of(*secrets))
                await check()
        always = 2
        for node in nodes:
            lingering = len(node.node.directory)
            assert len(node.bus.wanted) == always + lingering


async def test_a_second_node_of_the_same_name_is_told_to_the_operator_of_both() -> None:
    async with (
        nats_servers(1) as (server,),
        one_node("twin", [server.url]) as first,
        one_node("twin", [server.url]) as second,
    ):
        for node in (first, second):
            await until(lambda node=node: node.node.words() == ["node name taken"])  # type: ignore[misc]


async def test_nodes_with_other_limits_are_told_to_the_operator_and_serve() -> None:
    async with (
        nats_servers(1) as (server,),
        one_node("n0", [server.url]) as one,
        one_node(
            "n1", [server.url], limits=RelayLimits(max_pairs=7, startup_grace_s=0.01)
        ) as other,
    ):
        await until(lambda: other.node.words() == ["rules differ"])
        await part(*await joined(one.url, other.url))
        assert one.node.words() == ["rules differ"]
