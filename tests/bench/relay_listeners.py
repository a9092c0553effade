"""Many idle listeners at one relay: `python -m tests.bench.relay_listeners [COUNT] [SECONDS]`.

Prints, as JSON, the time to register them all, the relay's memory for each, its processor time
while they wait, and how soon a request for a random one of them is answered. Linux only. All come
from one address, so the relay's limits for one address are raised; nothing else about it is.
"""

import asyncio
import json
import random
import resource
import sys
import time
from dataclasses import asdict, dataclass

from duologue.connection.encrypted.handshaking import carrier_limits
from duologue.endpoints.through_relay import dial_through_relay
from duologue.errors import DuologueError
from duologue.identity import Identity
from duologue.limits import Limits
from duologue.relay.client.dial import RelayAccount
from duologue.relay.client.known_relays import KnownRelays
from duologue.relay.client.registration import Spare, register_spare
from tests.relay_process import RelayProcess, relay_process

AT_ONCE = 64
REQUESTS = 100
LIMITS = {
    "registers_per_min_per_address": 1e7,
    "new_connections_per_s_per_address": 1e6,
    "new_connections_burst_per_address": 1e6,
    "max_connections_per_address": 1e6,
    "max_connections": 50_000,
    "requests_per_min_per_address": 1e6,
}


async def register(relay: RelayProcess, count: int) -> list[tuple[Identity, Spare]]:
    """That many listeners, each with one spare connection."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one() -> tuple[Identity, Spare]:
        identity = Identity.generate()
        account = RelayAccount(
            url=relay.url,
            identity=identity,
            limits=carrier_limits(Limits(connect_timeout_s=60, handshake_timeout_s=60)),
            known_relays=KnownRelays(None),
        )
        async with gate:
            return identity, await register_spare(account)

    return await asyncio.gather(*(one() for _ in range(count)))


async def handover_s(relay: RelayProcess, target: Identity) -> float:
    """How long until the relay has handed one of them over; it hangs up instead of answering."""
    begun = time.perf_counter()
    try:
        await dial_through_relay(
            relay.url,
            identity=Identity.generate(),
            target=target.public_key,
            limits=Limits(),
            timeout_s=10,
        )
    except DuologueError as error:
        if "done" not in str(error):
            raise
    return time.perf_counter() - begun


async def serve(spare: Spare) -> None:
    """Answer pings; hang up on whoever calls."""
    (await spare.wait_for_caller()).close("done")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listeners:
    """What so many cost the relay."""

    listeners: int
    register_s: float
    """Until all were registered."""
    relay_mib: float
    """The whole process."""
    kib_per_listener: float
    """What it has grown by."""
    idle_cpu: float
    """Of one core, while they wait and answer pings."""
    lost: int
    """Those that the relay has dropped."""
    request_p99_ms: float
    """From dialling one of them to having been handed over."""


async def measure(count: int, seconds: float) -> Listeners:
    """Register them, let them wait for `seconds`, call some, and end the relay."""
    wanted = 2 * count + 500
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = max(soft, wanted) if hard == resource.RLIM_INFINITY else min(max(soft, wanted), hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (enough, hard))
    async with relay_process(limits=LIMITS) as relay:
        before_mib, begun = relay.memory_mib(), time.perf_counter()
        listeners = await register(relay, count)
        register_s = time.perf_counter() - begun
        memory_mib = relay.memory_mib()
        waiting = [asyncio.create_task(serve(spare)) for _, spare in listeners]
        cpu_s, begun = relay.cpu_s(), time.perf_counter()
        await asyncio.sleep(seconds)
        idle_cpu = (relay.cpu_s() - cpu_s) / (time.perf_counter() - begun)
        lost = sum(task.done() for task in waiting)
        chosen = random.sample([identity for identity, _ in listeners], min(REQUESTS, count))
        handovers = sorted([await handover_s(relay, each) for each in chosen])
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
    return Listeners(
        listeners=count,
        register_s=round(register_s, 2),
        relay_mib=round(memory_mib, 1),
        kib_per_listener=round((memory_mib - before_mib) * 1024 / count, 1),
        idle_cpu=round(idle_cpu, 4),
        lost=lost,
        request_p99_ms=round(handovers[-max(1, len(handovers) // 100)] * 1000, 1),
    )


def main() -> None:
    """Measure and print."""
    arguments = sys.argv[1:]
    count = int(arguments[0]) if arguments else 10_000
    seconds = float(arguments[1]) if arguments[1:] else 60.0
    print(json.dumps(asdict(asyncio.run(measure(count, seconds)))))


if __name__ == "__main__":
    main()
