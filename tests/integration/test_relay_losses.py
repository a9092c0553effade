"""What is lost when a relay, a peer or the network fails: calls end, once and in time."""

import asyncio
import contextlib
import random
import signal
import sys
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

import duologue
from duologue import ANYONE, CallContext, ConnectionClosed, DeadlineExceeded, Identity, Limits
from duologue import WebsocketPromisifier as Peer
from generated.chat.rooms.v1 import Member, RoomsClient, RoomsMembersParams, RoomsServicePartial
from tests.fault_proxy import Direction, FaultProxy, fault_proxy
from tests.integration.loopback import nothing_is_left as nothing_is_left
from tests.relay_peer import QUICK, SLOW, SQUARE, ProviderProcess, provider_process, slow
from tests.relay_process import RelayProcess, relay_process
from tests.stopwatch import PATIENCE_S, Stopwatch
from tests.support import square

ANN, BEN = Identity.generate(), Identity.generate()
UNIX = pytest.mark.skipif(sys.platform == "win32", reason="stops processes with signals")
MANY_REQUESTS = {
    "requests_per_min_per_address_and_target": 1e6,
    "request_burst_per_address_and_target": 100_000,
    "requests_per_min_per_address": 1e6,
    "requests_per_min_per_target": 1e6,
    "registers_per_min_per_address": 1e6,
    "registers_per_min_per_key": 1e6,
    "new_connections_burst_per_address": 100_000,
}


class EmptyRooms(RoomsServicePartial):
    async def members(self, params: RoomsMembersParams, ctx: CallContext) -> list[Member]:
        return []


def offering(peer: Peer) -> None:
    peer.add_service(SQUARE, square)
    peer.add_service(SLOW, slow)


# -- the relay is killed (row 4) ----------------------------------------------------------------

PEERS = 20
CALLS_UP = 50
CALLS_DOWN = 5
SETTLED_WITHIN_S = 2.0


class Ledger:
    """Every call of one round: how often it was executed, and how it ended."""

    def __init__(self) -> None:
        self.executed: Counter[int] = Counter()
        self.calls: dict[int, asyncio.Future[int]] = {}

    def offer(self, peer: Peer) -> None:
        async def execute(number: int) -> int:
            self.executed[number] += 1
            if number % 3:
                await asyncio.sleep(60)
            return number

        peer.add_service(5, execute)

    def call(self, peer: Peer) -> None:
        number = len(self.calls)
        self.calls[number] = asyncio.ensure_future(peer.send(5, number))

    def check(self) -> None:
        assert all(call.done() for call in self.calls.values())
        for number, call in self.calls.items():
            error = call.exception()
            assert self.executed[number] <= 1
            if error is None:
                assert (call.result(), self.executed[number]) == (number, 1)
            else:
                assert isinstance(error, ConnectionClosed)
                # "no" is a promise: whoever reads it may send the same call again.
                assert error.sent != "no" or not self.executed[number]


async def kill_with_calls_in_flight(folder: Path, chance: random.Random) -> None:
    """One round: 20 callers with 50 calls each, 5 calls back to each, and SIGKILL in between."""
    ledger = Ledger()
    hosts: list[Peer] = []

    def on_peer(peer: Peer) -> None:
        ledger.offer(peer)
        hosts.append(peer)

    async with contextlib.AsyncExitStack() as stack:
        relay = await stack.enter_async_context(relay_process())
        listening = duologue.listen(
            relay.url,
            identity=BEN,
            allow=ANYONE,
            on_peer=on_peer,
            known_relays=folder / "known",
            spares=4,
        )
        await stack.enter_async_context(listening)
        guests = [
            await stack.enter_async_context(
                duologue.dial(
                    relay.url,
                    to=BEN.public_key,
                    identity=Identity.generate(),
                    on_peer=ledger.offer,
                )
            )
            for _ in range(PEERS)
        ]
        assert len(hosts) == PEERS
        callers = [guest for guest in guests for _ in range(CALLS_UP)]
        callers += [host for host in hosts for _ in range(CALLS_DOWN)]
        chance.shuffle(callers)
        killed_at = chance.randrange(len(callers))
        for number, caller in enumerate(callers):
            ledger.call(caller)
            if number == killed_at:
                relay.process.kill()
            if number % 20 == 0:
                await asyncio.sleep(0)
        watch = Stopwatch()
        await asyncio.wait(ledger.calls.values(), timeout=PATIENCE_S)
        ledger.check()
        assert watch.seconds <= SETTLED_WITHIN_S
    assert len(ledger.calls) == PEERS * (CALLS_UP + CALLS_DOWN)
    failed = sum(call.exception() is not None for call in ledger.calls.values())
    # A third of those before the kill may have been answered; the others cannot have been.
    assert failed > len(ledger.calls) / 2


@pytest.mark.parametrize("seed", range(5))
async def test_a_killed_relay_leaves_no_call_hanging(tmp_path: Path, seed: int) -> None:
    """Catalogue row 4."""
    await kill_with_calls_in_flight(tmp_path, random.Random(seed))


