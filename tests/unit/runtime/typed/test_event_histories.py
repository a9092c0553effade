"""Random histories of subscriptions over connections that are lost (PROTOCOL 14).

Each event is told once or is part of a told gap: never twice, never silently. Lines are slow and
queues short, so that some are missed; hosts stop, and some come back as others.
"""

import asyncio
import random
from typing import Any

import pytest

from duologue import Limits, Model
from duologue.connection.base import Connection
from duologue.connection.memory import connected_pair
from duologue.endpoints.manner import Manner
from duologue.promisifier.broadcasts import Feed
from duologue.promisifier.promisifier import WebsocketPromisifier
from duologue.protocol.control import Subscribe
from duologue.protocol.replay import Cursor, KeptEvent
from duologue.typed import (
    Client,
    Codec,
    Event,
    Params,
    SafeInt,
    Service,
    ServiceContract,
    Subscription,
)
from duologue.typed.event_source import Source
from duologue.typed.service import Offer
from tests.reconnect_support import lose
from tests.stopwatch import PATIENCE_S
from tests.support import turns

STEPS = 80
QUICK_SEEDS = 500
MORE_SEEDS = range(QUICK_SEEDS, 6000)


class Told(Model):
    """Payload; `number` counts what has happened of all kinds."""

    number: SafeInt
    room: str


def event(id: int, name: str, **options: Any) -> Event[..., Told]:
    return Event(id=id, name=name, payload=Params(Told), max_waiting=4, **options)


ROOM: Any = ("room", Codec(str))
KINDS = (
    event(1, "plain"),
    event(2, "kept", replay=6),
    event(3, "by_room", key=ROOM, replay=3),
    event(4, "by_room_unkept", key=ROOM),
)
ROOMS = ("a", "b", "c")


def contract(base: int) -> ServiceContract:
    return ServiceContract(name="test.v1.Told", base=base, digest="", methods=(), events=KINDS)


class Teller(Service):
    __contract__ = contract(100)

    def emit(self, kind: Event[..., Told], to: WebsocketPromisifier | None, told: Told) -> None:
        self._emit(kind, to, number=told.number, room=told.room)


class Follower(Client):
    __contract__ = Teller.__contract__

    def follow(self, kind: Event[..., Told], handler: Any, key: str | None) -> Subscription[Told]:
        return self._on(kind, handler, key=key, replay=self_chosen_replay(kind))


def self_chosen_replay(kind: Event[..., Told]) -> int:
    return kind.replay // 2


class Story:
    """One subscription, and what it was told."""

    def __init__(self, history: "History") -> None:
        chance = history.chance
        self.kind = chance.choice(KINDS)
        self.room = chance.choice((None, *ROOMS)) if self.kind.key is not None else None
        self.heard: list[tuple[int, int]] = []
        """Number, and `missed` of the subscription by then."""
        self._gaps: list[tuple[int, int]] = []
        """What was heard last before each told gap, and how much had happened when it was told."""
        self._heard_before = -1
        self.begin: int | None = None
        """Events from this number on were told after it was agreed."""
        self.end: int | None = None
        """The first number that happened after it was closed."""
        self._history = history
        self.subscription = Follower(history.peer).follow(self.kind, self._hear, self.room)
        self._entering = asyncio.ensure_future(self._enter())

    async def _enter(self) -> None:
        await self.subscription.__aenter__()
        self.begin = len(self._history.happened)

    def _hear(self, told: Told) -> None:
        self.heard.append((told.number, self.subscription.missed))

    def watch(self) -> None:
        """Note a gap, if one has been told since the last time."""
        told = self.subscription.gaps - len(self._gaps)
        self._gaps += [(self._heard_before, len(self._history.happened))] * told
        if self.heard:
            self._heard_before = self.heard[-1][0]

    def close(self) -> None:
        self.subscription.close()
        if self.end is None:
            self.end = len(self._history.happened)

    def check(self) -> None:
        """Each event once, or a told gap."""
        assert self._entering.done()
        numbers = [number for number, _ in self.heard]
        assert numbers == sorted(set(numbers))
        mine = [
            number
            for number, (kind, room, to) in enumerate(self._history.happened)
            if kind is self.kind and self.room in (None, room) and self._history.asked(kind, to)
        ]
        assert set(numbers) <= set(mine)
        if self.begin is None or self.end is not None:
            return
        last, last_missed = self.begin - 1, 0
        for number, missed in self.heard:
            silent = [each for each in mine if last < each < number]
            untold = [each for each in silent if not self._is_in_gap(each)]
            if untold == silent and last >= self.begin:
                assert len(silent) == missed - last_missed
            else:
                assert len(untold) <= missed - last_missed
            last, last_missed = max(last, number), missed
        due = [each for each in mine if each >= self.begin]
        # The last of all happened when everything was quiet: it closes every account.
        assert not due or numbers[-1] == due[-1]

    def _is_in_gap(self, number: int) -> bool:
        return any(heard < number < happened for heard, happened in self._gaps)


