"""A service with a method of each kind, its contract written by hand, to try conversations with."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from duologue.errors import ContractError
from duologue.promisifier.promisifier import WebsocketPromisifier
from duologue.promisifier.streams.stream import ByteStream, TextStream
from duologue.typed import (
    BYTE_ITEMS,
    BYTE_STREAM,
    NO_PARAMS,
    NOTHING,
    TEXT_STREAM,
    Client,
    Codec,
    DeclaredError,
    Download,
    Duplex,
    Event,
    EventHandler,
    Exchange,
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
from duologue.typed.context import CallContext
from duologue.typed.model import Model

PIECES: Final = 50
"""Of each stream that ends by itself."""

REFUSED: Final = -1
"""A number that the services with items refuse, as declared."""

ENOUGH: Final = -2
"""A number at which `add` answers, whatever may follow."""


class Words(Model):
    """Params of `echo`, and what the event carries."""

    text: str


class Blob(Model):
    """Params of `blob`."""

    data: bytes


class Step(Model):
    """An item; also what says how many of them."""

    number: SafeInt
    data: bytes = b""


class Why(Model):
    """The field of `Refusal`."""

    why: str


class Refusal(ContractError[Why]):
    """The one error that is declared."""

    code = "refusal"

    def __init__(self, *, why: str) -> None:
        super().__init__(Why(why=why))


class SecretError(Exception):
    """An error that is not declared; its text is not to cross the wire."""


ECHO: Final = Unary(id=1, name="echo", params=Params(Words), returns=Codec(str), effect="read")
BLOB: Final = Unary(id=2, name="blob", params=Params(Blob), returns=Codec(bytes))
REFUSE: Final = Unary(
    id=3,
    name="refuse",
    params=Params(Words),
    returns=NOTHING,
    errors=(DeclaredError(Refusal, Codec(Why)),),
)
FAIL: Final = Unary(id=4, name="fail", params=NO_PARAMS, returns=NOTHING)
HOLD: Final = Unary(id=5, name="hold", params=NO_PARAMS, returns=NOTHING)
BACK: Final = Unary(id=6, name="back", params=Params(Words), returns=Codec(str))
POUR: Final = Unary(id=7, name="pour", params=NO_PARAMS, returns=BYTE_STREAM)
TELL: Final = Unary(id=8, name="tell", params=NO_PARAMS, returns=TEXT_STREAM)
POUR_ON: Final = Unary(id=9, name="pour_on", params=NO_PARAMS, returns=BYTE_STREAM)
BREAK_OFF: Final = Unary(id=10, name="break_off", params=NO_PARAMS, returns=BYTE_STREAM)
ASK: Final = Unary(id=11, name="ask", params=NO_PARAMS, returns=Codec(int), effect="read")
NOTE: Final = Unary(id=12, name="note", params=Params(Words), returns=NOTHING)
COUNT: Final = Download(
    id=13,
    name="count",
    params=Params(Step),
    yields=Codec(Step),
    returns=NOTHING,
    errors=(DeclaredError(Refusal, Codec(Why)),),
    effect="read",
)
COUNT_UP: Final = Download(
    id=14, name="count_up", params=Params(Step), yields=Codec(Step), returns=Codec[SafeInt](SafeInt)
)
ADD: Final = Upload(
    id=15,
    name="add",
    params=NO_PARAMS,
    sends=Codec(Step),
    returns=Codec[SafeInt](SafeInt),
    errors=(DeclaredError(Refusal, Codec(Why)),),
)
MIRROR: Final = Duplex(
    id=16, name="mirror", params=NO_PARAMS, sends=Codec(Step), yields=Codec(Step), returns=NOTHING
)
FETCH: Final = Download(id=17, name="fetch", params=NO_PARAMS, yields=BYTE_ITEMS, returns=NOTHING)
STORE: Final = Upload(
    id=18, name="store", params=NO_PARAMS, sends=BYTE_ITEMS, returns=Codec[SafeInt](SafeInt)
)
TOLD: Final = Event(id=20, name="told", payload=Params(Words))

CONTRACT: Final = ServiceContract(
    name="duologue.testing.v1.Checked",
    base=9000,
    digest="sha256:" + "0" * 64,
    methods=(
        *(ECHO, BLOB, REFUSE, FAIL, HOLD, BACK, POUR, TELL, POUR_ON, BREAK_OFF, ASK, NOTE),
        *(COUNT, COUNT_UP, ADD, MIRROR, FETCH, STORE),
    ),
    events=(TOLD,),
)


def piece(number: int) -> bytes:
    """A piece of a byte stream: of its own length and contents."""
    return bytes([number % 256]) * (number * 97)


def line(number: int) -> str:
    """A piece of a text stream."""
    return f"{number} é€😀\n" * number


class CheckedService(Service):
    """Does what its methods are called, and notes what is begun and ended."""

    __contract__ = CONTRACT

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        """A call of `hold`, or the first of `ask`, runs."""
        self.ended = asyncio.Event()
        """A call of `hold`, or the stream of `pour_on`, was ended from outside."""
        self.asked = 0
        """How often `ask` ran."""
        self.noted: list[str] = []
        """What `note` was given, in the order in which it ran."""
        self.caller: WebsocketPromisifier | None = None
        """Who called `echo` last."""

    def echo(self, params: Words, ctx: CallContext) -> str:
        """The same text."""
        self.caller = ctx.peer
        return params.text

    async def blob(self, params: Blob, ctx: CallContext) -> bytes:
        """The same bytes."""
        return params.data

    async def refuse(self, params: Words, ctx: CallContext) -> None:
        """Fails as declared."""
        raise Refusal(why=params.text)

    async def fail(self, ctx: CallContext) -> None:
        """Fails as nobody has declared."""
        raise SecretError("the secret")

    async def hold(self, ctx: CallContext) -> None:
        """Never answers."""
        self.begun.set()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            self.ended.set()

    async def back(self, params: Words, ctx: CallContext) -> str:
        """What the caller's own `echo` makes of it."""
        return await CheckedClient(ctx.peer).echo(text=params.text)

    def pour(self, ctx: CallContext) -> ByteStream:
        """Bytes, and an end."""

        async def pieces() -> AsyncIterator[bytes]:
            for number in range(PIECES):
                yield piece(number)

        return ByteStream(pieces())

    def tell(self, ctx: CallContext) -> TextStream:
        """Text, and an end."""

        async def lines() -> AsyncIterator[str]:
            for number in range(PIECES):
                yield line(number)

        return TextStream(lines())

    def pour_on(self, ctx: CallContext) -> ByteStream:
        """Bytes without end."""

        async def pieces() -> AsyncIterator[bytes]:
            try:
                while True:
                    yield bytes(1000)
                    await asyncio.sleep(0)
            finally:
                self.ended.set()

        return ByteStream(pieces())

    def break_off(self, ctx: CallContext) -> ByteStream:
        """Some bytes, and then no more can be had."""

        async def pieces() -> AsyncIterator[bytes]:
            yield piece(1)
            raise SecretError("the secret")

        return ByteStream(pieces())

    async def ask(self, ctx: CallContext) -> int:
        """How often it was asked; the first time it never answers."""
        self.asked += 1
        if self.asked == 1:
            self.begun.set()
            await asyncio.get_running_loop().create_future()
        return self.asked

    def note(self, params: Words, ctx: CallContext) -> None:
        """Keeps the text."""
        self.noted.append(params.text)

    async def count(self, params: Step, ctx: CallContext) -> AsyncIterator[Step]:
        """Numbers from 0 to the one given; with `data` it refuses to go on then."""
        try:
            for number in range(params.number):
                yield Step(number=number)
            if params.data:
                raise Refusal(why="enough")
        finally:
            self.ended.set()

    async def count_up(self, params: Step, out: Sender[Step], ctx: CallContext) -> int:
        """As many numbers, then how many they were."""
        for number in range(params.number):
            await out.send(Step(number=number))
        return params.number

    async def add(self, items: AsyncIterator[Step], ctx: CallContext) -> int:
        """The sum."""
        total = 0
        try:
            async for item in items:
                self.begun.set()
                if item.number == REFUSED:
                    raise Refusal(why="the number")
                if item.number == ENOUGH:
                    break
                total += item.number
        finally:
            self.ended.set()
        return total

    async def mirror(self, items: AsyncIterator[Step], ctx: CallContext) -> AsyncIterator[Step]:
        """The same."""
        try:
            async for item in items:
                yield item
        finally:
            self.ended.set()

    async def fetch(self, ctx: CallContext) -> AsyncIterator[bytes]:
        """Bytes, empty ones first."""
        for number in range(PIECES):
            yield piece(number)

    async def store(self, items: AsyncIterator[bytes], ctx: CallContext) -> int:
        """How many bytes came, and items."""
        total = 0
        async for item in items:
            total += len(item) + 1
        return total

    def emit_told(self, *, text: str) -> None:
        """Tell everybody."""
        self._emit(TOLD, None, text=text)


