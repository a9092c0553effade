"""What bad neighbours do to a relay, and what the others notice of it."""

import asyncio
import contextlib
import os
import resource
import socket
import sys
from asyncio.subprocess import PIPE
from typing import TypeAlias

import pytest
from nacl.public import PrivateKey
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as plain_connect
from websockets.exceptions import ConnectionClosed as PlainClosed
from websockets.exceptions import InvalidMessage

from tests.foreign_peer import request_for
from tests.foreign_relay import register, wait_for_caller
from tests.relay_process import LINUX, RelayProcess, relay_process
from tests.stopwatch import PATIENCE_S, Stopwatch

pytestmark = pytest.mark.xdist_group("measuring")

ANN_SECRET = PrivateKey.generate()
MIB = 2**20


Pair: TypeAlias = tuple[ClientConnection, ClientConnection]
"""Caller and listener, joined."""


async def foreign_pair(relay: RelayProcess) -> Pair:
    """Caller and listener, joined; nothing is encrypted, which a relay cannot know."""
    own = PrivateKey.generate()
    listener = await register(relay.url, own)
    caller = await plain_connect(relay.url, compression=None, max_size=None)
    await caller.send(request_for(ANN_SECRET, bytes(own.public_key)))
    await wait_for_caller(listener)
    await listener.recv()
    return caller, listener


async def round_trip_s(relay: RelayProcess, pair: Pair) -> float:
    caller, listener = pair
    watch = Stopwatch(relay.pid)
    await caller.send(b"ping")
    await listener.recv()
    await listener.send(b"pong")
    await caller.recv()
    return watch.seconds


async def slow_trip_s(relay: RelayProcess, pair: Pair, count: int = 100) -> float:
    """The slowest but one of so many round trips: about the 99th percentile of a hundred."""
    return sorted([await round_trip_s(relay, pair) for _ in range(count)])[-2]


# -- slow readers (row 12) ----------------------------------------------------------------------


@LINUX
@pytest.mark.parametrize(
    ("push_s", "write_timeout_s"),
    [(1.5, 3.0), pytest.param(20.0, 30.0, marks=pytest.mark.slow)],
)
async def test_a_stopped_reader_costs_two_megabytes_and_slows_nobody_else(
    push_s: float, write_timeout_s: float
) -> None:
    """Catalogue row 12."""
    async with relay_process(limits={"write_timeout_s": write_timeout_s}) as relay:
        caller, listener = await foreign_pair(relay)
        quiet = await foreign_pair(relay)
        before_s = await slow_trip_s(relay, quiet)
        listener.transport.pause_reading()
        before = relay.memory_mib()
        sent = 0
        frame = b"x" * 65_808
        watch = Stopwatch()
        with contextlib.suppress(TimeoutError, PlainClosed):
            async with asyncio.timeout(push_s):
                while sent < 1024 * MIB:
                    await caller.send(frame)
                    sent += len(frame)
        assert sent <= 16 * MIB
        assert relay.memory_mib() - before <= 2
        # Twice as slow at most; below 20 ms it is the machine that one measures. What the stopped
        # reader does to others is in each of three tries, what the machine does is not.
        slowest = [await slow_trip_s(relay, quiet, 50) for _ in range(3)]
        assert min(slowest) <= max(2 * before_s, 0.02)
        with pytest.raises(PlainClosed) as caught:
            await asyncio.wait_for(caller.recv(), PATIENCE_S)
        assert watch.wall_s >= write_timeout_s - 0.1
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.reason == "Close called: slow_reader"
        listener.transport.abort()


# -- floods of frames (row 32) ------------------------------------------------------------------


