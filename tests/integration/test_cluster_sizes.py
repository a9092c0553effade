"""What stopped readers cost the nodes between them, and ten thousand keys at one node (slow)."""

import asyncio
import contextlib
import os
import random
import resource
import statistics
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed as PlainClosed

from duologue.relay.cluster.bus_messages import VERSION, Find, Have, open_message, seal
from duologue.relay.cluster.cluster_keys import ClusterKeys
from duologue.relay.cluster.subjects import Subjects
from tests.bench.relay_listeners import LIMITS, register, serve
from tests.cluster_process import write_cluster, write_node
from tests.cluster_support import nats_servers
from tests.integration.cluster_talk import joined, part
from tests.integration.relay_loopback import PATIENCE_S
from tests.integration.test_cluster_many import MANY
from tests.nats_server import NEEDS_NATS
from tests.relay_process import LINUX, RelayProcess, relay_process

pytestmark = [NEEDS_NATS, pytest.mark.slow, LINUX]

READERS = 50
PIECE = b"x" * 65_536
CUT_S = 20.0
ROOM = {
    **MANY,
    "write_timeout_s": CUT_S,
    "request_burst_per_address_and_target": 1_000,
    "requests_per_min_per_target": 1e6,
    "registers_per_min_per_key": 1e6,
    "half_share": 1_000,
    "max_pairs_per_key": 1_000,
}


async def echo_s(one: ClientConnection, other: ClientConnection) -> float:
    """How long a message takes there and back, through both nodes."""
    begun_s = time.perf_counter()
    await one.send("there")
    await asyncio.wait_for(other.recv(), PATIENCE_S)
    await other.send("and back")
    await asyncio.wait_for(one.recv(), PATIENCE_S)
    return time.perf_counter() - begun_s


async def median_s(pair: tuple[ClientConnection, ClientConnection]) -> float:
    """The least of several medians: what else the machine does is not measured."""
    return min([statistics.median([await echo_s(*pair) for _ in range(100)]) for _ in range(5)])


async def test_stopped_readers_cost_two_megabytes_each_and_other_pairs_no_time(
    tmp_path: Path,
) -> None:
    write_cluster(tmp_path)
    async with nats_servers(1) as buses, AsyncExitStack() as stack:
        arrival, holder = [
            await stack.enter_async_context(
                relay_process(
                    "--config", str(write_node(tmp_path, name, [buses[0].url])), limits=ROOM
                )
            )
            for name in ("a", "b")
        ]
        pair = await joined(arrival.url, holder.url)
        slow = [await joined(arrival.url, holder.url) for _ in range(READERS)]
        calm_s = await median_s(pair)
        before_mib = [each.memory_mib() for each in (arrival, holder)]
        sent = 0

        async def flood(sender: ClientConnection) -> None:
            nonlocal sent
            with contextlib.suppress(PlainClosed):
                while True:
                    await sender.send(PIECE)
                    sent += len(PIECE)

        for caller, _ in slow:
            caller.transport.pause_reading()
        flooding = [asyncio.create_task(flood(listener)) for _, listener in slow]
        last = -1
        while sent != last:
            last = sent
            await asyncio.sleep(0.5)
        stopped_s = await median_s(pair)
        grown_mib = [
            node.memory_mib() - before
            for node, before in zip((arrival, holder), before_mib, strict=True)
        ]
        print(
            f"{READERS} stopped readers: {grown_mib[0]:.0f} and {grown_mib[1]:.0f} MiB more at the "
            f"two nodes; another pair's median {calm_s * 1e6:.0f} us before, "
            f"{stopped_s * 1e6:.0f} us beside them"
        )
        assert max(grown_mib) <= 2 * READERS
        # 1.2 is what is promised; half of one more is for what else this machine does.
        assert stopped_s <= 1.5 * calm_s
        # They are cut, and nobody else is.
        await asyncio.wait_for(asyncio.gather(*flooding), CUT_S + 4 * PATIENCE_S)
        for caller, _ in slow:
            caller.transport.abort()
        await echo_s(*pair)
        await part(*pair)


KEYS = 10_000
QUESTIONS_PER_S = 500
QUESTIONS_S = 10