@pytest.mark.slow
async def test_fifty_killed_relays_leave_no_call_hanging(tmp_path: Path) -> None:
    """Catalogue row 4, all of it."""
    for seed in range(50):
        await kill_with_calls_in_flight(tmp_path, random.Random(1000 + seed))


# -- the network (rows 5 and 7) -----------------------------------------------------------------


@asynccontextmanager
async def through_a_proxy(
    folder: Path, limits: Limits = QUICK, *, whose: str = "caller"
) -> AsyncGenerator[tuple[FaultProxy, Peer, RelayProcess]]:
    """A conversation of which one side reaches the relay through a proxy; and the relay."""
    patience = {"ping_interval_s": 0.5, "ping_timeout_s": 0.5} if limits is QUICK else {}
    async with (
        # It is asked for by the proxy's port.
        relay_process("--name", "127.0.0.1", limits=patience) as relay,
        fault_proxy(relay.port) as proxy,
        duologue.listen(
            proxy.url if whose == "listener" else relay.url,
            EmptyRooms(),
            identity=BEN,
            allow=ANYONE,
            on_peer=offering,
            known_relays=folder / "known",
            limits=limits,
        ),
        duologue.dial(
            proxy.url if whose == "caller" else relay.url,
            to=BEN.public_key,
            identity=ANN,
            limits=limits,
        ) as peer,
    ):
        assert await peer.send(SQUARE, 2) == 4
        yield proxy, peer, relay
        proxy.reset()


