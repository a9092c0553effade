"""`python -m tests.bench.observed`: what a call costs with observers and interceptors, by CPU time.

The same typed call, both sides in this process and both observed: with nothing, with each of what
may be added, and with all four observers together, in many short phases that take turns. What is
told is the median of the ratios to the plain phase beside it: what else the machine does disturbs
both. Over sockets, as calls are made, all four may cost `MAX_RATIO`; in memory, where a call costs
half as much, the same is told and not judged.
"""

import asyncio
import io
import logging
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import Final

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from prometheus_client import CollectorRegistry

from duologue import Interceptor, connect, serve
from duologue.bench.duologue_echo import AsyncEcho
from duologue.bench.generated.echo.v1 import EchoClient
from duologue.bench.load import SMALL
from duologue.endpoints.manner import ConversationOptions
from duologue.interceptors import Authorisation, CallLog, Retrying, anyone
from duologue.interceptors.tracing import Tracing
from duologue.observability import FrameLog, Lines
from duologue.observability.opentelemetry import OpenTelemetry
from duologue.observability.prometheus import Prometheus
from duologue.observer import Observer
from duologue.testing import linked_peers

MAX_RATIO: Final = 3.0
ALL_OBSERVERS: Final = "all four observers"

PHASES: Final = 30
CALLS: Final = 200


def all_observers() -> dict[str, list[Observer]]:
    """Each alone, and all of them. Both ends of the pair are told."""
    frames = FrameLog(io.StringIO(), "shape")
    metrics = OpenTelemetry(MeterProvider([InMemoryMetricReader()]))
    alone: dict[str, Observer] = {
        "frames, as shapes": frames,
        "lines of the log": Lines(),
        "Prometheus": Prometheus(CollectorRegistry()),
        "OpenTelemetry, metrics": metrics,
    }
    return {name: [each] for name, each in alone.items()} | {ALL_OBSERVERS: [*alone.values()]}


def all_interceptors() -> dict[str, list[Interceptor]]:
    """Each alone."""
    return {
        "authorisation": [Authorisation({"*": anyone})],
        "retrying": [Retrying()],
        "a line for each call": [CallLog()],
        "tracing": [Tracing(TracerProvider())],
    }


async def _cpu_s(make: Callable[[], Awaitable[object]]) -> float:
    begun_s = time.process_time()
    for _ in range(CALLS):
        await make()
    return (time.process_time() - begun_s) / CALLS


async def measure(*, over_sockets: bool) -> dict[str, tuple[float, float]]:
    """Microseconds of a call, and how many times the plain one's that is, for each situation."""
    async with AsyncExitStack() as stack:

        async def client(
            observers: Sequence[Observer] = (), interceptors: Sequence[Interceptor] = ()
        ) -> Callable[[], Awaitable[object]]:
            options: ConversationOptions = {"observers": observers, "interceptors": interceptors}
            if over_sockets:
                server = await stack.enter_async_context(serve(AsyncEcho(), **options))
                url = f"ws://127.0.0.1:{server.port}"
                peer = await stack.enter_async_context(connect(url, **options))
            else:
                pair = linked_peers([AsyncEcho()], observers=observers, interceptors=interceptors)
                _, peer = await stack.enter_async_context(pair)
            return partial(EchoClient(peer).echo, **SMALL)

        plain = await client()
        situations = {name: await client(observers=each) for name, each in all_observers().items()}
        for name, around in all_interceptors().items():
            situations[name] = await client(interceptors=around)
        ratios: dict[str, list[float]] = {name: [] for name in situations}
        seconds: dict[str, list[float]] = {name: [] for name in situations}
        # Now, not before: what is made while somebody wants lines has them by itself.
        for name in ("duologue.calls", "duologue.connections"):
            logging.getLogger(name).setLevel(logging.DEBUG)
        try:
            for make in (plain, *situations.values()):
                await _cpu_s(make)
            for _ in range(PHASES):
                for name, make in situations.items():
                    # One after the other: a machine that is busy is so for both.
                    beside_s = await _cpu_s(plain)
                    its_s = await _cpu_s(make)
                    ratios[name].append(its_s / beside_s)
                    seconds[name].append(its_s)
        finally:
            for name in ("duologue.calls", "duologue.connections"):
                logging.getLogger(name).setLevel(logging.NOTSET)
        return {
            name: (statistics.median(seconds[name]) * 1e6, statistics.median(each))
            for name, each in ratios.items()
        }


def main() -> None:
    """Measure, and say what came out."""
    logging.getLogger("duologue").addHandler(logging.NullHandler())
    logging.getLogger("duologue").propagate = False
    logging.getLogger("duologue").setLevel(logging.INFO)
    for over_sockets in (False, True):
        found = asyncio.run(measure(over_sockets=over_sockets))
        print("over sockets:" if over_sockets else "in memory:")
        for name, (microseconds, ratio) in found.items():
            print(f"  {name}: {microseconds:.0f} µs of CPU a call, {ratio:.2f} times the plain one")
    if found[ALL_OBSERVERS][1] > MAX_RATIO:
        sys.exit(f"with {ALL_OBSERVERS} a call may cost {MAX_RATIO} times as much, not more")


if __name__ == "__main__":
    main()
