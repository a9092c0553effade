"""What networks, crashes and bad neighbours do to conversations through a relay."""

import asyncio
import contextlib
import json
import socket
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from nacl.public import PrivateKey
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as plain_connect
from websockets.exceptions import ConnectionClosed as PlainClosed
from websockets.exceptions import InvalidMessage

import duologue
from duologue import ANYONE, ConnectionClosed, Identity, Limits, WebsocketPromisifier
from tests.fault_proxy import fault_proxy
from tests.foreign_peer import request_for
from tests.foreign_relay import register, wait_for_caller
from tests.relay_process import RelayProcess, relay_process
from tests.support import square

LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="measures through /proc")
ANN, BEN = Identity.generate(), Identity.generate()
ANN_SECRET = PrivateKey.generate()
MIB = 2**20
QUICK = Limits(keepalive_interval_s=0.2, keepalive_timeout_s=0.5, close_timeout_s=0.5)


async def foreign_pair(relay: RelayProcess) -> tuple[ClientConnection, ClientConnection]:
    """Caller and listener, joined; nothing is encrypted, which a relay cannot know."""
    own = PrivateKey.generate()
    listener = await register(relay.url, own)
    caller = await plain_connect(relay.url, compression=None, max_size=None)
    await caller.send(request_for(ANN_SECRET, bytes(own.public_key)))
    await wait_for_caller(listener)
    await listener.recv()
    return caller, listener


async def round_trip_s(caller: ClientConnection, listener: ClientConnection) -> float:
    begun = time.perf_counter()
    await caller.send(b"ping")
    await listener.recv()
    await listener.send(b"pong")
    await caller.recv()
    return time.perf_counter() - begun


# -- the relay dies -----------------------------------------------------------------------------


async def _kill_with_calls_in_flight(folder: Path) -> None:
    executed: list[int] = []

    def on_peer(peer: WebsocketPromisifier) -> None:
        async def never(number: int) -> int:
            executed.append(number)
            await asyncio.sleep(60)
            return number

        peer.add_service(5, never)
        peer.add_service(3, square)

    async with contextlib.AsyncExitStack() as stack:
        relay = await stack.enter_async_context(relay_process())
        await stack.enter_async_context(
            duologue.listen(
                relay.url,
                identity=BEN,
                allow=ANYONE,
                on_peer=on_peer,
                known_relays=folder / "known",
                spares=4,
            )
        )
        peers = [
            await stack.enter_async_context(
                duologue.dial(relay.url, to=BEN.public_key, identity=Identity.generate())
            )
            for _ in range(20)
        ]
        calls = [
            peer.send(5, 50 * number + each)
            for number, peer in enumerate(peers)
            for each in range(50)
        ]
        await peers[0].send(3, 2)
        relay.process.kill()
        async with asyncio.timeout(2):
            outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(each, ConnectionClosed) for each in outcomes)
    assert len(executed) == len(set(executed))


async def test_a_killed_relay_leaves_no_call_hanging(tmp_path: Path) -> None:
    await _kill_with_calls_in_flight(tmp_path)


@pytest.mark.slow
async def test_fifty_killed_relays_leave_no_call_hanging(tmp_path: Path) -> None:
    for _ in range(50):
        await _kill_with_calls_in_flight(tmp_path)


# -- the network --------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def through_a_proxy(folder: Path) -> AsyncGenerator[tuple[Any, WebsocketPromisifier]]:
    """A conversation whose caller reaches the relay through a proxy."""

    def on_peer(peer: WebsocketPromisifier) -> None:
        async def never() -> None:
            await asyncio.sleep(60)

        peer.add_service(3, square)
        peer.add_service(5, never)

    async with (
        # It is asked for by the proxy's port.
        relay_process("--name", "127.0.0.1") as relay,
        duologue.listen(
            relay.url,
            identity=BEN,
            allow=ANYONE,
            on_peer=on_peer,
            known_relays=folder / "known",
            limits=QUICK,
        ),
        fault_proxy(relay.port) as proxy,
        duologue.dial(proxy.url, to=BEN.public_key, identity=ANN, limits=QUICK) as peer,
    ):
        yield proxy, peer


async def test_bytes_in_slices_and_late_are_no_trouble(tmp_path: Path) -> None:
    async with through_a_proxy(tmp_path) as (proxy, peer):
        proxy.faults.slice_bytes = 7
        proxy.faults.latency_s = 0.0005
        assert await asyncio.gather(*(peer.send(3, number) for number in range(5))) == [
            0,
            1,
            4,
            9,
            16,
        ]


