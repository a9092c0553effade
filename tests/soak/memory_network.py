"""A house that many peers call in memory, which is restarted; and the lines to it, which break."""

import asyncio
import random
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final

from duologue import ANYONE, Identity, Limits, WebsocketPromisifier
from duologue.connection.base import Connection
from duologue.connection.encrypted.dial import dial_encrypted
from duologue.connection.encrypted.gate import EncryptionGate
from duologue.endpoints.guest import Lasting, Visit
from duologue.endpoints.hosting import Conversations
from duologue.endpoints.manner import Manner
from duologue.errors import ConnectionClosed
from duologue.typed.service import Offer
from tests.soak.ledger import Books, Guest, House, house_contract
from tests.soak.line import Line

LIMITS: Final = Limits(
    keepalive_interval_s=5,
    keepalive_timeout_s=15,
    stream_stall_timeout_s=10,
    drain_timeout_s=5,
)
SLOW_S: Final = 2.0
"""The longest that a call takes, over a network that is whole."""

MAX_LATENCY_S: Final = 0.2
IDLE_CUT_S: Final = 60.0
"""What some proxies put up with."""

HOLE_S: Final = 10.0
"""So long a plain line is a black hole before it is cut: in memory only encryption has a pulse."""

Calling = Callable[[], AbstractAsyncContextManager[WebsocketPromisifier]]


class _Open:
    """What is there between two restarts."""

    def __init__(self, books: Books, chance: random.Random, number: int, key: Identity) -> None:
        class Based(House):
            # Elsewhere each time: a call under an old number would fail.
            __contract__ = house_contract(100 * chance.randrange(1, 9))

        house = Based(books, chance, number, SLOW_S)
        self._conversations = Conversations(Manner(offer=Offer([house]), limits=LIMITS))
        self._gate = EncryptionGate(key, ANYONE, LIMITS, self._conversations.welcome)
        self._clock = asyncio.create_task(house.tell_the_time())

    def take_in(self, connection: Connection, is_encrypted: bool) -> None:
        if is_encrypted:
            self._gate.admit(connection)
        else:
            self._conversations.welcome(connection)

    async def end(self) -> None:
        self._clock.cancel()
        await asyncio.wait([self._clock])
        await self._gate.close()
        await self._conversations.end("the house is restarted")


class MemoryNetwork:
    """Made by `memory_network`."""

    def __init__(self, books: Books, chance: random.Random) -> None:
        self.faults: list[Callable[[], None]] = [
            *(self._cut,) * 8, *(self._black_hole,) * 3, *(self._half_open,) * 3,
            self._stop, self._crash,
        ]  # fmt: skip
        self._books = books
        self._chance = chance
        self._key = Identity.generate()
        self._open: _Open | None = None
        self._houses = 0
        self._lines: dict[Line, bool] = {}
        """Those that are whole, and whether what they carry is encrypted."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._start()

    def calling(self, number: int) -> Calling:
        """How peer `number` joins; every second one is encrypted."""
        manner = Manner(offer=Offer([Guest()]), limits=LIMITS)
        identity = Identity.generate() if number % 2 else None

        async def dial_carrier(limits: Limits, _timeout_s: float) -> Connection:
            return await self._dial(limits, is_encrypted=identity is not None)

        async def dial() -> Connection:
            if identity is None:
                return await dial_carrier(LIMITS, LIMITS.connect_timeout_s)
            return await dial_encrypted(
                dial_carrier,
                identity,
                self._key.public_key,
                LIMITS,
                loopback=False,
                timeout_s=LIMITS.connect_timeout_s,
            )

        return lambda: Visit(dial, manner, Lasting(reconnect=True))

    async def misfortune(self) -> None:
        """One more of them."""
        self._chance.choice(self.faults)()

    async def heal(self) -> None:
        """Return when nothing is broken any more but the black holes, which nobody has noticed."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def close(self) -> None:
        """End what is there; nothing is under way any more when this returns."""
        await self.heal()
        if self._open is not None:
            await self._open.end()
        await asyncio.sleep(2 * MAX_LATENCY_S)

    # -- lines ----------------------------------------------------------------------------------

    async def _dial(self, limits: Limits, *, is_encrypted: bool) -> Connection:
        await asyncio.sleep(self._chance.random() * MAX_LATENCY_S)
        if self._open is None:
            raise ConnectionClosed(1006, "nobody is at home", sent="no")

        def forget(line: Line) -> None:
            self._lines.pop(line, None)

        line = Line(
            limits,
            latency_s=self._chance.random() * MAX_LATENCY_S,
            idle_cut_s=IDLE_CUT_S if self._chance.random() < 0.3 else None,
            on_ended=forget,
        )
        self._lines[line] = is_encrypted
        self._open.take_in(line.far, is_encrypted)
        return line.near

    def _some_line(self, *, encrypted_only: bool = False) -> Line | None:
        lines = [line for line, has in self._lines.items() if has or not encrypted_only]
        return self._chance.choice(lines) if lines else None

    def _cut(self) -> None:
        line = self._some_line()
        if line is not None:
            line.cut()

    def _half_open(self) -> None:
        line = self._some_line(encrypted_only=True)
        if line is not None:
            line.cut_one_side(self._chance.random() < 0.5)

    def _black_hole(self) -> None:
        line = self._some_line()
        if line is None:
            return
        line.is_black_hole = True
        if not self._lines[line]:
            self._begin(self._cut_later(line))

    async def _cut_later(self, line: Line) -> None:
        await asyncio.sleep(HOLE_S)
        line.cut()

    # -- the house ------------------------------------------------------------------------------

    def _start(self) -> None:
        self._houses += 1
        self._open = _Open(self._books, self._chance, self._houses, self._key)

    def _stop(self) -> None:
        if self._open is not None:
            self._begin(self._restart(self._open, is_crash=False))

    def _crash(self) -> None:
        if self._open is not None:
            self._begin(self._restart(self._open, is_crash=True))

    async def _restart(self, was_open: _Open, *, is_crash: bool) -> None:
        self._open = None
        if is_crash:
            for line in list(self._lines):
                line.cut()
        await was_open.end()
        await asyncio.sleep(self._chance.random() * 20)
        self._start()

    def _begin(self, action: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(action)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


@asynccontextmanager
async def memory_network(books: Books, chance: random.Random) -> AsyncGenerator[MemoryNetwork]:
    """One with a house in it."""
    network = MemoryNetwork(books, chance)
    try:
        yield network
    finally:
        await network.close()
