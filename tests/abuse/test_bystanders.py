"""Whatever the other side does: others are served as before, and newcomers get in.

Real processes of `serve` and of the relay, under limits of memory and descriptors, attacked by
processes of their own (`attacks`). A bystander calls, and honest newcomers come: none may fail, and
both are timed against themselves, shortly before and after, on the same machine.
"""

import asyncio
import contextlib
import os
import statistics
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path

import pytest
from nacl.public import PrivateKey

import duologue
from duologue import ANYONE, Identity
from duologue.promisifier.promisifier import WebsocketPromisifier
from tests.abuse.attacks import ATTACKS, ECHO
from tests.abuse.limited_server import itself, victim_process
from tests.foreign_relay import register
from tests.relay_process import relay_process

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("measuring"),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs 127/8 and /proc"),
]

MEMORY_MIB = 768
"""Of address space, of which an idle server takes a third. Before there were limits, most of these
attacks took more than a gigabyte."""

DESCRIPTORS = 1024

CALLS = 150
TRIES = 40
PAUSE_S = 0.01
SLOWER = 3.0
"""How many times longer the median may take."""

AT_THE_DOOR = ("silent sockets", "half heads", "mute websockets")
AT_THE_RELAY = (
    "silent from many addresses",
    "mute from many addresses",
    "unproved registrations",
)
INSIDE = tuple(each for each in ATTACKS if each not in AT_THE_DOOR + AT_THE_RELAY)

Act = Callable[[], Awaitable[object]]


async def timed(act: Act, times: int, pause_s: float) -> list[float]:
    """How long it takes, each time; whatever it raises comes out."""
    taken: list[float] = []
    for _ in range(times):
        begun = time.perf_counter()
        async with asyncio.timeout(20):
            await act()
        taken.append(time.perf_counter() - begun)
        await asyncio.sleep(pause_s)
    return taken


@contextlib.asynccontextmanager
async def attack(name: str, port: int, key: str = "") -> AsyncGenerator[None]:
    """An attack that is under way."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.abuse.attacks", name, str(port), key), stdout=PIPE
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(60):
            assert await process.stdout.readline() == b"attacking\n"
        yield
    finally:
        assert process.returncode is None, "the attack has ended by itself"
        process.kill()
        await process.wait()


def judge(what: str, idle: tuple[list[float], list[float]], meanwhile: list[float]) -> None:
    """Compare with what it took before and after: the machine may have other work as well."""
    before_s, after_s = map(statistics.median, idle)
    busy_s = statistics.median(meanwhile)
    print(
        f"{what}: {len(meanwhile)} of {len(meanwhile)}; median {1000 * before_s:.2f} ms before, "
        f"{1000 * busy_s:.2f} meanwhile, {1000 * after_s:.2f} after; load {os.getloadavg()[0]:.1f}"
    )
    assert busy_s <= SLOWER * max(before_s, after_s)


async def call(peer: WebsocketPromisifier) -> None:
    assert await peer.send(ECHO, "x") == "x"


async def come(url: str, identity: Identity | None, key: str) -> None:
    """A newcomer, with one call."""
    to = None if identity is None else key
    async with duologue.connect(url, identity=identity, to=to, timeout=10) as peer:
        await call(peer)


async def withstand(kind: str, name: str, log: Path) -> None:
    me = Identity.generate() if kind == "encrypted" else None
    async with (
        victim_process(kind, MEMORY_MIB, DESCRIPTORS, log) as victim,
        duologue.connect(
            victim.url, identity=me, to=None if me is None else victim.key
        ) as bystander,
    ):

        def act() -> Awaitable[None]:
            return call(bystander)

        def arrive() -> Awaitable[None]:
            return come(victim.url, me, victim.key)

        await timed(act, CALLS, 0)
        calls_before = await timed(act, CALLS, PAUSE_S)
        tries_before = await timed(arrive, TRIES, PAUSE_S)
        async with attack(name, victim.port, victim.key):
            calls = await timed(act, CALLS, PAUSE_S)
            tries = await timed(arrive, TRIES, PAUSE_S)
            print(f"{victim.memory_mib():.0f} MiB, {victim.descriptors()} descriptors")
        assert victim.process.returncode is None
        judge("calls", (calls_before, await timed(act, CALLS, PAUSE_S)), calls)
        judge("newcomers", (tries_before, await timed(arrive, TRIES, PAUSE_S)), tries)
    said = log.read_bytes()
    assert len(said) <= 20_000, said[:2000]


@pytest.mark.parametrize("name", [*AT_THE_DOOR, *INSIDE])
async def test_a_plain_server_goes_on(name: str, tmp_path: Path) -> None:
    await withstand("plain", name, tmp_path / "log")


@pytest.mark.parametrize("name", [*AT_THE_DOOR, "unproved keys"])
async def test_an_encrypted_server_goes_on(name: str, tmp_path: Path) -> None:
    await withstand("encrypted", name, tmp_path / "log")


@pytest.mark.parametrize("name", AT_THE_RELAY)
async def test_a_relay_goes_on(name: str, tmp_path: Path) -> None:
    listener_identity, own = Identity.generate(), Identity.generate()

    def offer(peer: WebsocketPromisifier) -> None:
        peer.add_service(ECHO, itself)

    limits = {"registers_per_min_per_address": 1e5}
    async with (
        relay_process(limits=limits, max_files=4096, max_memory_mib=MEMORY_MIB) as relay,
        duologue.listen(relay.url, identity=listener_identity, allow=ANYONE, on_peer=offer),
        duologue.dial(relay.url, identity=own, to=listener_identity.public_key) as bystander,
    ):

        def act() -> Awaitable[None]:
            return call(bystander)

        async def arrive() -> None:
            await (await register(relay.url, PrivateKey.generate())).close()

        await timed(act, CALLS, 0)
        calls_before = await timed(act, CALLS, PAUSE_S)
        tries_before = await timed(arrive, TRIES, 0.06)
        async with attack(name, relay.port):
            calls = await timed(act, CALLS, PAUSE_S)
            tries = await timed(arrive, TRIES, 0.06)
            print(f"{relay.memory_mib():.0f} MiB, {await relay.metric('strangers')} strangers")
        judge("calls", (calls_before, await timed(act, CALLS, PAUSE_S)), calls)
        judge("newcomers", (tries_before, await timed(arrive, TRIES, 0.06)), tries)