async def test_a_black_hole_is_noticed_by_the_missing_lifesigns(tmp_path: Path) -> None:
    async with through_a_proxy(tmp_path) as (proxy, peer):
        call = peer.send(5)
        await peer.send(3, 1)
        proxy.black_hole()
        async with asyncio.timeout(2):
            with pytest.raises(ConnectionClosed):
                await call


@pytest.mark.parametrize("direction", ["up", "down"])
async def test_one_dead_direction_is_noticed_too(tmp_path: Path, direction: str) -> None:
    async with through_a_proxy(tmp_path) as (proxy, peer):
        call = peer.send(5)
        await peer.send(3, 1)
        proxy.faults.swallowed = {direction}
        async with asyncio.timeout(2):
            with pytest.raises(ConnectionClosed):
                await call


async def test_a_reset_fails_the_open_calls_at_once(tmp_path: Path) -> None:
    async with through_a_proxy(tmp_path) as (proxy, peer):
        call = peer.send(5)
        await peer.send(3, 1)
        proxy.reset()
        async with asyncio.timeout(1):
            with pytest.raises(ConnectionClosed) as caught:
                await call
        assert caught.value.sent in ("yes", "unknown")


async def _cut_after(relay: RelayProcess, cut: int) -> None:
    async with fault_proxy(relay.port) as proxy:
        proxy.faults.cut_after_bytes = cut
        with contextlib.suppress(duologue.DuologueError):
            async with asyncio.timeout(5):
                async with duologue.dial(proxy.url, to=BEN.public_key, identity=ANN) as peer:
                    await peer.send(3, 12)


@pytest.mark.parametrize("step", [211, pytest.param(7, marks=pytest.mark.slow, id="every seventh")])
async def test_wherever_the_connection_is_cut_the_outcome_is_an_error_of_ours(
    tmp_path: Path, step: int
) -> None:
    def on_peer(peer: WebsocketPromisifier) -> None:
        peer.add_service(3, square)

    limits = {
        "requests_per_min_per_address_and_target": 1e6,
        "request_burst_per_address_and_target": 100_000,
        "requests_per_min_per_address": 1e6,
        "requests_per_min_per_target": 1e6,
        "registers_per_min_per_address": 1e6,
        "registers_per_min_per_key": 1e6,
        "new_connections_burst_per_address": 100_000,
    }
    async with (
        relay_process("--name", "127.0.0.1", limits=limits) as relay,
        duologue.listen(
            relay.url,
            identity=BEN,
            allow=ANYONE,
            on_peer=on_peer,
            known_relays=tmp_path / "known",
            spares=8,
            limits=Limits(handshake_timeout_s=1, confirm_timeout_s=1),
        ),
    ):
        for cut in range(1, 4096, step):
            await _cut_after(relay, cut)


async def test_listeners_come_back_after_their_relay_without_a_storm(tmp_path: Path) -> None:
    count = 30
    roomy = {"registers_per_min_per_address": 1e5, "new_connections_burst_per_address": 1e4}
    async with contextlib.AsyncExitStack() as stack:
        async with relay_process(limits=roomy) as relay:
            port = relay.port
            for _ in range(count):
                await stack.enter_async_context(
                    duologue.listen(
                        relay.url,
                        identity=Identity.generate(),
                        allow=ANYONE,
                        known_relays=tmp_path / "known",
                    )
                )
        async with relay_process(limits=roomy, port=port) as relay:
            wanted = f"duologue_relay_spares {2 * count}.0"
            metrics = ""
            for _ in range(300):
                metrics = (await relay.admin("/metrics"))[1]
                if wanted in metrics:
                    break
                await asyncio.sleep(0.1)
            assert wanted in metrics
            assert "connection_rejected_total{" not in metrics


# -- bad neighbours -----------------------------------------------------------------------------


@LINUX
async def test_a_stopped_reader_costs_two_megabytes_and_slows_nobody_else() -> None:
    limits = {"write_timeout_s": 3}
    async with relay_process(limits=limits) as relay:
        caller, listener = await foreign_pair(relay)
        quiet = await foreign_pair(relay)
        for _ in range(20):
            await round_trip_s(*quiet)
        listener.transport.pause_reading()
        before = relay.memory_mib()
        sent = 0
        frame = b"x" * 65_808
        with contextlib.suppress(TimeoutError, PlainClosed):
            async with asyncio.timeout(1.5):
                while True:
                    await caller.send(frame)
                    sent += len(frame)
        assert sent <= 16 * MIB
        assert relay.memory_mib() - before <= 2
        trips = sorted([await round_trip_s(*quiet) for _ in range(50)])
        assert trips[-2] < 0.1
        with pytest.raises(PlainClosed) as caught:
            await asyncio.wait_for(caller.recv(), 6)
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.reason == "Close called: slow_reader"
        listener.transport.abort()


