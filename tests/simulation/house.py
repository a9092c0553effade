"""What is called in a simulated world: calls of every effect, items each way, an event."""

from collections.abc import AsyncIterator, Awaitable
from typing import Any, Final, Protocol

from duologue import CallContext, ContractError, Model
from duologue.typed import (
    NOTHING,
    Client,
    Codec,
    DeclaredError,
    Download,
    Event,
    EventHandler,
    Incoming,
    Outgoing,
    Params,
    SafeInt,
    Sender,
    Service,
    ServiceContract,
    Subscription,
    Unary,
    Upload,
)

KEPT_TICKS: Final = 1000
"""More than there are in one world: who comes back misses none."""


class Numbered(Model):
    """Names a call."""

    number: SafeInt


class Counting(Model):
    """Names a call, and says how many items it has."""

    number: SafeInt
    upto: SafeInt


class Spoiled(ContractError[None]):
    """A call that was run, and came to nothing."""

    code = "spoiled"

    def __init__(self) -> None:
        super().__init__(None)

    @classmethod
    def from_data(cls, data: None) -> "Spoiled":
        return cls()


_ERRORS: Final = (DeclaredError(Spoiled, NOTHING),)
_NUMBER: Final = Codec[SafeInt](SafeInt)
READ: Final = Unary(
    id=1, name="read", params=Params(Numbered), returns=_NUMBER, errors=_ERRORS, effect="read"
)
PUT: Final = Unary(
    id=2, name="put", params=Params(Numbered), returns=_NUMBER, errors=_ERRORS, effect="idempotent"
)
ADD: Final = Unary(id=3, name="add", params=Params(Numbered), returns=_NUMBER, errors=_ERRORS)
COUNT: Final = Download(
    id=4, name="count", params=Params(Counting), yields=_NUMBER, returns=_NUMBER, errors=_ERRORS
)
GATHER: Final = Upload(
    id=5, name="gather", params=Params(Numbered), sends=_NUMBER, returns=_NUMBER, errors=_ERRORS
)
TICKED: Final = Event(id=10, name="ticked", payload=Params(Numbered), replay=KEPT_TICKS)
HOUSE: Final = ServiceContract(
    name="simulation.v1.House",
    base=100,
    digest="",
    methods=(READ, PUT, ADD, COUNT, GATHER),
    events=(TICKED,),
)


class Runner(Protocol):
    """Who knows what becomes of a call that is served."""

    async def run(self, number: int) -> None:
        """The call of this number runs: for a while, and perhaps to no good end."""

    async def pause(self) -> None:
        """Between two items."""

    def note_gathered(self, number: int, items: list[int]) -> None:
        """What came of the items of a call, so far."""


class House(Service):
    """Offered by the host."""

    __contract__ = HOUSE

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    async def read(self, params: Numbered, ctx: CallContext) -> int:
        await self._runner.run(params.number)
        return params.number

    async def put(self, params: Numbered, ctx: CallContext) -> int:
        await self._runner.run(params.number)
        return params.number

    async def add(self, params: Numbered, ctx: CallContext) -> int:
        await self._runner.run(params.number)
        return params.number

    async def count(self, params: Counting, out: Sender[int], ctx: CallContext) -> int:
        await self._runner.run(params.number)
        for number in range(params.upto):
            await self._runner.pause()
            await out.send(number)
        return params.upto

    async def gather(self, params: Numbered, items: AsyncIterator[int], ctx: CallContext) -> int:
        await self._runner.run(params.number)
        gathered = list[int]()
        async for item in items:
            gathered.append(item)
            self._runner.note_gathered(params.number, gathered)
            await self._runner.pause()
        return len(gathered)

    def emit_ticked(self, *, number: int) -> None:
        self._emit(TICKED, None, number=number)


class HouseClient(Client):
    """What would be generated."""

    __contract__ = HOUSE

    def call(self, method: "Unary[..., Any, int]", number: int) -> Awaitable[int]:
        return self._unary(method, number=number)

    def count(self, *, number: int, upto: int) -> Incoming[int, int]:
        return self._download(COUNT, number=number, upto=upto)

    def gather(self, *, number: int) -> Outgoing[int, int]:
        return self._upload(GATHER, number=number)

    def on_ticked(self, handler: EventHandler[Numbered]) -> Subscription[Numbered]:
        return self._on(TICKED, handler, replay=KEPT_TICKS)
