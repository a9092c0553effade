"""A service that tells how long its callers wait and what they say beside their params."""

import asyncio
import math
from collections.abc import AsyncIterator
from typing import Final, TypeVar

from duologue.errors import DeadlineExceeded, DuologueError
from duologue.promisifier.streams.stream import ByteStream
from duologue.testing.conversation.service import CheckedClient, Refusal, Step, Why, Words
from duologue.typed import (
    BYTE_STREAM,
    NO_PARAMS,
    NOTHING,
    Client,
    Codec,
    DeclaredError,
    Download,
    Incoming,
    Params,
    SafeInt,
    Sender,
    Service,
    ServiceContract,
    Unary,
)
from duologue.typed.context import CallContext
from duologue.typed.interceptors import Interceptor, Invocation, Next
from duologue.typed.service import intercepted

R = TypeVar("R")

NO_TIME: Final = -1
"""What `left` says of a call without a deadline."""

LEFT: Final = Unary(id=1, name="left", params=NO_PARAMS, returns=Codec[SafeInt](SafeInt))
SAY: Final = Unary(
    id=2,
    name="say",
    params=Params(Words),
    returns=Codec(str),
    errors=(DeclaredError(Refusal, Codec(Why)),),
)
PASS_ON: Final = Unary(id=3, name="pass_on", params=NO_PARAMS, returns=NOTHING)
FINISH: Final = Unary(id=4, name="finish", params=NO_PARAMS, returns=NOTHING, cancel="ignore")
DAWDLE: Final = Download(
    id=5, name="dawdle", params=Params(Step), yields=Codec(Step), returns=Codec[SafeInt](SafeInt)
)
STALL: Final = Unary(id=6, name="stall", params=NO_PARAMS, returns=BYTE_STREAM)

CONTRACT: Final = ServiceContract(
    name="duologue.testing.v1.Timed",
    base=9100,
    digest="sha256:" + "2" * 64,
    methods=(LEFT, SAY, PASS_ON, FINISH, DAWDLE, STALL),
)


class Noting(Interceptor):
    """Notes each call and how it ended, on either side."""

    def __init__(self, seen: list[str]) -> None:
        self._seen = seen

    async def calling(self, call: Invocation, next: Next[R]) -> R:
        """See `Interceptor`."""
        return await self._note(call, next)

    async def serving(self, call: Invocation, next: Next[R]) -> R:
        """See `Interceptor`."""
        return await self._note(call, next)

    async def _note(self, call: Invocation, next: Next[R]) -> R:
        name = call.method.rpartition("/")[2]
        try:
            result = await next()
        except DuologueError as error:
            self._seen.append(f"{name}: {type(error).__name__}")
            raise
        self._seen.append(name)
        return result


class TimedService(Service):
    """Does what its methods are called, and notes what is begun and ended."""

    __contract__ = CONTRACT

    def __init__(self) -> None:
        self.seen: list[str] = []
        """What its interceptor has seen: each call, and how it ended."""
        intercepted(self, Noting(self.seen))
        self.begun = asyncio.Event()
        """A call of `pass_on` or `finish`, or the stream of `stall`, runs."""
        self.ended = asyncio.Event()
        """It has ended."""
        self.may_end = asyncio.Event()
        """What `finish` waits for, and `dawdle` before its first item."""
        self.late: list[str | None] = []
        """Where the time of each call that `pass_on` made had passed."""

    async def left(self, ctx: CallContext) -> int:
        """Milliseconds that the caller still waits."""
        remaining_s = ctx.remaining()
        return NO_TIME if remaining_s == math.inf else int(remaining_s * 1000)

    async def say(self, params: Words, ctx: CallContext) -> str:
        """What the caller says under the key in `text`; says it again beside the answer.

        Refuses as declared if there is nothing under it.
        """
        ctx.answer_meta.update(ctx.meta)
        said = ctx.meta.get(params.text)
        if said is None:
            raise Refusal(why="nothing was said")
        return said

    async def pass_on(self, ctx: CallContext) -> None:
        """Calls `hold` of the caller, which never answers, without a word of any deadline."""
        self.begun.set()
        try:
            await CheckedClient(ctx.peer).with_options(timeout=math.inf).hold()
        except DeadlineExceeded as error:
            self.late.append(error.where)
            raise
        finally:
            self.ended.set()

    async def finish(self, ctx: CallContext) -> None:
        """Runs to its end, whatever its caller does."""
        self.begun.set()
        await self.may_end.wait()
        self.ended.set()

    async def dawdle(self, params: Step, out: Sender[Step], ctx: CallContext) -> int:
        """An item, and after a while how many milliseconds the caller still waits."""
        await out.send(params)
        await self.may_end.wait()
        remaining_s = ctx.remaining()
        return NO_TIME if remaining_s == math.inf else int(remaining_s * 1000)

    def stall(self, ctx: CallContext) -> ByteStream:
        """A byte, and then nothing more, but no end either."""

        async def pieces() -> AsyncIterator[bytes]:
            self.begun.set()
            try:
                yield b"x"
                await asyncio.get_running_loop().create_future()
            finally:
                self.ended.set()

        return ByteStream(pieces())


class TimedClient(Client):
    """Calls a `TimedService` of the other side."""

    __contract__ = CONTRACT

    async def left(self) -> int:
        """Milliseconds, or `NO_TIME`."""
        return await self._unary(LEFT)

    async def say(self, *, text: str) -> str:
        """What was said under this key."""
        return await self._unary(SAY, text=text)

    async def pass_on(self) -> None:
        """Waits until the time is over."""
        return await self._unary(PASS_ON)

    async def finish(self) -> None:
        """Waits until the service may end."""
        return await self._unary(FINISH)

    async def stall(self) -> ByteStream:
        """A stream that stalls."""
        return await self._unary(STALL)

    def dawdle(self, *, number: int) -> Incoming[Step, int]:
        """The same number, and the time that is left."""
        return self._download(DAWDLE, number=number)