@pytest.mark.parametrize(("what", "end"), [("ping", "closed"), ("small", "open")])
async def test_a_flood_does_not_hold_up_others(what: str, end: str) -> None:
    async with relay_process() as relay:
        caller, listener = await foreign_pair(relay)
        flooder = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.flooding", relay.url, what, "1.5"), stdout=PIPE
        )
        assert flooder.stdout is not None
        assert await flooder.stdout.readline() == b"flooding\n"
        trips: list[float] = []
        over = asyncio.create_task(flooder.stdout.read())
        while not over.done():
            trips.append(await round_trip_s(caller, listener))
        # Nobody needs a thousand pings a second; small frames are only read more slowly.
        assert (await over).decode().strip() == end
        await flooder.wait()
        assert max(trips) <= 0.2
        print(f"{what}: the slowest of {len(trips)} round trips took {max(trips):.3f} s")
        for each in (caller, listener):
            await each.close()


async def test_silent_strangers_are_few_and_short_lived() -> None:
    limits = {"first_message_timeout_s": 0.5, "max_unauthenticated_per_address": 20}
    async with relay_process(limits=limits) as relay:
        place = ("127.0.0.1", relay.port)
        openings = [await asyncio.open_connection(*place) for _ in range(30)]
        await asyncio.sleep(0.1)
        metrics = (await relay.admin("/metrics"))[1]
        assert "duologue_relay_strangers 20.0" in metrics
        for reader, _ in openings:
            with contextlib.suppress(ConnectionError):
                async with asyncio.timeout(2):
                    await reader.read()
        for _, writer in openings:
            writer.close()
        spare = await register(relay.url, PrivateKey.generate())
        await spare.close()


@LINUX
async def test_without_free_descriptors_the_relay_waits_and_recovers() -> None:
    async with relay_process(max_files=64) as relay:
        caller, listener = await foreign_pair(relay)
        sockets: list[socket.socket] = []
        for _ in range(100):
            sock = socket.socket()
            sock.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                sock.connect(("127.0.0.1", relay.port))
            sockets.append(sock)
        await asyncio.sleep(0.5)
        assert await round_trip_s(caller, listener) < 1
        complaints = [line for line in relay.log if "out of system resource" in str(line)]
        assert len(complaints) <= 1
        for sock in sockets:
            sock.close()
        async with asyncio.timeout(10):
            while True:
                try:
                    spare = await register(relay.url, PrivateKey.generate())
                except (OSError, InvalidMessage, TimeoutError):
                    await asyncio.sleep(0.1)
                else:
                    break
        for each in (spare, caller, listener):
            await each.close()


async def test_foreign_origins_and_names_are_refused_before_anything() -> None:
    async with relay_process() as relay:
        for header in ("Origin: https://elsewhere.example", "Host: elsewhere.example"):
            reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
            host = f"Host: 127.0.0.1:{relay.port}\r\n" if header.startswith("Origin") else ""
            writer.write(
                (
                    f"GET / HTTP/1.1\r\n{host}{header}\r\nUpgrade: websocket\r\n"
                    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
                ).encode()
            )
            assert b" 403 " in await reader.readline()
            writer.close()
            await writer.wait_closed()


@pytest.mark.slow
@LINUX
async def test_a_thousand_listeners_register_and_cost_little() -> None:
    limits = {
        "registers_per_min_per_address": 1e6,
        "new_connections_burst_per_address": 1e5,
        "max_connections_per_address": 1e5,
        "ping_interval_s": 5,
    }
    async with relay_process(limits=limits) as relay:
        warm = await register(relay.url, PrivateKey.generate())
        before, begun = relay.memory_mib(), time.perf_counter()
        gate = asyncio.Semaphore(32)

        async def one() -> ClientConnection:
            async with gate:
                return await register(relay.url, PrivateKey.generate())

        spares = await asyncio.gather(*(one() for _ in range(1000)))
        seconds = time.perf_counter() - begun
        grown = relay.memory_mib() - before
        ponging = [asyncio.create_task(wait_for_caller(spare)) for spare in spares]
        cpu, begun = relay.cpu_s(), time.perf_counter()
        await asyncio.sleep(10)
        busy = (relay.cpu_s() - cpu) / (time.perf_counter() - begun)
        metrics = (await relay.admin("/metrics"))[1]
        assert (
            "duologue_relay_spares 1001.0" in metrics or "duologue_relay_spares 1000.0" in metrics
        )
        print(json.dumps({"register_s": seconds, "MiB": grown, "idle_cpu": busy, "spares": 1000}))
        assert grown <= 35
        assert busy <= 0.2
        for task in ponging:
            task.cancel()
        await asyncio.wait(ponging)
        for spare in (*spares, warm):
            spare.transport.abort()