class CheckedClient(Client):
    """Calls a `CheckedService` of the other side."""

    __contract__ = CONTRACT

    async def echo(self, *, text: str) -> str:
        """The same text."""
        return await self._unary(ECHO, text=text)

    async def blob(self, *, data: bytes) -> bytes:
        """The same bytes."""
        return await self._unary(BLOB, data=data)

    async def refuse(self, *, text: str) -> None:
        """Raises `Refusal`."""
        return await self._unary(REFUSE, text=text)

    async def fail(self) -> None:
        """Raises `InternalError`."""
        return await self._unary(FAIL)

    async def hold(self) -> None:
        """Waits."""
        return await self._unary(HOLD)

    async def back(self, *, text: str) -> str:
        """The same text, through this side's own service."""
        return await self._unary(BACK, text=text)

    async def pour(self) -> ByteStream:
        """`PIECES` pieces."""
        return await self._unary(POUR)

    async def tell(self) -> TextStream:
        """`PIECES` lines."""
        return await self._unary(TELL)

    async def pour_on(self) -> ByteStream:
        """Ever more."""
        return await self._unary(POUR_ON)

    async def break_off(self) -> ByteStream:
        """Fails when it is read."""
        return await self._unary(BREAK_OFF)

    async def ask(self) -> int:
        """How often it was asked, from the second time on."""
        return await self._unary(ASK)

    async def note(self, *, text: str) -> None:
        """Leaves a text there."""
        return await self._unary(NOTE, text=text)

    def count(self, *, number: int, data: bytes = b"") -> Incoming[Step, None]:
        """Numbers; with `data` and then `Refusal`."""
        return self._download(COUNT, number=number, data=data)

    def count_up(self, *, number: int) -> Incoming[Step, int]:
        """Numbers, and how many."""
        return self._download(COUNT_UP, number=number)

    def add(self) -> Outgoing[Step, int]:
        """The sum of what is sent."""
        return self._upload(ADD)

    def mirror(self) -> Exchange[Step, Step, None]:
        """What is sent."""
        return self._duplex(MIRROR)

    def fetch(self) -> Incoming[bytes, None]:
        """`PIECES` pieces."""
        return self._download(FETCH)

    def store(self) -> Outgoing[bytes, int]:
        """Bytes and items that were sent, added up."""
        return self._upload(STORE)

    def on_told(self, handler: EventHandler[Words] | None = None) -> Subscription[Words]:
        """What the service tells everybody."""
        return self._on(TOLD, handler)