async def flood(what: str, count: int, end: str) -> float:
    """Flood a relay from so many connections; the slowest round trip of another pair meanwhile."""
    async with relay_process() as relay:
        quiet = await foreign_pair(relay)
        await slow_trip_s(relay, quiet)
        memory_mib = relay.memory_mib()
        flooder = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.flooding", relay.url, what, "1.5", str(count)),
            stdout=PIPE,
        )
        assert flooder.stdout is not None
        assert await flooder.stdout.readline() == b"flooding\n"
        watch = Stopwatch(relay.pid, flooder.pid)
        trips: list[float] = []
        over = asyncio.create_task(flooder.stdout.read())
        while not over.done():
            trips.append(await round_trip_s(relay, quiet))
        flooded_s = watch.seconds
        assert (await over).decode().strip() == end
        await flooder.wait()
        print(f"{what} x {count}: slowest of {len(trips)} round trips {max(trips):.3f} s")
        assert relay.memory_mib() - memory_mib <= 5
        if what != "small":
            assert flooded_s <= 1
        # Within two seconds, and what a busy machine takes, the relay is idle again.
        await asyncio.sleep(1 / watch.punctuality)
        cpu_s, watch = relay.cpu_s(), Stopwatch()
        await asyncio.sleep(1)
        assert (relay.cpu_s() - cpu_s) / watch.wall_s <= 0.1
        for each in quiet:
            await each.close()
        return max(trips)


@LINUX
@pytest.mark.parametrize(
    ("what", "end"),
    [("ping", "0 open, 1 closed"), ("pong", "0 open, 1 closed"), ("small", "1 open, 0 closed")],
)
async def test_a_flood_does_not_hold_up_others(what: str, end: str) -> None:
    """Catalogue row 32. Nobody needs a thousand pings a second: such a connection is closed; small
    frames are only read more slowly. The goal is 0.1 s; the flooder wants a processor too."""
    assert await flood(what, 1, end) <= 0.2


@pytest.mark.slow
@LINUX
@pytest.mark.parametrize("what", ["ping", "small"])
async def test_a_flood_from_twenty_sides_does_not_either(what: str) -> None:
    """Catalogue row 32: medians of three runs. Before tiny frames were read in small pieces it was
    2 s for them; now it is some 0.05 s on two idle processors, for pings 0.25 s. A slow machine may
    take longer, but each side holds others up no longer than a side that floods alone."""
    ends = {"ping": "0 open, {} closed", "small": "{} open, 0 closed"}

    async def median_s(count: int) -> float:
        return sorted([await flood(what, count, ends[what].format(count)) for _ in range(3)])[1]

    assert await median_s(20) <= max(0.5, 1.5 * 20 * await median_s(1))


# -- file descriptors (row 36) ------------------------------------------------------------------


@LINUX
async def test_without_free_descriptors_the_relay_waits_and_recovers() -> None:
    """Catalogue row 36. It had enough when it started, and then something took them away."""
    limits = {"max_unauthenticated_per_address": 1e4, "new_connections_burst_per_address": 1e4}
    async with relay_process(limits=limits) as relay:
        caller, listener = await foreign_pair(relay)
        resource.prlimit(relay.pid, resource.RLIMIT_NOFILE, (256, 256))
        sockets: list[socket.socket] = []
        for _ in range(400):
            sock = socket.socket()
            sock.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                sock.connect(("127.0.0.1", relay.port))
            sockets.append(sock)
        async with asyncio.timeout(PATIENCE_S):
            while True:
                if len(os.listdir(f"/proc/{relay.pid}/fd")) >= 250:
                    break
                await asyncio.sleep(0.1)
        await asyncio.sleep(2.5)
        assert await round_trip_s(relay, (caller, listener)) < 1
        complaints = [line for line in relay.log if "no connections are accepted" in str(line)]
        assert len(complaints) == 1
        assert "Too many open files" in str(complaints[0])
        assert len(relay.raw_log) <= 2000
        for sock in sockets:
            sock.close()
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    spare = await register(relay.url, PrivateKey.generate())
                except (OSError, InvalidMessage, TimeoutError):
                    await asyncio.sleep(0.1)
                else:
                    break
        for each in (spare, caller, listener):
            await each.close()
