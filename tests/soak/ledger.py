"""What is called during a soak, and the books that are kept of it."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Final, Literal

from duologue import ByteStream, CallContext, DuologueError, Model
from duologue.limits import MAX_TIMES_SENT
from duologue.typed import (
    BYTE_STREAM,
    Client,
    Codec,
    Event,
    EventHandler,
    Params,
    SafeInt,
    Service,
    ServiceContract,
    Subscription,
    Unary,
)

PIECE_BYTES: Final = 5_000
TICK_S: Final = 5.0
"""The house tells everybody the time so often."""

Kind = Literal["read", "write"]
Fate = Literal["answered", "refused", "lost"]
"""Of a call: it has a result; it certainly never ran; nobody knows."""


class Entry(Model):
    """Names a call."""

    number: SafeInt


class Load(Model):
    """Names a call, and is heavy."""

    number: SafeInt
    data: bytes


class Tick(Model):
    """Event `number` of that house; there is a new house after each restart."""

    house: SafeInt
    number: SafeInt


READ: Final = Unary(id=1, name="read", params=Params(Entry), returns=Codec(int), effect="read")
WRITE: Final = Unary(id=2, name="write", params=Params(Entry), returns=Codec(int))
CARRY: Final = Unary(id=3, name="carry", params=Params(Load), returns=Codec(bytes))
POUR: Final = Unary(id=4, name="pour", params=Params(Entry), returns=BYTE_STREAM)
BACK: Final = Unary(id=5, name="back", params=Params(Entry), returns=Codec(int))
TICKED: Final = Event(id=10, name="ticked", payload=Params(Tick))
KNOCK: Final = Unary(id=1, name="knock", params=Params(Entry), returns=Codec(int))

GUEST: Final = ServiceContract(
    name="soak.v1.Guest", base=9000, digest="sha256:" + "1" * 64, methods=(KNOCK,)
)


def house_contract(base: int) -> ServiceContract:
    """The contract of `House`; the numbers of its methods begin at `base`."""
    return ServiceContract(
        name="soak.v1.House",
        base=base,
        digest="sha256:" + "2" * 64,
        methods=(READ, WRITE, CARRY, POUR, BACK),
        events=(TICKED,),
    )


@dataclass
class Books:
    """What was called, what ran, and everything that should not have been."""

    runs: Counter[int] = field(default_factory=Counter[int])
    """How often the call of each number ran."""
    fates: dict[int, tuple[Kind, Fate]] = field(default_factory=dict[int, tuple[Kind, Fate]])
    complaints: list[str] = field(default_factory=list[str])
    actions: Counter[str] = field(default_factory=Counter[str])
    """How often each thing was done, for whoever reads the report."""

    def next_number(self) -> int:
        """The number of a new call."""
        return len(self.fates)

    def check(self) -> None:
        """Complain of every call that ran too often, or never and was answered."""
        for number, (kind, fate) in self.fates.items():
            runs = self.runs[number]
            least = 1 if fate == "answered" else 0
            most = 0 if fate == "refused" else MAX_TIMES_SENT if kind == "read" else 1
            if not least <= runs <= most:
                self.complaints.append(f"the {kind} {number}, {fate}, ran {runs} times")


class House(Service):
    """Offered by the side that is called."""

    __contract__ = house_contract(100)

    def __init__(self, books: Books, chance: random.Random, number: int, slow_s: float) -> None:
        """`slow_s` is the longest that a call takes."""
        self._books = books
        self._chance = chance
        self._number = number
        self._slow_s = slow_s

    async def read(self, params: Entry, ctx: CallContext) -> int:
        """A while later, the number."""
        self._books.runs[params.number] += 1
        await asyncio.sleep(self._chance.random() * self._slow_s)
        return params.number

    async def write(self, params: Entry, ctx: CallContext) -> int:
        """As `read`, but may not be repeated."""
        return await self.read(params, ctx)

    def carry(self, params: Load, ctx: CallContext) -> bytes:
        """The same bytes."""
        self._books.runs[params.number] += 1
        return params.data

    def pour(self, params: Entry, ctx: CallContext) -> ByteStream:
        """Ten pieces."""
        self._books.runs[params.number] += 1

        async def pieces() -> AsyncIterator[bytes]:
            for number in range(10):
                await asyncio.sleep(self._chance.random() * self._slow_s / 5)
                yield bytes([number]) * PIECE_BYTES

        return ByteStream(pieces())

    async def back(self, params: Entry, ctx: CallContext) -> int:
        """What the caller answers; -1 if it is gone."""
        self._books.runs[params.number] += 1
        try:
            return await GuestClient(ctx.peer).knock(number=params.number)
        except DuologueError:
            return -1

    async def tell_the_time(self) -> None:
        """To everybody, until it is cancelled."""
        number = 0
        while True:
            await asyncio.sleep(TICK_S)
            number += 1
            self._emit(TICKED, None, house=self._number, number=number)


class HouseClient(Client):
    """Calls a `House`."""

    __contract__ = house_contract(100)

    async def read(self, *, number: int) -> int:
        return await self._unary(READ, number=number)

    async def write(self, *, number: int) -> int:
        return await self._unary(WRITE, number=number)

    async def carry(self, *, number: int, data: bytes) -> bytes:
        return await self._unary(CARRY, number=number, data=data)

    async def pour(self, *, number: int) -> ByteStream:
        return await self._unary(POUR, number=number)

    async def back(self, *, number: int) -> int:
        return await self._unary(BACK, number=number)

    def on_ticked(self, handler: EventHandler[Tick]) -> Subscription[Tick]:
        return self._on(TICKED, handler)


class Guest(Service):
    """Offered by each peer that calls."""

    __contract__ = GUEST

    def knock(self, params: Entry, ctx: CallContext) -> int:
        """The number."""
        return params.number


class GuestClient(Client):
    """Calls a `Guest`."""

    __contract__ = GUEST

    async def knock(self, *, number: int) -> int:
        return await self._unary(KNOCK, number=number)