class History:
    """One peer that subscribes, its hosts, and what happens."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.happened: list[tuple[Event[..., Told], str, WebsocketPromisifier | None]] = []
        self.stories: list[Story] = []
        self.stopping: list[asyncio.Task[None]] = []
        self.host: WebsocketPromisifier
        self._wire: Connection
        self._asked: set[tuple[str, object]] = set()
        self._teller = self._watched(Teller())
        self._guest = Manner(offer=Offer(()), limits=Limits())
        self.is_calm = False
        self.peer = self._guest.begin_lasting(self._host())

    def _host(self) -> Connection:
        if self.chance.random() < 0.2:

            class Elsewhere(Teller):
                __contract__ = contract(100 * self.chance.randrange(1, 9))

            self._teller = self._watched(Elsewhere())
        connection, self._wire = connected_pair()
        manner = Manner(offer=Offer((self._teller,)), limits=Limits(max_event_queue_bytes=1500))
        self.host = manner.begin(self._wire, "acceptor")
        return connection

    def _watched(self, teller: Teller) -> Teller:
        """Remember over which connections somebody has subscribed to what."""

        def watch(source: Source, name: str) -> None:
            unwatched = source.open

            def watched(wish: Subscribe, feed: Feed) -> tuple[list[KeptEvent], Cursor, bool]:
                self._asked.add((name, feed.peer))
                return unwatched(wish, feed)

            source.open = watched  # type: ignore[method-assign]

        for kind in KINDS:
            watch(teller.__audience__.source(kind), kind.name)
        return teller

    def asked(self, kind: Event[..., Told], to: WebsocketPromisifier | None) -> bool:
        """Whether an event for `to` could be for us: who has asked for nothing over a connection is
        somebody else there."""
        return to is None or (kind.name, to) in self._asked

    async def keep(self) -> None:
        """Another connection whenever one is lost, after a while."""

        def greet(peer: WebsocketPromisifier, connection: Connection) -> None:
            self._guest.greet(peer, connection, "connector")

        await self.peer.stand()
        while True:
            await self.peer.went_away()
            if not self.is_calm:
                await turns(self.chance.randrange(20))
            await self.peer.go_on(self._host(), greet)

    async def _stop(self, host: WebsocketPromisifier) -> None:
        await host.drain(5)
        await turns(self.chance.randrange(8))
        host.close("the server is shutting down")

    def emit(self, kind: Event[..., Told], room: str, to: WebsocketPromisifier | None) -> None:
        told = Told(number=len(self.happened), room=room)
        self.happened.append((kind, room, to))
        self._teller.emit(kind, to, told)

    async def happen(self) -> None:
        for _ in range(STEPS):
            for story in self.stories:
                story.watch()
            chance = self.chance
            match chance.choices(
                ("emit", "turn", "lose", "close", "stop", "slow", "quick", "follow", "leave"),
                (20, 14, 2, 1, 1, 2, 4, 3, 1),
            )[0]:
                case "emit":
                    for _ in range(chance.choice((1, 1, 2, 9))):
                        to = self.host if chance.random() < 0.1 else None
                        self.emit(chance.choice(KINDS), chance.choice(ROOMS), to)
                case "turn":
                    await turns(chance.randrange(1, 8))
                case "lose":
                    lose(self._wire)
                case "close":
                    self._wire.close()
                case "stop":
                    self.stopping.append(asyncio.create_task(self._stop(self.host)))
                case "slow":
                    self._wire.gate.shut()
                case "quick":
                    self._wire.gate.open()
                case "follow":
                    self.stories.append(Story(self))
                case _:
                    if self.stories:
                        chance.choice(self.stories).close()

    async def calm_down(self) -> None:
        """Everything that is under way comes to its end, and then each kind happens once more."""
        self.is_calm = True
        self._wire.gate.open()
        if self.stopping:
            await asyncio.wait(self.stopping)
        for _ in range(40):
            self._wire.gate.open()
            await turns(10)
            if all(each.subscription.is_closed or each.begin is not None for each in self.stories):
                break
        await turns(60)
        for story in self.stories:
            story.watch()
        for kind in KINDS:
            for room in ROOMS:
                self.emit(kind, room, None)
                await turns()


@pytest.mark.parametrize(
    "seed",
    [*range(QUICK_SEEDS), *(pytest.param(n, marks=pytest.mark.slow) for n in MORE_SEEDS)],
)
async def test_each_event_is_told_once_or_is_part_of_a_told_gap(seed: int) -> None:
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    history = History(seed)
    keeper = asyncio.create_task(history.keep())
    async with asyncio.timeout(PATIENCE_S):
        await history.happen()
        await history.calm_down()
        for story in history.stories:
            story.check()
            assert story.subscription.failure is None
        history.peer.close()
        await history.peer.promise.wait()
    keeper.cancel()
    await asyncio.wait([keeper])
    await turns(20)
    assert complaints == []
