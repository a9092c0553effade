"""Says hello, and waits until it is known what the other side is (duologue profile 1)."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from duologue.errors import BadFrame, DuologueError, IdentityMismatch, ProtocolError
from duologue.promisifier.streams.stream import ByteStream, TextStream
from duologue.protocol.control import Describe
from duologue.protocol.hello import CONTROL_SERVICE, Counterpart, Hello, decode_hello
from duologue.protocol.messages import Failure
from duologue.protocol.parcels import Payload, split


class Describing(Protocol):
    """Who shows the contracts of what this side offers."""

    def answer(self, wish: Describe) -> bytes:
        """The answer to a question for one, as JSON.

        Raises:
            Unimplemented: there is nothing to show.
            LimitExceeded: it is larger than may be told.
        """
        ...


class Greeting:
    """Our hello, and what has become of it.

    The other side introduces itself by answering it, or by a hello of its own, which the control
    service hands to `receive`. It is the `Target` and the `Reading` of the call that says hello.
    """

    full_name = "the control service"
    contract = None
    id = CONTROL_SERVICE
    may_be_repeated = False
    """Each connection has a hello of its own."""
    may_wait = False
    takes_parts = False

    def __init__(
        self, hello: bytes, counterpart: Counterpart, describing: Describing | None = None
    ) -> None:
        """`hello` is what this side says of itself, as JSON: see `encode_hello`. `describing`
        answers whoever wants to see the contracts; None: nobody does."""
        self.hello = hello
        self.describing = describing
        self.counterpart = counterpart
        self.on_introduced: Callable[[], None] = _ignore
        """Told once it is known what the other side is: before its next message is read, if it has
        introduced itself; else it is a base peer."""
        self.on_mismatch: Callable[[IdentityMismatch], None] = _ignore
        """Told when the conversation must end: the other side is somebody else."""
        self.is_settled = False
        """Whether it is known what the other side is."""
        self._settled: asyncio.Event | None = None

    async def settled(self) -> None:
        """Wait until the other side has introduced itself, or is known for a base peer."""
        if not self.is_settled:
            if self._settled is None:
                self._settled = asyncio.Event()
            await self._settled.wait()

    def _settle(self) -> None:
        self.is_settled = True
        if self._settled is not None:
            self._settled.set()
            self._settled = None

    def forget_listeners(self) -> None:
        """Tell nobody any more."""
        self.on_mismatch = self.on_introduced = _ignore

    def receive(self, hello: Hello) -> None:
        """The other side has said what it is; only the first time counts."""
        try:
            is_new = self.counterpart.introduce(hello)
        except IdentityMismatch as error:
            self.on_mismatch(error)
            return
        if is_new:
            # Perhaps too late: then it was taken for a base peer, and it is told again.
            self._settle()
            self.on_introduced()

    def note_answered(self, call: "asyncio.Future[None]") -> None:
        """Our hello has been answered, or never will be: a base peer is served all the same."""
        if not call.cancelled():
            call.exception()
        if not self.is_settled:
            self._settle()
            self.on_introduced()

    # -- as the reading of the answer -----------------------------------------------------------

    def decode_result(self, data: Payload | None) -> None:
        """The other side's hello has come as an answer to ours."""
        try:
            hello = decode_hello(split(data)[0] if data else b"")
        except BadFrame:
            raise BadFrame("the answer to our hello is no hello") from None
        self.receive(hello)

    def decode_stream(self, stream: ByteStream | TextStream) -> None:
        """A stream is no hello."""
        stream.cancel()
        raise BadFrame("the answer to our hello is a stream")

    def decode_failure(self, failure: Failure) -> DuologueError:
        """The other side speaks the base profile only."""
        return ProtocolError(f"no hello: {failure.code}")


def _ignore(*_: object) -> None:
    pass