LATER_ECHO: Final = Unary(id=1, name="echo", params=Params(Step), returns=Codec(str), effect="read")
LATER_BLOB: Final = Unary(id=2, name="blob", params=Params(Blob), returns=Codec(bytes))
LATER_NOTE: Final = Unary(id=12, name="note", params=Params(Words), returns=Codec[SafeInt](SafeInt))
LATER_ADDED: Final = Unary(id=99, name="added", params=NO_PARAMS, returns=NOTHING)

LATER_CONTRACT: Final = ServiceContract(
    name=CONTRACT.name,
    base=CONTRACT.base,
    digest="sha256:" + "1" * 64,
    methods=(LATER_ECHO, LATER_BLOB, LATER_NOTE, LATER_ADDED),
)


class LaterClient(Client):
    """Calls a `CheckedService` as if it had been made from a later contract."""

    __contract__ = LATER_CONTRACT

    async def echo(self, *, number: int) -> str:
        """Raises `InvalidParams`: the service wants a text."""
        return await self._unary(LATER_ECHO, number=number)

    async def blob(self, *, data: bytes) -> bytes:
        """The same bytes."""
        return await self._unary(LATER_BLOB, data=data)

    async def note(self, *, text: str) -> int:
        """Raises `InvalidResult`: the service gives nothing."""
        return await self._unary(LATER_NOTE, text=text)

    async def added(self) -> None:
        """Raises `Unimplemented`: the service has no such method."""
        return await self._unary(LATER_ADDED)
