"""A service with a method of each kind, its contract written by hand, to try conversations with."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from duologue.errors import ContractError
from duologue.promisifier.streams.stream import ByteStream, TextStream
from duologue.typed import (
    BYTE_STREAM,
    NO_PARAMS,
    NOTHING,
    TEXT_STREAM,
    Client,
    Codec,
    DeclaredError,
    Event,
    EventHandler,
    Params,
    Service,
    ServiceContract,
    Subscription,
    Unary,
)
from duologue.typed.context import CallContext
from duologue.typed.model import Model

PIECES: Final = 50
"""Of each stream that ends by itself."""


class Words(Model):
    """Params of `echo`, and what the event carries."""

    text: str


class Blob(Model):
    """Params of `blob`."""

    data: bytes


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
TOLD: Final = Event(id=20, name="told", payload=Params(Words))

CONTRACT: Final = ServiceContract(
    name="duologue.testing.v1.Checked",
    base=9000,
    digest="sha256:" + "0" * 64,
    methods=(ECHO, BLOB, REFUSE, FAIL, HOLD, BACK, POUR, TELL, POUR_ON, BREAK_OFF, ASK, NOTE),
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

    def echo(self, params: Words, ctx: CallContext) -> str:
        """The same text."""
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

    def on_told(self, handler: EventHandler[Words] | None = None) -> Subscription[Words]:
        """What the service tells everybody."""
        return self._on(TOLD, handler)
