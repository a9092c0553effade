"""Keeping spares registered: how often a relay that is away is tried, and by how many."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace
from math import inf

import pytest

from duologue.connection.base import Connection
from duologue.connection.memory import connected_pair
from duologue.errors import HttpUnavailable, RelayError, RelayRefused, RelayUnreachable
from duologue.limits import Limits
from duologue.protocol.backoff import MAX_TRIES, STEADY_S, TRIES_WINDOW_S
from duologue.relay.client import presence
from duologue.relay.client.dial import RelayAccount
from duologue.relay.client.known_relays import KnownRelays
from duologue.relay.client.presence import Presence
from tests.relay_support import PROVIDER
from tests.support import turns
from tests.virtual_time import at_once

ACCOUNT = RelayAccount(
    url="ws://127.0.0.1:1", identity=PROVIDER, limits=Limits(), known_relays=KnownRelays(None)
)


class FakeSpare:
    """Waits until the test says what comes."""

    def __init__(self) -> None:
        self.end: asyncio.Future[Connection] = asyncio.get_running_loop().create_future()

    async def wait_for_caller(self) -> Connection:
        return await self.end


class World:
    """A relay that is there or away, and a clock that runs only while somebody sleeps."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, spares: int, seed: int = 0) -> None:
        self.now_s = 0.0
        self.tries: list[float] = []
        self.fault: RelayError | None = None
        self.spares: list[FakeSpare] = []
        self.callers: list[Connection] = []
        self.horizon_s = 30.0
        self._forever = asyncio.Event()
        monkeypatch.setattr(presence, "register_spare", self._register)
        self.presence = Presence(
            ACCOUNT,
            spares,
            self.callers.append,
            chance=random.Random(seed).random,
            sleep=self._sleep,
            clock=lambda: self.now_s,
        )
        self.task = asyncio.ensure_future(self.presence.run())

    async def _register(self, account: RelayAccount) -> FakeSpare:
        self.tries.append(self.now_s)
        await asyncio.sleep(0)
        if self.fault is not None:
            raise self.fault
        spare = FakeSpare()
        self.spares.append(spare)
        return spare

    async def _sleep(self, seconds: float) -> None:
        self.now_s += seconds
        if self.now_s > self.horizon_s:
            await self._forever.wait()
        await asyncio.sleep(0)

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.wait([self.task])


Make = Callable[..., World]


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Make:
    def new(*, spares: int, seed: int = 0) -> World:
        return World(monkeypatch, spares=spares, seed=seed)

    return new


async def test_all_spares_are_registered_at_once_when_the_relay_is_there(make: Make) -> None:
    world = make(spares=8)
    await turns(60)
    assert world.presence.registered == 8
    assert world.now_s == 0
    await world.stop()


async def test_while_the_relay_is_away_one_tries_for_all_and_six_times_in_half_a_minute(
    make: Make,
) -> None:
    for seed in range(100):
        world = make(spares=8, seed=seed)
        world.horizon_s = 300.0
        world.fault = RelayUnreachable("away")
        await turns(200)
        later = zip(world.tries, world.tries[MAX_TRIES:], strict=False)
        assert all(seventh - first >= TRIES_WINDOW_S - 1e-9 for first, seventh in later)
        assert len(world.tries) > MAX_TRIES
        await world.stop()


