"""A service with items in all shapes, as the compiler would write it."""

import asyncio
from collections.abc import AsyncIterator

from duologue import CallContext, ContractError, Model
from duologue.typed import (
    BYTE_ITEMS,
    NO_PARAMS,
    NOTHING,
    Client,
    Codec,
    DeclaredError,
    Download,
    Duplex,
    Exchange,
    Incoming,
    Outgoing,
    Params,
    SafeInt,
    Sender,
    Service,
    ServiceContract,
    Unary,
    Upload,
)


class Number(Model):
    number: SafeInt
    pad: str = ""


class CountParams(Model):
    upto: SafeInt
    pad: SafeInt = 0


class Blob(Model):
    data: bytes


class Spoiled(ContractError[None]):
    code = "spoiled"

    def __init__(self) -> None:
        super().__init__(None)

    @classmethod
    def from_data(cls, data: None) -> "Spoiled":
        return cls()

    def __str__(self) -> str:
        return "it is spoiled"


SPOILED = DeclaredError(Spoiled, NOTHING)

COUNT = Download(
    id=1, name="count", params=Params(CountParams), yields=Codec(Number), returns=NOTHING,
    errors=(SPOILED,), effect="read",
)  # fmt: skip
COUNT_UP = Download(
    id=2, name="count_up", params=Params(CountParams), yields=Codec(Number),
    returns=Codec[SafeInt](SafeInt), errors=(SPOILED,),
)  # fmt: skip
SUM = Upload(
    id=3, name="sum", params=NO_PARAMS, sends=Codec(Number), returns=Codec[SafeInt](SafeInt),
    errors=(SPOILED,),
)  # fmt: skip
SQUARES = Duplex(
    id=4, name="squares", params=NO_PARAMS, sends=Codec(Number), yields=Codec(Number),
    returns=NOTHING,
)  # fmt: skip
TALLY = Duplex(
    id=5, name="tally", params=NO_PARAMS, sends=Codec(Number), yields=Codec(Number),
    returns=Codec[SafeInt](SafeInt), errors=(SPOILED,),
)  # fmt: skip
FETCH = Download(id=6, name="fetch", params=Params(CountParams), yields=BYTE_ITEMS, returns=NOTHING)
STORE = Upload(id=7, name="store", params=NO_PARAMS, sends=BYTE_ITEMS, returns=Codec(Number))
BLOBS = Duplex(
    id=8, name="blobs", params=NO_PARAMS, sends=Codec(Blob), yields=Codec(Blob), returns=NOTHING
)
PING = Unary(id=9, name="ping", params=NO_PARAMS, returns=NOTHING)
STREAMS = ServiceContract(
    name="test.v1.Streams", base=100, digest="sha256:s",
    methods=(COUNT, COUNT_UP, SUM, SQUARES, TALLY, FETCH, STORE, BLOBS, PING),
)  # fmt: skip


class Streams(Service):
    __contract__ = STREAMS

    def __init__(self) -> None:
        self.made = 0
        """Items that were made for callers."""
        self.taken = 0
        """Items of callers that were taken."""
        self.closed: list[str] = []
        """Producers that were closed, in order."""
        self.may_read = asyncio.Event()
        self.may_read.set()

    async def count(self, params: CountParams, ctx: CallContext) -> AsyncIterator[Number]:
        try:
            for number in range(params.upto):
                if number == 666:
                    raise Spoiled
                self.made += 1
                yield Number(number=number, pad="x" * params.pad)
        finally:
            self.closed.append("count")

    async def count_up(self, params: CountParams, out: Sender[Number], ctx: CallContext) -> int:
        for number in range(params.upto):
            if number == 666:
                raise Spoiled
            self.made += 1
            await out.send(Number(number=number))
        return params.upto

    async def sum(self, items: AsyncIterator[Number], ctx: CallContext) -> int:
        total = 0
        await self.may_read.wait()
        async for item in items:
            if item.number == 666:
                raise Spoiled
            if item.number == 777:
                return total
            self.taken += 1
            total += item.number
        return total

    async def squares(
        self, items: AsyncIterator[Number], ctx: CallContext
    ) -> AsyncIterator[Number]:
        try:
            async for item in items:
                yield Number(number=item.number**2)
        finally:
            self.closed.append("squares")

    async def tally(
        self, items: AsyncIterator[Number], out: Sender[Number], ctx: CallContext
    ) -> int:
        count = 0
        async for item in items:
            if item.number == 666:
                raise Spoiled
            count += 1
            await out.send(item)
        return count

    async def fetch(self, params: CountParams, ctx: CallContext) -> AsyncIterator[bytes]:
        for number in range(params.upto):
            self.made += 1
            yield bytes([number % 256]) * params.pad

    async def store(self, items: AsyncIterator[bytes], ctx: CallContext) -> Number:
        total = 0
        async for item in items:
            self.taken += 1
            total += len(item)
        return Number(number=total)

    async def blobs(self, items: AsyncIterator[Blob], ctx: CallContext) -> AsyncIterator[Blob]:
        async for item in items:
            yield item

    def ping(self, ctx: CallContext) -> None:
        pass


class StreamsClient(Client):
    __contract__ = STREAMS

    def count(self, *, upto: int, pad: int = 0) -> Incoming[Number, None]:
        return self._download(COUNT, upto=upto, pad=pad)

    def count_up(self, *, upto: int) -> Incoming[Number, int]:
        return self._download(COUNT_UP, upto=upto)

    def sum(self) -> Outgoing[Number, int]:
        return self._upload(SUM)

    def squares(self) -> Exchange[Number, Number, None]:
        return self._duplex(SQUARES)

    def tally(self) -> Exchange[Number, Number, int]:
        return self._duplex(TALLY)

    def fetch(self, *, upto: int, pad: int) -> Incoming[bytes, None]:
        return self._download(FETCH, upto=upto, pad=pad)

    def store(self) -> Outgoing[bytes, Number]:
        return self._upload(STORE)

    def blobs(self) -> Exchange[Blob, Blob, None]:
        return self._duplex(BLOBS)

    async def ping(self) -> None:
        return await self._unary(PING)


def numbers(upto: int, pad: str = "") -> list[Number]:
    return [Number(number=each, pad=pad) for each in range(upto)]
