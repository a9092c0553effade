"""What a soak is, over whatever network: lives are lived while things break, and then all is quiet.

Nothing hangs, nothing runs twice, nothing is left behind.
"""

import asyncio
import gc
import logging
import random
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from typing import Any, Final, Protocol, cast

from duologue import WebsocketPromisifier
from duologue.connection.websocket.own_names import host_is_ours
from tests.soak.ledger import TICK_S, Books
from tests.soak.life import Life
from tests.support import turns

MAX_SAID: Final = 20
"""Complaints, of thousands that one fault may cause."""

OURS: Final = ("duologue.connection", "duologue.promisifier", "duologue.protocol", "duologue.relay")
"""Modules whose objects are counted."""
HELLOS: Final = "duologue.protocol.hello"


class Network(Protocol):
    """Where it happens."""

    def calling(
        self, number: int
    ) -> Callable[[], AbstractAsyncContextManager[WebsocketPromisifier]]:
        """How peer `number` joins."""
        ...

    async def misfortune(self) -> None:
        """Break something."""
        ...

    async def heal(self) -> None:
        """Return when everything that can be noticed as broken is whole again."""
        ...


NetworkOf = Callable[[Books, random.Random], AbstractAsyncContextManager[Network]]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How long, how many, how often; in seconds by the loop's clock."""

    peers: int
    rounds: int
    """After each of them all is quiet, and what is alive is counted."""
    round_s: float
    pause_s: float
    """Between two actions of a peer, on average."""
    fault_pause_s: float
    """Between two faults, on average."""
    settle_s: float
    """So long after the last fault everybody is back."""
    hung_s: float
    """What takes longer hangs."""


async def check(plan: Plan, network_of: NetworkOf) -> None:
    """Soak, and fail with everything that was wrong."""
    books, chance = Books(), random.Random(10)
    complaints = Complaints(books)
    log = logging.getLogger("duologue")
    log.addHandler(complaints)
    # pytest keeps what is logged, with every exception in it and all that these hold.
    log.propagate = False
    try:
        before, tasks_before = living(), asyncio.all_tasks()
        async with network_of(books, chance) as network:
            await soak(plan, network, books, chance)
        await turns(50)
        timers: list[asyncio.TimerHandle] = vars(asyncio.get_running_loop())["_scheduled"]
        tasks = asyncio.all_tasks() - tasks_before
        del network
        left = living() - before
    finally:
        log.propagate = True
        log.removeHandler(complaints)
    print(f"{len(books.fates)} calls; {dict(books.actions)}")
    # Said in full: these are no comparisons in a test, which pytest would explain.
    assert not books.complaints, "\n".join(books.complaints[:MAX_SAID])
    assert not tasks, tasks
    running = [each for each in timers if not each.cancelled()]
    assert not running, running
    assert not left, left


async def soak(plan: Plan, network: Network, books: Books, chance: random.Random) -> None:
    """Live; returns when all peers have left. `books` has what was wrong."""
    loop = asyncio.get_running_loop()
    alive: list[Counter[str]] = []
    async with AsyncExitStack() as stack:
        peers = await asyncio.gather(
            *(stack.enter_async_context(network.calling(each)()) for each in range(plan.peers))
        )
        lives = [Life(peer, books, random.Random(chance.random()), plan.hung_s) for peer in peers]
        for _ in range(plan.rounds):
            end_s = loop.time() + plan.round_s
            breaking = asyncio.create_task(_break(network, end_s, plan.fault_pause_s, chance))
            await asyncio.gather(*(life.live(end_s, plan.pause_s) for life in lives))
            await breaking
            await network.heal()
            await asyncio.sleep(plan.settle_s)
            await _all_are_back(lives, books)
            alive.append(await _living_in_quiet())
        books.check()
        for life in lives:
            life.ticked.close()
    _check_growth(alive, plan.peers, books)


async def _break(network: Network, end_s: float, pause_s: float, chance: random.Random) -> None:
    loop = asyncio.get_running_loop()
    while loop.time() < end_s:
        await asyncio.sleep(chance.expovariate(1 / pause_s))
        await network.misfortune()


async def _all_are_back(lives: list[Life], books: Books) -> None:
    for life in lives:
        if not life.peer.is_connected:
            books.complaints.append(f"a peer is not back: it is {life.peer.state}")
    await asyncio.gather(*(life.act(life.greet_again) for life in lives))
    heard = [life.heard for life in lives]
    await asyncio.sleep(3 * TICK_S)
    for life, before in zip(lives, heard, strict=True):
        if life.heard == before:
            books.complaints.append("a peer is back, and hears no events any more")


async def _living_in_quiet() -> Counter[str]:
    """Without what is only under way: an event, a pulse."""
    first = living()
    await asyncio.sleep(TICK_S / 2)
    return first & living()


def living() -> Counter[str]:
    """How many objects of ours there are of each class, but for hellos: some of those are kept."""
    host_is_ours.cache_clear()
    gc.collect()
    names = Counter[str]()
    for each in gc.get_objects():
        kind = cast("type[object]", type(each))
        # Of a few foreign classes that is a descriptor.
        module = cast("object", kind.__module__)
        if isinstance(module, str) and module.startswith(OURS) and module != HELLOS:
            names[f"{module}.{kind.__qualname__}"] += 1
    return names


def _check_growth(alive: list[Counter[str]], peers: int, books: Books) -> None:
    """In the same quiet the same is alive, however much has happened.

    But for what a conversation has only once it needs it, at each of its ends.
    """
    for later in alive[1:]:
        grown = {name: (alive[0][name], count) for name, count in later.items()}
        grown = {name: pair for name, pair in grown.items() if pair[1] > pair[0] + 2 * peers}
        if grown:
            books.complaints.append(f"more is alive than after the first round: {grown}")


class Complaints(logging.Handler):
    """Errors in the log, and what the loop has been told that nobody else took."""

    def __init__(self, books: Books) -> None:
        super().__init__(logging.ERROR)
        self._books = books
        asyncio.get_running_loop().set_exception_handler(self._on_exception)

    def emit(self, record: logging.LogRecord) -> None:
        self._books.complaints.append(f"logged: {self.format(record)}")

    def _on_exception(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self._books.complaints.append(f"unheard: {context}")