async def test_ten_thousand_keys_at_one_node_are_subscribed_and_found_beside_much_asking(
    tmp_path: Path,
) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    write_cluster(tmp_path)
    secret = bytes.fromhex((tmp_path / "cluster.secret").read_text().split()[0])
    keys, subjects = ClusterKeys.derive(secret, "test"), Subjects("test", "asker")
    async with nats_servers(2) as buses, AsyncExitStack() as stack:
        urls = [each.url for each in buses]
        async with relay_process(limits=LIMITS) as alone, many(alone) as (_, alone_mib):
            pass
        node = await stack.enter_async_context(
            relay_process("--config", str(write_node(tmp_path, "a", urls)), limits=LIMITS)
        )
        empty_mib = node.memory_mib()
        people, _ = await stack.enter_async_context(many(node))
        registered_s = time.perf_counter()
        await until_subscribed(node, KEYS + 2)
        subscribed_s = time.perf_counter() - registered_s
        more_mib = node.memory_mib() - empty_mib - alone_mib
        took_s, lost = await ask(people, urls, keys, subjects)
        took_s.sort()
        p99_s = took_s[len(took_s) * 99 // 100]
        print(
            f"{KEYS} keys: all subscribed {subscribed_s:.2f} s after the last had registered, "
            f"{more_mib:.0f} MiB more than at a relay that is alone; {len(took_s)} questions, "
            f"{QUESTIONS_PER_S} a second: p50 {statistics.median(took_s) * 1e3:.2f} ms, "
            f"p99 {p99_s * 1e3:.1f} ms, {lost} lost"
        )
        assert more_mib * 2**20 < 120e6
        # 5 s are promised; twice that on a busy machine.
        assert subscribed_s < 10
        assert lost == 0
        assert await node.metric("unhandled_exceptions_total") == 0


@asynccontextmanager
async def many(relay: RelayProcess) -> AsyncGenerator[tuple[list[bytes], float]]:
    """So many listeners with a spare each: their keys, and the MiB that the relay has grown by."""
    before_mib = relay.memory_mib()
    listeners = await register(relay, KEYS)
    grown_mib = relay.memory_mib() - before_mib
    waiting = [asyncio.create_task(serve(spare)) for _, spare in listeners]
    try:
        yield [each.public_key for each, _ in listeners], grown_mib
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


async def until_subscribed(node: RelayProcess, subjects: int) -> None:
    async with asyncio.timeout(10 * PATIENCE_S):
        while await node.metric("bus_subscriptions") < subjects:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def ask(
    people: list[bytes], urls: list[str], keys: ClusterKeys, subjects: Subjects
) -> tuple[list[float], int]:
    """Ask for some of them at both servers in turn; how long each answer took, and how many of the
    questions had none."""
    chance, loop = random.Random(5), asyncio.get_running_loop()
    asked_s: dict[str, float] = {}
    took_s: list[float] = []

    async def answered(message: Msg) -> None:
        have, _ = open_message(message.data, [keys], Have)
        took_s.append(loop.time() - asked_s.pop(have.ask))

    clients = [Client() for _ in urls]
    for client, url in zip(clients, urls, strict=True):
        await client.connect(url)
        subscribe: Callable[..., Awaitable[object]] = vars(Client)["subscribe"]
        await subscribe(client, subjects.all_replies, cb=answered)
    number = QUESTIONS_PER_S * QUESTIONS_S
    begun_s = loop.time()
    for each in range(number):
        person = chance.choice(people)
        find = Find(v=VERSION, ask=os.urandom(8).hex(), key=person.hex(), node="asker")
        asked_s[find.ask] = loop.time()
        client = clients[each % len(clients)]
        sealed = seal(find, keys, os.urandom(24))
        await client.publish(subjects.has(keys, person), sealed, reply=subjects.reply(each))
        await client._flush_pending()  # pyright: ignore[reportPrivateUsage]
        late_s = begun_s + (each + 1) / QUESTIONS_PER_S - loop.time()
        await asyncio.sleep(max(0, late_s))
    async with asyncio.timeout(PATIENCE_S):
        while asked_s:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    for client in clients:
        await client.close()
    return took_s, number - len(took_s)
