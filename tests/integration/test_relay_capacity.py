"""How many listeners one relay holds, and how they come back after it was away."""

import asyncio
import contextlib
import random
from pathlib import Path

import pytest
from nacl.public import PrivateKey
from websockets.asyncio.client import ClientConnection, connect

import duologue
from duologue import ANYONE, Identity
from tests.foreign_peer import request_for
from tests.foreign_relay import register, say, wait_for_caller
from tests.relay_process import LINUX, RelayProcess, relay_process
from tests.stopwatch import PATIENCE_S, Stopwatch

pytestmark = pytest.mark.xdist_group("measuring")

ROOMY = {
    "registers_per_min_per_address": 1e6,
    "new_connections_per_s_per_address": 1e5,
    "new_connections_burst_per_address": 1e5,
    "max_connections_per_address": 1e5,
    "requests_per_min_per_address": 1e5,
}


async def answer_one(spare: ClientConnection) -> None:
    """Wait as a spare; answer the caller who comes."""
    await wait_for_caller(spare)
    await spare.recv()
    await say(spare, "communication_ready")
    await spare.wait_closed()


async def request_s(relay: RelayProcess, target: PrivateKey) -> float:
    """How long a caller waits for the listener's first word."""
    watch = Stopwatch(relay.pid)
    async with connect(relay.url, compression=None) as caller:
        await caller.send(request_for(PrivateKey.generate(), bytes(target.public_key)))
        assert "communication_ready" in str(await caller.recv())
        return watch.seconds


async def hold(relay: RelayProcess, count: int, hold_s: float) -> dict[str, float]:
    """Register so many listeners, let them wait, ask for random ones; what was measured."""
    keys = [PrivateKey.generate() for _ in range(count)]
    await (await register(relay.url, PrivateKey.generate())).close()
    before_mib, watch = relay.memory_mib(), Stopwatch(relay.pid)
    gate = asyncio.Semaphore(32)

    async def one(key: PrivateKey) -> ClientConnection:
        async with gate:
            return await register(relay.url, key)

    spares = await asyncio.gather(*map(one, keys))
    register_s = watch.seconds
    grown_mib = relay.memory_mib() - before_mib
    waiting = [asyncio.create_task(answer_one(spare)) for spare in spares]
    cpu_s, watch = relay.cpu_s(), Stopwatch()
    await asyncio.sleep(hold_s)
    idle_cpu = (relay.cpu_s() - cpu_s) / watch.wall_s
    lost = sum(task.done() for task in waiting)
    assert await relay.metric("registrations") == count
    chosen = random.Random(0).sample(keys, min(100, count))
    waits = sorted([await request_s(relay, key) for key in chosen])
    for task in waiting:
        task.cancel()
    await asyncio.wait(waiting)
    for spare in spares:
        spare.transport.abort()
    measured = {
        "register_s": register_s,
        "grown_mib": grown_mib,
        "idle_cpu": idle_cpu,
        "lost": lost,
        "request_p99_s": waits[int(len(waits) * 0.99) - 1],
    }
    print({name: round(value, 3) for name, value in measured.items()})
    return measured


@LINUX
@pytest.mark.parametrize(
    ("count", "hold_s"), [(100, 1.0), pytest.param(1000, 60.0, marks=pytest.mark.slow)]
)
async def test_waiting_listeners_cost_little_and_each_is_found(count: int, hold_s: float) -> None:
    """Catalogue row 1: a thousand on every night, a hundred on every commit.

    Ten thousand: `python -m tests.bench.relay_listeners`.
    """
    async with relay_process(limits={**ROOMY, "ping_interval_s": hold_s / 3}) as relay:
        measured = await hold(relay, count, hold_s)
    assert measured["lost"] == 0
    assert measured["grown_mib"] <= 35 * max(count, 200) / 1000
    assert measured["register_s"] <= 40
    assert measured["idle_cpu"] <= 0.2
    assert measured["request_p99_s"] <= 0.05


@pytest.mark.parametrize(
    ("count", "restarts", "away_s"),
    [(30, 1, 0.1), pytest.param(200, 3, 5.0, marks=pytest.mark.slow)],
)
async def test_listeners_come_back_after_their_relay_without_a_storm(
    tmp_path: Path, count: int, restarts: int, away_s: float
) -> None:
    """Catalogue row 10, small. How their tries are spread: tests/unit/.../test_relay_presence."""
    port = 0
    async with contextlib.AsyncExitStack() as stack:
        for restart in range(restarts + 1):
            async with relay_process(limits=ROOMY, port=port) as relay:
                port = relay.port
                if restart == 0:
                    for _ in range(count):
                        await stack.enter_async_context(
                            duologue.listen(
                                relay.url,
                                identity=Identity.generate(),
                                allow=ANYONE,
                                known_relays=tmp_path / "known",
                            )
                        )
                cpu_s, watch = relay.cpu_s(), Stopwatch()
                async with asyncio.timeout(3 * PATIENCE_S):
                    while True:
                        if await relay.metric('connections{state="spare"}') == 2 * count:
                            break
                        await asyncio.sleep(0.1)
                seconds = watch.wall_s
                print(f"{2 * count} spares after {seconds:.1f} s")
                assert watch.seconds <= 60
                assert relay.cpu_s() - cpu_s <= max(1.0, seconds)
                assert "connection_rejected_total{" not in (await relay.admin("/metrics"))[1]
            await asyncio.sleep(away_s)