async def until_spares(relay: RelayProcess, count: int) -> None:
    """Wait until the relay holds so many spares."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            if await relay.metric('connections{state="spare"}') == count:
                return
            await asyncio.sleep(0.05)


async def test_bytes_in_slices_and_late_are_no_trouble(tmp_path: Path) -> None:
    async with through_a_proxy(tmp_path) as (proxy, peer, _):
        proxy.faults.slice_bytes = 7
        proxy.faults.latency_s = 0.0005
        answers = await asyncio.gather(*(peer.send(SQUARE, number) for number in range(5)))
        assert answers == [0, 1, 4, 9, 16]


@pytest.mark.parametrize("whose", ["caller", "listener"])
async def test_a_black_hole_is_noticed_by_the_missing_lifesigns(tmp_path: Path, whose: str) -> None:
    """Catalogue row 5: within 5 s where lifesigns are frequent."""
    async with through_a_proxy(tmp_path, whose=whose) as (proxy, peer, relay):
        call = peer.send(SLOW, 60)
        proxy.black_hole()
        watch = Stopwatch(relay.pid)
        async with asyncio.timeout(PATIENCE_S):
            with pytest.raises(ConnectionClosed):
                await call
        assert watch.seconds <= 5
        if whose == "listener":
            await until_spares(relay, 0)
            assert watch.seconds <= 10


@pytest.mark.slow
@pytest.mark.parametrize("whose", ["caller", "listener"])
async def test_a_black_hole_is_noticed_within_35_seconds_by_default(
    tmp_path: Path, whose: str
) -> None:
    """Catalogue row 5, with the limits that everybody has."""
    async with through_a_proxy(tmp_path, Limits(), whose=whose) as (proxy, peer, relay):
        call = peer.send(SLOW, 120)
        proxy.black_hole()
        watch = Stopwatch(relay.pid)
        async with asyncio.timeout(2 * PATIENCE_S):
            with pytest.raises(ConnectionClosed):
                await call
        if whose == "listener":
            await until_spares(relay, 0)
        assert watch.seconds <= 35


async def test_in_a_black_hole_a_call_ends_at_its_own_deadline(tmp_path: Path) -> None:
    """Catalogue row 5: never later than 100 ms behind it."""
    async with through_a_proxy(tmp_path, Limits()) as (proxy, peer, _):
        rooms = RoomsClient(peer, timeout=0.3)
        assert await rooms.members(room="lobby") == []
        proxy.black_hole()
        watch = Stopwatch()
        with pytest.raises(DeadlineExceeded):
            await rooms.members(room="lobby")
        assert watch.wall_s >= 0.3
        assert watch.seconds <= 0.4
        # Leaving the block closes politely; nobody would answer.
        proxy.reset()


@pytest.mark.parametrize("whose", ["caller", "listener"])
@pytest.mark.parametrize("direction", ["up", "down"])
async def test_one_dead_direction_is_noticed_too(
    tmp_path: Path, direction: Direction, whose: str
) -> None:
    """Catalogue row 7."""
    async with through_a_proxy(tmp_path, whose=whose) as (proxy, peer, _):
        call = peer.send(SLOW, 60)
        proxy.faults.swallowed = {direction}
        watch = Stopwatch()
        async with asyncio.timeout(PATIENCE_S):
            with pytest.raises(ConnectionClosed):
                await call
        assert watch.seconds <= 5


async def test_a_reset_fails_the_open_calls_at_once(tmp_path: Path) -> None:
    async with through_a_proxy(tmp_path) as (proxy, peer, _):
        call = peer.send(SLOW, 60)
        await peer.send(SQUARE, 1)
        proxy.reset()
        async with asyncio.timeout(PATIENCE_S):
            with pytest.raises(ConnectionClosed) as caught:
                await call
        assert caught.value.sent in ("yes", "unknown")


async def cut_after(relay: RelayProcess, cut: int) -> None:
    async with fault_proxy(relay.port) as proxy:
        proxy.faults.cut_after_bytes = cut
        with contextlib.suppress(duologue.DuologueError):
            async with asyncio.timeout(PATIENCE_S):
                async with duologue.dial(proxy.url, to=BEN.public_key, identity=ANN) as peer:
                    await peer.send(SQUARE, 12)


@pytest.mark.parametrize("step", [211, pytest.param(7, marks=pytest.mark.slow, id="every seventh")])
async def test_wherever_the_connection_is_cut_the_outcome_is_an_error_of_ours(
    tmp_path: Path, step: int
) -> None:
    async with (
        relay_process("--name", "127.0.0.1", limits=MANY_REQUESTS) as relay,
        duologue.listen(
            relay.url,
            identity=BEN,
            allow=ANYONE,
            on_peer=offering,
            known_relays=tmp_path / "known",
            spares=8,
            limits=Limits(handshake_timeout_s=1, confirm_timeout_s=1),
        ),
    ):
        for cut in range(1, 4096, step):
            await cut_after(relay, cut)


# -- a peer is killed or stopped (row 6) --------------------------------------------------------


@asynccontextmanager
async def with_a_provider(
    folder: Path, profile: str
) -> AsyncGenerator[tuple[ProviderProcess, Peer, RelayProcess]]:
    """A caller here, a provider in a process of its own, the relay in another."""
    limits = QUICK if profile == "quick" else Limits()
    patience = {"ping_interval_s": 0.5, "ping_timeout_s": 0.5} if profile == "quick" else {}
    async with (
        relay_process(limits=patience) as relay,
        provider_process(relay.url, folder / "known", profile) as provider,
        duologue.dial(relay.url, to=provider.key, identity=ANN, limits=limits) as peer,
    ):
        assert (await provider.next_event())["event"] == "peer"
        assert await peer.send(SQUARE, 2) == 4
        yield provider, peer, relay


@UNIX
async def test_a_killed_peer_fails_the_calls_to_it_at_once(tmp_path: Path) -> None:
    """Catalogue row 6."""
    async with with_a_provider(tmp_path, "quick") as (provider, peer, relay):
        calls = [peer.send(SLOW, 60) for _ in range(50)]
        await peer.send(SQUARE, 1)
        provider.process.send_signal(signal.SIGKILL)
        watch = Stopwatch()
        async with asyncio.timeout(PATIENCE_S):
            outcomes = await asyncio.gather(*calls, return_exceptions=True)
        assert watch.seconds <= SETTLED_WITHIN_S
        assert {type(each) for each in outcomes} == {ConnectionClosed}
        await until_spares(relay, 0)
        with pytest.raises(duologue.PeerNotFound):
            async with duologue.dial(relay.url, to=provider.key, identity=ANN):
                pass


@UNIX
@pytest.mark.parametrize(
    ("profile", "stopped_s", "noticed_s"),
    [("quick", 2, 5), pytest.param("default", 60, 35, marks=pytest.mark.slow)],
)
async def test_a_stopped_peer_is_given_up_and_not_heard_when_it_wakes(
    tmp_path: Path, profile: str, stopped_s: float, noticed_s: float
) -> None:
    """Catalogue row 6: what it sends then reaches nobody, and it comes back by registering."""
    async with with_a_provider(tmp_path, profile) as (provider, peer, relay):
        # It would answer the moment it wakes up.
        call = peer.send(SLOW, stopped_s / 2)
        await peer.send(SQUARE, 1)
        watch = Stopwatch(relay.pid)
        provider.process.send_signal(signal.SIGSTOP)
        async with asyncio.timeout(2 * PATIENCE_S):
            with pytest.raises(ConnectionClosed) as caught:
                await call
        assert caught.value.sent in ("yes", "unknown")
        await until_spares(relay, 0)
        assert watch.seconds <= noticed_s
        received = peer.stats.bytes_received
        await asyncio.sleep(stopped_s - watch.wall_s)
        provider.process.send_signal(signal.SIGCONT)
        # Its own side of the conversation ends too, whatever it still wanted to say.
        assert (await provider.next_event())["event"] in ("lost", "closed")
        await until_spares(relay, 2)
        assert peer.stats.bytes_received == received
        async with duologue.dial(relay.url, to=provider.key, identity=ANN) as again:
            assert await again.send(SQUARE, 3) == 9