class Restarted:
    """A relay that all listeners lose in the same moment, and that is back after `away_s`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, away_s: float, *, listeners: int) -> None:
        self.back: list[list[float]] = []
        """Of each listener, when its spares came back: seconds after the relay did."""
        self._away_s = away_s
        self._loop = asyncio.get_running_loop()
        self._spares: list[FakeSpare] = []
        self._lost_s = inf
        monkeypatch.setattr(presence, "register_spare", self._register)
        self._presences = [self._listener(seed) for seed in range(listeners)]
        self._tasks = [asyncio.ensure_future(each.run()) for each in self._presences]

    def _listener(self, seed: int) -> Presence:
        mine: list[float] = []
        self.back.append(mine)
        account = replace(ACCOUNT, url=str(seed))
        return Presence(account, 2, lambda _: None, chance=random.Random(seed).random)

    async def _register(self, account: RelayAccount) -> FakeSpare:
        since_s = self._loop.time() - self._lost_s
        if 0 <= since_s < self._away_s:
            raise RelayUnreachable("away")
        if since_s >= 0:
            self.back[int(account.url)].append(since_s - self._away_s)
        spare = FakeSpare()
        self._spares.append(spare)
        return spare

    async def restart(self) -> None:
        """Returns when everybody is back."""
        await asyncio.sleep(TRIES_WINDOW_S)
        self._lost_s = self._loop.time()
        for spare in self._spares:
            spare.end.set_exception(RelayUnreachable("lost"))
        await asyncio.sleep(self._away_s + 60)
        assert all(each.registered == 2 for each in self._presences)
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)


@at_once
async def test_a_relay_that_was_away_for_three_seconds_has_its_listeners_back_within_two(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    relay = Restarted(monkeypatch, 3.0, listeners=2000)
    await relay.restart()
    firsts = [min(each) for each in relay.back]
    assert max(firsts) <= 2
    for tenth in range(20):
        assert sum(tenth <= 10 * each < tenth + 1 for each in firsts) <= 2 * len(firsts) / 20


@pytest.mark.parametrize("away_s", [0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0])
@at_once
async def test_thousands_of_listeners_do_not_come_back_in_a_storm(
    away_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Catalogue row 10: no second has more than twice the mean of the first five."""
    relay = Restarted(monkeypatch, away_s, listeners=2000)
    await relay.restart()
    back = [each for spares in relay.back for each in spares]
    seconds = [sum(second <= each < second + 1 for each in back) for second in range(60)]
    assert max(seconds) <= 2 * sum(seconds[:5]) / 5
    assert sum(seconds) == 4000


async def test_when_the_relay_is_back_all_spares_follow_the_first(make: Make) -> None:
    world = make(spares=4)
    world.fault = RelayUnreachable("away")
    await turns(8)
    world.fault = None
    await turns(60)
    assert world.presence.registered == 4
    assert world.presence.fault is None
    await world.stop()


async def test_a_spare_that_is_handed_over_is_replaced_at_once(make: Make) -> None:
    world = make(spares=1)
    await turns()
    connection, _ = connected_pair()
    world.spares[0].end.set_result(connection)
    await turns()
    assert world.callers == [connection]
    assert world.presence.registered == 1
    assert world.now_s == 0
    await world.stop()


async def test_lost_spares_are_replaced_after_a_pause(make: Make) -> None:
    world = make(spares=3)
    await turns(30)
    for spare in list(world.spares):
        spare.end.set_exception(RelayUnreachable("gone"))
    await turns(60)
    assert world.presence.registered == 3
    assert world.now_s > 0
    await world.stop()


async def test_a_refusal_is_told_and_tried_again_ever_more_seldom(make: Make) -> None:
    world = make(spares=1)
    world.horizon_s = 10_000
    world.fault = RelayRefused("not you")
    await turns(3000)
    assert world.presence.fault is world.fault
    pauses = [later - earlier for earlier, later in zip(world.tries, world.tries[1:], strict=False)]
    assert max(pauses) <= 30
    assert sum(pauses[-50:]) / 50 > 10
    await world.stop()


@pytest.mark.parametrize(("short_s", "is_fault"), [(0.0, False), (0.5, True)])
async def test_a_spare_that_lived_long_enough_has_ended_as_spares_do(
    short_s: float, is_fault: bool, make: Make
) -> None:
    world = make(spares=1)
    world.horizon_s = 10_000
    await turns()
    world.now_s = STEADY_S - short_s
    world.fault = RelayUnreachable("away since")
    world.spares[0].end.set_exception(RelayUnreachable("closed"))
    for _ in range(20):
        if world.presence.registered == 0:
            break
        await turns(1)
    await turns(1)
    noted = str(world.presence.fault or "")
    assert (noted == "closed") is is_fault
    await world.stop()


async def test_when_to_come_again_is_obeyed(make: Make) -> None:
    world = make(spares=1)
    world.horizon_s = 100
    world.fault = RelayUnreachable("away")
    world.fault.__cause__ = HttpUnavailable("answered HTTP 503", 503, retry_after_s=45)
    await turns(20)
    first, second, third = world.tries[:3]
    assert (first, second >= 45, third >= second + 45) == (0, True, True)
    await world.stop()
