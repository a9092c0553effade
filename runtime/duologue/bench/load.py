"""What every program of the benchmark shares: the payload, the load, and how it is ordered about.

Standard library only: this runs in interpreters that have no duologue, too (see `alone`). A program
is told what to do line by line on its standard input and answers in JSON; when that input ends, so
does the program, and nothing is left behind whatever becomes of the one that started it.
"""

import asyncio
import gc
import json
import os
import statistics
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial
from typing import Any, Final, TextIO, TypeAlias

from duologue.bench.process_costs import cpu_s_of, own_cpu_s, resident_bytes

Json: TypeAlias = dict[str, Any]

Run: TypeAlias = Callable[[Coroutine[Any, Any, None]], None]
"""What runs a program's main coroutine: `asyncio.run`, or what a peer has in its place."""

CORE: Final = "DUOLOGUE_BENCH_CORE"
"""Environment variable: the core that a program pins itself to."""

SMALL: Final[Json] = {
    "name": "thermometer in the cellar",
    "number": 1234,
    "ratio": 0.618,
    "tags": ["north", "calibrated", "battery"],
}
"""About 100 bytes as JSON."""

LARGE: Final[Json] = {**SMALL, "name": "n" * 65_536}
"""The same with 64 KiB of text."""

BLOB: Final = bytes(range(256)) * 256
"""64 KiB of bytes, where they need not be text."""

Payload: TypeAlias = Json | bytes

PAYLOADS: Final[dict[str, Payload]] = {"small": SMALL, "large": LARGE, "blob": BLOB}


