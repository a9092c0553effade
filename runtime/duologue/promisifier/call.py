"""One open call: the future its caller waits on, and what is needed to settle it."""

import asyncio
from collections.abc import Callable
from typing import NoReturn, TypeVar

from duologue.errors import DuologueError, InvalidResult
from duologue.promisifier.streams import ByteStream, TextStream
from duologue.protocol.messages import Failure

T = TypeVar("T")

Decode = Callable[[bytes | None], T]
"""JSON of a result (None: there is none) to its value, or a `DuologueError` if it does not fit."""

DecodeStream = Callable[[ByteStream | TextStream], T]
"""The stream that came in place of a JSON result to the value, or a `DuologueError`."""

DecodeFailure = Callable[[Failure], DuologueError]
"""What the other side said of its failure to the exception for the caller."""


class Call(asyncio.Future[T]):
    """The result of a call, awaitable. One object per call, and no task.

    Cancelling it, or the task that awaits it, gives the call up: `on_cancel` is told once.
    """

    # A future subclass rather than a done-callback: the callback would cost every call a loop turn.
    __slots__ = (
        "decode",
        "decode_failure",
        "decode_stream",
        "on_cancel",
        "request_id",
        "service_id",
        "tick",
        "timeout_s",
        "what",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        service_id: int,
        what: str,
        decode: Decode[T],
        decode_failure: DecodeFailure,
        decode_stream: DecodeStream[T],
        on_cancel: "Callable[[Call[T]], None]",
    ) -> None:
        super().__init__(loop=loop)
        self.service_id = service_id
        self.what = what
        """The method's name, for messages to people."""
        self.decode = decode
        self.decode_failure = decode_failure
        self.decode_stream = decode_stream
        self.on_cancel = on_cancel
        self.request_id = -1
        """-1 until the request has been handed to the connection."""
        self.timeout_s: float | None = None
        self.tick = -1
        """Where the deadline is filed; -1 if there is none."""

    def cancel(self, msg: object = None) -> bool:
        """Give the call up; a late answer will be dropped."""
        if not super().cancel(msg):
            return False
        self.on_cancel(self)
        return True

    def stand_in(self) -> "Call[None]":
        """The same call without its result, settled."""
        other: Call[None] = Call(
            self.get_loop(),
            self.service_id,
            self.what,
            _no_result,
            self.decode_failure,
            refuse_stream,
            _ignore,
        )
        other.request_id = self.request_id
        other.set_result(None)
        return other

    def fail(self, error: DuologueError) -> None:
        """Settle with an error."""
        error.foreign = True
        self.set_exception(error)

    def fail_quietly(self, error: DuologueError) -> None:
        """`fail` without a log line if nobody awaits: the caller may have gone for good reasons."""
        self.fail(error)
        self.exception()


def refuse_stream(stream: ByteStream | TextStream) -> NoReturn:
    """The `DecodeStream` of a method whose result is JSON.

    Raises:
        InvalidResult: always.
    """
    raise InvalidResult("a stream came where the contract has a value")


def _no_result(_data: bytes | None) -> None:
    return None


def _ignore(_call: Call[None]) -> None:
    pass
