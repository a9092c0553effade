"""What one call costs in counts, which are the same however busy the machine is.

Calls are made one after the other, both sides in this process and in one plain asyncio loop. What
is told is what most of the counted calls cost: a timer that was due in one of them does not count.
"""

import asyncio
import cProfile
import gc
import sys
import tracemalloc
from array import array
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from types import FrameType
from typing import Any, Final, TypeAlias

from duologue import Identity, Limits, connect, create_websocket_promisifier, serve
from duologue.bench.duologue_echo import AsyncEcho, PlainEcho
from duologue.bench.generated.echo.v1 import EchoClient, EchoService, Item
from duologue.bench.load import SMALL
from duologue.bench.streamed_echo import StreamedEcho, StreamedEchoClient
from duologue.connection.encrypted.handshaking import (
    AcceptanceBook,
    carrier_limits,
    encrypt_as_acceptor,
    encrypt_as_connector,
)
from duologue.testing import connected_pair, linked_peers
from duologue.typed.service import Offer

WARM_UP_CALLS: Final = 200
"""Caches are filled by then, and ids of calls have the three digits that they keep."""

CALLS: Final = 100
"""How many are counted, one by one."""

ITEMS: Final = 100

Make: TypeAlias = Callable[[], Awaitable[object]]
"""Makes one call, and waits for its answer."""

Situation: TypeAlias = Callable[[], AbstractAsyncContextManager[Make]]


@dataclass(frozen=True, slots=True)
class Counts:
    """What one call costs, both sides and the event loop together."""

    python_calls: int
    """Calls of Python functions; going on with a coroutine is one, too."""
    c_calls: int
    """Calls of functions that are written in C."""
    allocated_bytes: int
    """All that was allocated, were it freed at once. To look between function calls makes CPython
    allocate a frame object for each Python function, which is part of it."""
    peak_bytes: int
    """The most that was allocated at the same time."""


async def count(make: Make) -> Counts:
    """Count what `make` costs once everything is warm."""
    for _ in range(WARM_UP_CALLS):
        await make()
    gc.collect()
    gc.disable()
    try:
        python_calls, c_calls = await _function_calls(make)
        tracemalloc.start()
        peak_bytes = await _peak_bytes(make)
        allocated_bytes = await _allocated_bytes(make)
    finally:
        tracemalloc.stop()
        gc.enable()
    return Counts(python_calls, c_calls, allocated_bytes, peak_bytes)


async def _function_calls(make: Make) -> tuple[int, int]:
    counted: Counter[tuple[int, int]] = Counter()
    python_calls = c_calls = 0

    def note(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal python_calls, c_calls
        if event == "call":
            python_calls += 1
        elif event == "c_call":
            c_calls += 1

    for _ in range(CALLS):
        python_calls = c_calls = 0
        sys.setprofile(note)
        await make()
        sys.setprofile(None)
        counted[python_calls, c_calls] += 1
    return counted.most_common(1)[0][0]


async def _peak_bytes(make: Make) -> int:
    peaks = array("q", [0]) * CALLS  # takes no memory while it is filled
    for number in range(CALLS):
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        await make()
        peaks[number] = tracemalloc.get_traced_memory()[1] - before
    return Counter(peaks).most_common(1)[0][0]


async def _allocated_bytes(make: Make) -> int:
    totals = array("q", [0]) * CALLS
    current = array("q", [0])
    number = 0

    def look() -> int:
        """In the place of a clock, which the profiler reads between any two function calls."""
        totals[number] += tracemalloc.get_traced_memory()[1] - current[0]
        current[0] = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        return 0

    profiler = cProfile.Profile(look, 1.0)
    for number in range(CALLS):
        look()
        totals[number] = 0
        profiler.enable()
        await make()
        profiler.disable()
    return Counter(totals).most_common(1)[0][0]


def _typed_call(client: EchoClient) -> Make:
    return partial(client.echo, **SMALL)


@asynccontextmanager
async def in_memory(service: type[EchoService]) -> AsyncGenerator[Make]:
    """A typed call without a network."""
    async with linked_peers([service()]) as (_, caller):
        yield _typed_call(EchoClient(caller))


@asynccontextmanager
async def in_memory_encrypted() -> AsyncGenerator[Make]:
    """The same, with the layers of an encrypted connection between."""
    limits = Limits()
    ann, ben = Identity.generate(), Identity.generate()
    left, right = connected_pair(carrier_limits(limits))
    connections = await asyncio.gather(
        encrypt_as_connector(left, ann, ben.public_key, limits),
        encrypt_as_acceptor(right, ben, {ann.public_key}, limits, book=AcceptanceBook(limits)),
    )
    caller, callee = map(create_websocket_promisifier, connections)
    Offer([]).make_to(caller)
    Offer([PlainEcho()]).make_to(callee)
    yield _typed_call(EchoClient(caller))
    caller.close()
    await caller.promise.wait()
    await callee.promise.wait()


@asynccontextmanager
async def over_loopback() -> AsyncGenerator[Make]:
    """A typed call through sockets of this machine."""
    async with serve(PlainEcho()) as server, connect(f"ws://127.0.0.1:{server.port}") as peer:
        yield _typed_call(EchoClient(peer))


@asynccontextmanager
async def over_loopback_encrypted() -> AsyncGenerator[Make]:
    """The same, encrypted."""
    ann, ben = Identity.generate(), Identity.generate()
    async with (
        serve(PlainEcho(), identity=ben, allow={ann.public_key}) as server,
        connect(f"ws://127.0.0.1:{server.port}", identity=ann, to=ben.public_key) as peer,
    ):
        yield _typed_call(EchoClient(peer))


@asynccontextmanager
async def streamed_in_memory() -> AsyncGenerator[Make]:
    """A call that yields `ITEMS` items, without a network: more than its first window holds."""
    async with linked_peers([StreamedEcho()]) as (_, peer):
        client = StreamedEchoClient(peer)

        async def read() -> None:
            async with client.count(items=ITEMS) as log:
                async for _item in log:
                    pass

        yield read


@asynccontextmanager
async def back_and_forth_in_memory() -> AsyncGenerator[Make]:
    """An item to the service and one back, in a call that goes on."""
    async with (
        linked_peers([StreamedEcho()]) as (_, peer),
        StreamedEchoClient(peer).mirror() as exchange,
    ):

        async def trip() -> None:
            await exchange.send(Item(**SMALL))
            await anext(exchange)

        yield trip


SITUATIONS: Final[Mapping[str, Situation]] = {
    "in memory": partial(in_memory, PlainEcho),
    "in memory, `async def` handler": partial(in_memory, AsyncEcho),
    "in memory, encrypted": in_memory_encrypted,
    "over loopback": over_loopback,
    "over loopback, encrypted": over_loopback_encrypted,
    f"in memory, a call with {ITEMS} items": streamed_in_memory,
    "in memory, an item back and forth": back_and_forth_in_memory,
}


async def count_all() -> dict[str, Counts]:
    """The counts of every situation, in turn."""
    counted: dict[str, Counts] = {}
    for name, situation in SITUATIONS.items():
        async with situation() as make:
            counted[name] = await count(make)
    return counted
