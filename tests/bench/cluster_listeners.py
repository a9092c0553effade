"""Many idle listeners at two nodes: `python -m tests.bench.cluster_listeners [COUNT]`.

Prints, as JSON, the time to register them all, the memory of each node with them, and how soon a
random listener is handed a caller of its own node, and one of the other. Linux only.
"""

import asyncio
import json
import random
import resource
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

from tests.bench.relay_listeners import LIMITS, REQUESTS, handover_s, register, serve
from tests.cluster_process import write_cluster, write_node
from tests.nats_server import NatsServer
from tests.relay_process import relay_process


async def measure(count: int, folder: Path) -> dict[str, float]:
    """Half of them at each of two nodes."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    write_cluster(folder)
    buses = [NatsServer(), NatsServer()]
    async with AsyncExitStack() as stack:
        for bus in buses:
            stack.callback(bus.kill)
            await bus.start()
        nodes = [
            await stack.enter_async_context(
                relay_process(
                    "--config",
                    str(write_node(folder, name, [each.url for each in buses])),
                    limits=LIMITS,
                )
            )
            for name in ("a", "b")
        ]
        before_mib = [node.memory_mib() for node in nodes]
        begun_s = time.perf_counter()
        halves = [await register(node, count // 2) for node in nodes]
        registered_s = time.perf_counter() - begun_s
        # Two are for answers and for names.
        for _ in range(200):
            if min([await each.metric("bus_subscriptions") for each in nodes]) >= count // 2 + 2:
                break
            await asyncio.sleep(0.05)
        cpu_s = [node.cpu_s() for node in nodes]
        waiting = [asyncio.create_task(serve(spare)) for half in halves for _, spare in half]
        chosen = random.sample([identity for identity, _ in halves[1]], min(REQUESTS, count // 2))
        here = sorted([await handover_s(nodes[1], each) for each in chosen[::2]])
        across = sorted([await handover_s(nodes[0], each) for each in chosen[1::2]])
        found = {
            "listeners": float(count),
            "register_s": registered_s,
            "mib_a": nodes[0].memory_mib(),
            "mib_b": nodes[1].memory_mib(),
            "kib_per_listener": 1024
            * sum(node.memory_mib() - mib for node, mib in zip(nodes, before_mib, strict=True))
            / count,
            "request_cpu_ms": 1000
            * sum(node.cpu_s() - used for node, used in zip(nodes, cpu_s, strict=True))
            / len(chosen),
            "here_p50_ms": here[len(here) // 2] * 1000,
            "across_p50_ms": across[len(across) // 2] * 1000,
            "across_p99_ms": across[-1] * 1000,
        }
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
    return {name: round(value, 2) for name, value in found.items()}


def main() -> None:
    """Measure and print."""
    count = int(sys.argv[1]) if sys.argv[1:] else 10_000
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(asyncio.run(measure(count, Path(folder)))))


if __name__ == "__main__":
    main()
