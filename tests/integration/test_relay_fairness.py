"""Many addresses ask for one key without end; what is left to others (catalogue row 34).

The listener is a real one. Attackers go as far as one gets without a key: they agree on one with
the listener, never prove it, and keep the place as long as they are let.
"""

import asyncio
import json
import os
import time

import pytest
from nacl.public import PrivateKey
from websockets.asyncio.client import connect as plain_connect
from websockets.exceptions import ConnectionClosed as PlainClosed
from websockets.exceptions import InvalidMessage

import duologue
from duologue import ANYONE
from tests.foreign_peer import Dialogue, flight, request_for
from tests.integration.loopback import nothing_is_left as nothing_is_left
from tests.integration.relay_loopback import BEN, offering
from tests.relay_process import LINUX, RelayProcess, relay_process
from tests.stopwatch import PATIENCE_S, Stopwatch

pytestmark = pytest.mark.xdist_group("measuring")

SPARES = 8


def opening(port: int) -> bytes:
    return (
        f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    ).encode()


def masked(first: int, payload: bytes) -> bytes:
    length = len(payload)
    head = bytes([first, 0x80 | length]) if length < 126 else bytes([first, 0xFE, 0, 0])
    if length >= 126:
        head = head[:2] + length.to_bytes(2, "big")
    return head + bytes(4) + payload


class Attackers:
    """Each asks from an address of its own, so often in a second, and holds what it gets."""

    def __init__(self, relay: RelayProcess, addresses: int, per_s: float) -> None:
        self.asked = 0
        self.joined = 0
        self._relay = relay
        self._addresses = [f"127.0.2.{1 + number}" for number in range(addresses)]
        self._period_s = 1 / per_s
        self._own = PrivateKey.generate()

    async def run(self, seconds: float) -> None:
        end_s = time.perf_counter() + seconds
        async with asyncio.TaskGroup() as group:
            for number, address in enumerate(self._addresses):
                wait_s = self._period_s * number / len(self._addresses)
                group.create_task(self._ask_again_and_again(address, wait_s, end_s))

    async def _ask_again_and_again(self, address: str, wait_s: float, end_s: float) -> None:
        await asyncio.sleep(wait_s)
        async with asyncio.TaskGroup() as group:
            while time.perf_counter() < end_s:
                group.create_task(self._ask(address, end_s))
                await asyncio.sleep(self._period_s)

    async def _ask(self, address: str, end_s: float) -> None:
        self.asked += 1
        request = request_for(self._own, BEN.public_key).encode()
        try:
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", self._relay.port, local_addr=(address, 0)
            )
        except OSError:
            return
        try:
            async with asyncio.timeout(max(0.0, end_s - time.perf_counter())):
                writer.write(opening(self._relay.port) + masked(0x81, request))
                await reader.readuntil(b"\r\n\r\n")
                said = await reader.read(200)
                if b"communication_ready" in said:
                    self.joined += 1
                    box = flight(self._own, BEN.public_key, PrivateKey.generate())
                    writer.write(masked(0x82, box))
                    await reader.read()
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            return
        finally:
            writer.transport.abort()


async def ask_honestly(relay: RelayProcess, address: str) -> bool:
    """One conversation: whether a call was answered."""
    own = PrivateKey.generate()
    try:
        async with (
            asyncio.timeout(PATIENCE_S),
            plain_connect(
                relay.url, compression=None, local_addr=(address, 0), close_timeout=1
            ) as socket,
        ):
            peer = await Dialogue.connect(socket, own, BEN.public_key)
            await peer.send('{"requestId":0,"type":"request","serviceId":3,"args":[12]}')
            answer = await peer.recv()
            while json.loads(answer)["type"] != "data":
                answer = await peer.recv()
            return bool(json.loads(answer)["data"] == 144)
    except (PlainClosed, OSError, InvalidMessage, TimeoutError):
        return False


async def count_spares(relay: RelayProcess) -> float:
    lines = (await relay.admin("/metrics"))[1].splitlines()
    samples = [line for line in lines if line.startswith("duologue_relay_spares{")]
    return sum(float(line.rpartition(" ")[2]) for line in samples)


async def honest_success(
    relay: RelayProcess,
    attackers: Attackers,
    seconds: float,
    every_s: float,
    *,
    addresses: int = 60,
) -> tuple[float, float]:
    """The parts of honest calls that succeed, and of its spares that the target has, meanwhile.

    They come from so many addresses, in turn.

    As they would be on a machine with nothing else to do.
    """
    async with duologue.listen(
        relay.url, identity=BEN, allow=ANYONE, spares=SPARES, on_peer=offering
    ):
        async with asyncio.timeout(PATIENCE_S):
            while True:
                if await count_spares(relay) == SPARES:
                    break
                await asyncio.sleep(0.05)
        watch = Stopwatch(relay.pid)
        attack = asyncio.create_task(attackers.run(seconds))
        calls: list[asyncio.Task[bool]] = []
        spares: list[float] = []
        while not attack.done():
            # Each address comes again after a while.
            address = f"127.0.3.{1 + len(calls) % addresses}"
            calls.append(asyncio.create_task(ask_honestly(relay, address)))
            await asyncio.sleep(every_s)
            spares.append(await count_spares(relay))
        await attack
        punctuality = watch.punctuality
        results = await asyncio.gather(*calls)
    success = sum(results) / len(results)
    kept = sum(spares) / len(spares) / SPARES
    print(
        f"{attackers.asked} attacks, {attackers.joined} joined; "
        f"{success:.3f} of {len(results)} honest calls; {kept:.2f} of the spares; "
        f"load {os.getloadavg()[0]:.1f}"
    )
    # It is this process that has to make room and to register anew.
    return success / punctuality, kept / punctuality**2


@LINUX
@pytest.mark.parametrize(("addresses", "seconds", "least"), [(1, 3.0, 0.99), (10, 3.0, 0.9)])
async def test_honest_callers_come_through(addresses: int, seconds: float, least: float) -> None:
    """Catalogue row 34, small: a fifth of the attackers, and a fifth of what a key has."""
    limits = {"requests_per_min_per_target": 120, "max_pairs_per_key": 13}
    async with relay_process(limits=limits) as relay:
        attackers = Attackers(relay, addresses, 10.0)
        success, kept = await honest_success(relay, attackers, seconds, 0.2)
        assert 0 < attackers.joined < attackers.asked
        assert success >= least
        assert kept >= 0.8


@pytest.mark.slow
@LINUX
@pytest.mark.parametrize(("addresses", "per_s", "least"), [(1, 500.0, 0.99), (50, 10.0, 0.9)])
async def test_honest_callers_come_through_with_the_limits_that_everybody_has(
    addresses: int, per_s: float, least: float
) -> None:
    """Catalogue row 34: 500 requests a second, for long enough that what was asleep is used up."""
    async with relay_process() as relay:
        attackers = Attackers(relay, addresses, per_s)
        success, kept = await honest_success(relay, attackers, 20.0, 0.5)
        assert success >= least
        if addresses == 1:
            assert kept >= 0.8


@pytest.mark.slow
@LINUX
async def test_the_same_few_addresses_come_through_again_and_again() -> None:
    """Four that come every three seconds, and each time have to be preferred to fifty others."""
    async with relay_process() as relay:
        attackers = Attackers(relay, 50, 10.0)
        success, _ = await honest_success(relay, attackers, 20.0, 0.75, addresses=4)
        assert 0 < attackers.joined < attackers.asked
        assert success >= 0.9