def payload_of(order: Json) -> Payload:
    """The payload that an order names, or one of so many characters of text, or `bytes`."""
    payload: str | int = order["payload"]
    if isinstance(payload, str):
        return PAYLOADS[payload]
    if order.get("is_blob"):
        return (BLOB * (payload // len(BLOB) + 1))[:payload]
    return {**SMALL, "name": "n" * payload}


ITEMS_OF_CALL: Final = 10_000
"""How many items one call has, so that a window that must grow first has time to."""

TRIPS_OF_CALL: Final = 200

WARM_UP_SHARE: Final = 0.25
"""How long a phase runs unmeasured first, as a share of its measured time."""


class Caller(ABC):
    """One connection of a client, in the notation of one peer."""

    @abstractmethod
    async def open(self, port: int) -> None:
        """Connect."""

    @abstractmethod
    async def close(self) -> None:
        """Disconnect."""

    @abstractmethod
    async def echo(self, payload: Json) -> None:
        """Build a request of `payload`, call, and have the typed reply."""

    async def blob(self, data: bytes) -> None:
        """Send bytes and have as many back."""
        raise NotImplementedError

    async def stream(self, items: int) -> None:
        """Ask for that many items and read them all."""
        raise NotImplementedError

    async def upload(self, items: int) -> None:
        """Send that many items, and have the answer that they came."""
        raise NotImplementedError

    async def exchange(self, items: int) -> None:
        """Send that many items and read as many, at the same time and in one call."""
        raise NotImplementedError

    async def trips(self, number: int, taken: list[float]) -> None:
        """In one call, so often: send an item, read the one that comes back. Times go to `taken`.

        In seconds, each from before the item is sent until its answer is there.
        """
        raise NotImplementedError

    def caller_of(self, payload: Payload) -> Callable[[], Awaitable[None]]:
        """What makes one call with `payload`."""
        if isinstance(payload, bytes):
            return partial(self.blob, payload)
        return partial(self.echo, payload)

    async def drive(self, payload: Payload, in_flight: int, seconds: float) -> int:
        """Keep calls in flight until the time is up; returns how many were answered.

        At least one each, however short the time and slow the machine.
        """
        call, end = self.caller_of(payload), time.perf_counter() + seconds
        clock = time.perf_counter

        async def work() -> int:
            number = 0
            while not number or clock() < end:
                await call()
                number += 1
            return number

        return sum(await asyncio.gather(*(work() for _ in range(in_flight))))


class Client:
    """Carries out the orders that the comparison sends to a client program."""

    def __init__(self, make: Callable[[], Caller], port: int) -> None:
        self._make = make
        self._port = port
        self._caller: Caller | None = None

    async def carry_out(self, order: Json) -> Json:
        """The figures that one order asks for."""
        pids: list[int] = order.get("pids", [])
        what = order["what"]
        if what == "set-up":
            return await self._set_up(order["times"], pids)
        if what == "idle":
            return await self._idle(order["connections"], pids)
        if what == "spread":
            return await self._spread(order, pids)
        caller = self._caller
        if caller is None:
            caller = self._caller = self._make()
            await caller.open(self._port)
        if what == "items":
            flow: Callable[[int], Awaitable[None]] = getattr(caller, order["flow"])
            return await _items(flow, order["seconds"], pids)
        if what == "trips":
            return await _trips(caller, order["seconds"])
        return await _calls(caller, order, pids)

    async def _set_up(self, times: int, pids: Sequence[int]) -> Json:
        taken: list[float] = []
        before = [own_cpu_s(), *map(cpu_s_of, pids)]
        for _ in range(times):
            caller = self._make()
            start = time.perf_counter()
            await caller.open(self._port)
            await caller.echo(SMALL)
            taken.append(time.perf_counter() - start)
            await caller.close()
        after = [own_cpu_s(), *map(cpu_s_of, pids)]
        used = sum(after) - sum(before)
        return {"set_up_ms": statistics.median(taken) * 1e3, "set_up_cpu_ms": used / times * 1e3}

    async def _idle(self, connections: int, pids: Sequence[int]) -> Json:
        # What the first connections allocate once and for all must not be counted.
        before, opened = 0, list[Caller]()
        for number in range(connections + connections // 4):
            if number == connections // 4:
                gc.collect()
                before = sum(map(resident_bytes, pids))
            caller = self._make()
            await caller.open(self._port)
            await caller.echo(SMALL)
            opened.append(caller)
        grown = sum(map(resident_bytes, pids)) - before
        for caller in opened:
            await caller.close()
        return {"idle_kib": grown / connections / 1024}

    async def _spread(self, order: Json, pids: Sequence[int]) -> Json:
        callers = [self._make() for _ in range(order["connections"])]
        for caller in callers:
            await caller.open(self._port)
        in_flight = max(1, order["in_flight"] // len(callers))
        payload, seconds = payload_of(order), order["seconds"]

        async def drive(seconds: float) -> int:
            driven = (caller.drive(payload, in_flight, seconds) for caller in callers)
            return sum(await asyncio.gather(*driven))

        await drive(seconds * WARM_UP_SHARE)
        before, start = own_cpu_s() + sum(map(cpu_s_of, pids)), time.perf_counter()
        number = await drive(seconds)
        elapsed = time.perf_counter() - start
        used = own_cpu_s() + sum(map(cpu_s_of, pids)) - before
        for caller in callers:
            await caller.close()
        return {"per_s": number / elapsed, "cpu_us": used / number * 1e6}


async def _calls(caller: Caller, order: Json, pids: Sequence[int]) -> Json:
    payload = payload_of(order)
    in_flight, seconds = order["in_flight"], order["seconds"]
    await caller.drive(payload, in_flight, seconds * WARM_UP_SHARE)
    taken: list[float] = []
    own, servers = own_cpu_s(), [cpu_s_of(pid) for pid in pids]
    start = time.perf_counter()
    if in_flight == 1:
        number = await _one_by_one(caller, payload, seconds, taken)
    else:
        number = await caller.drive(payload, in_flight, seconds)
    elapsed = time.perf_counter() - start
    figures: Json = {
        "per_s": number / elapsed,
        **_cpu(own, servers, pids, number),
    }
    return {**figures, **_latencies(taken)} if taken else figures


async def _one_by_one(caller: Caller, payload: Payload, seconds: float, taken: list[float]) -> int:
    call, start = caller.caller_of(payload), time.perf_counter()
    end, before = start + seconds, start
    while not taken or before < end:
        await call()
        now = time.perf_counter()
        taken.append(now - before)
        before = now
    return len(taken)


async def _items(
    flow: Callable[[int], Awaitable[None]], seconds: float, pids: Sequence[int]
) -> Json:
    await flow(ITEMS_OF_CALL // 4)
    own, servers = own_cpu_s(), [cpu_s_of(pid) for pid in pids]
    start, items = time.perf_counter(), 0
    while not items or time.perf_counter() - start < seconds:
        await flow(ITEMS_OF_CALL)
        items += ITEMS_OF_CALL
    elapsed = time.perf_counter() - start
    return {"items_per_s": items / elapsed, **_cpu(own, servers, pids, items)}


def _cpu(own: float, servers: Sequence[float], pids: Sequence[int], number: int) -> Json:
    """What each of `number` calls or items has cost since these processes had used so much."""
    return {
        "client_us": (own_cpu_s() - own) / number * 1e6,
        "server_us": [
            (cpu_s_of(pid) - before) / number * 1e6
            for pid, before in zip(pids, servers, strict=True)
        ],
    }


async def _trips(caller: Caller, seconds: float) -> Json:
    await caller.trips(TRIPS_OF_CALL, [])
    taken: list[float] = []
    end = time.perf_counter() + seconds
    while not taken or time.perf_counter() < end:
        await caller.trips(TRIPS_OF_CALL, taken)
    return _latencies(taken)


def _latencies(taken: list[float]) -> Json:
    taken.sort()
    return {
        "p50_us": taken[len(taken) // 2] * 1e6,
        "p99_us": taken[len(taken) * 99 // 100] * 1e6,
    }


# -- the programs ---------------------------------------------------------------------------------


def pin() -> None:
    """Keep this process, and what it starts, on the core it was given."""
    core = os.environ.get(CORE, "")
    if core and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {int(core)})


_answers: TextIO = sys.stdout


def tell(message: Json) -> None:
    """Answer the one who started this program."""
    print(json.dumps(message), file=_answers, flush=True)


def keep_answers_alone() -> None:
    """Let everything else that is written to standard output go to standard error.

    Some libraries print what they are doing, or log it there.
    """
    global _answers
    _answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)


def end_with_parent(clean_up: Callable[[], None] | None = None) -> None:
    """End this process as soon as its standard input ends."""

    def wait() -> None:
        # Not `sys.stdin`: a lock of it that is held would block a fork of this process.
        while os.read(0, 4096):
            pass
        if clean_up is not None:
            clean_up()
        os._exit(0)

    threading.Thread(target=wait, daemon=True).start()


def run_server(serve: Callable[[], Awaitable[int]], run: Run = asyncio.run) -> None:
    """Serve until standard input ends. `serve` returns the port once it listens."""

    async def role() -> None:
        port = await serve()
        end_with_parent()
        tell({"port": port, "pids": [os.getpid()]})
        await asyncio.get_running_loop().create_future()

    pin()
    run(role())


def run_client(make: Callable[[], Caller], port: int, run: Run = asyncio.run) -> None:
    """Carry out orders until standard input ends."""

    async def role() -> None:
        client = Client(make, port)
        loop = asyncio.get_running_loop()
        tell({"pids": [os.getpid()]})
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            try:
                tell(await client.carry_out(json.loads(line)))
            except NotImplementedError:
                tell({"cannot": True})
            except Exception as error:
                # Whatever a peer raises belongs into its row.
                tell({"error": f"{type(error).__name__}: {error}"})
        os._exit(0)

    pin()
    run(role())


def main(
    *,
    serve: Callable[[], Awaitable[int]] | None = None,
    make: Callable[[], Caller] | None = None,
    service: Callable[[int], Awaitable[None]] | None = None,
    run: Run = asyncio.run,
) -> None:
    """What a program does: `server`, `client PORT`, or `service PORT` at a broker."""
    role, *rest = sys.argv[1:]
    keep_answers_alone()
    if role == "server" and serve is not None:
        run_server(serve, run)
    elif role == "client" and make is not None:
        run_client(make, int(rest[0]), run)
    elif role == "service" and service is not None:
        attach, port = service, int(rest[0])

        async def attached() -> int:
            await attach(port)
            return port

        run_server(attached, run)
    else:
        raise SystemExit(f"no role {role!r} here")
