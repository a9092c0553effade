"""What stands behind a service number."""

from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any, Protocol, TypeGuard, TypeVar

from duologue.errors import BadFrame, CallError
from duologue.promisifier.failures import describe_failure
from duologue.promisifier.served_call import ServedCall
from duologue.promisifier.streams.stream import ByteStream, TextStream
from duologue.protocol.messages import Failure
from duologue.protocol.parcels import Payload, split
from duologue.protocol.values import UNDEFINED, decode_value, encode_value

PeerT_contra = TypeVar("PeerT_contra", contravariant=True)

Result = Payload | ByteStream | TextStream | None
"""JSON of the result, a stream in its place, or None for no result."""


class Unfinished:
    """What a service gives to be awaited, and what makes the result of it.

    Awaited itself it is a coroutine around a coroutine; whoever does it by the thousand takes the
    two apart.
    """

    __slots__ = ("awaitable", "finish")

    def __init__(self, awaitable: Awaitable[Any], finish: Callable[[Any], Result]) -> None:
        self.awaitable = awaitable
        self.finish = finish

    def __await__(self) -> Generator[Any, Any, Result]:
        return self.finish((yield from self.awaitable.__await__()))


Outcome = Result | Unfinished | Coroutine[Any, Any, Result]
"""A result, or what gives one when it is awaited."""


class Handler(Protocol[PeerT_contra]):
    """Answers the requests of one service number.

    `PeerT` is what the owner of a conversation wants its handlers to be told of the caller.
    """

    name: str
    """For logs and errors."""
    takes_parts: bool
    """Whether its arguments may have parts beside them."""
    ignores_cancel: bool
    """Whether a call that has begun runs to its end: contracts say `cancel: ignore`."""

    def start(self, call: ServedCall[PeerT_contra]) -> Outcome:
        """Serve `call`, or begin to.

        Raises:
            UnreadableArguments: they are no JSON after all; the message counts as unreadable.
            Exception: what the service raised; `failure` says what the caller learns of it.
        """
        ...

    def failure(self, error: Exception) -> Failure:
        """What the caller learns of an exception that `start` or its coroutine raised."""
        ...


def is_awaitable(value: object) -> TypeGuard[Awaitable[Any]]:
    """Whether `value` has to be awaited."""
    return isinstance(value, Awaitable)


class FunctionHandler:
    """A plain or async function; the arguments are spread as positional ones (base profile 7.3)."""

    __slots__ = ("_function", "_max_depth", "name")
    takes_parts = False
    ignores_cancel = False

    def __init__(self, service_id: int, function: Callable[..., object], max_depth: int) -> None:
        self.name = f"service {service_id} ({getattr(function, '__qualname__', repr(function))})"
        self._function = function
        self._max_depth = max_depth

    def start(self, call: ServedCall[object]) -> Outcome:
        """Call the function; see `Handler`."""
        args = call.request.args
        try:
            values: list[Any] = [] if args is None else decode_value(split(args)[0])
        except BadFrame as error:
            raise UnreadableArguments(str(error)) from error
        result = self._function(*values)
        if is_awaitable(result):
            return Unfinished(result, self._encode)
        return self._encode(result)

    def failure(self, error: Exception) -> Failure:
        """See `Handler`."""
        return describe_failure(error, self.name)

    def _encode(self, result: object) -> Result:
        # A Python function that returns nothing returns None: no result, not null.
        if result is None or result is UNDEFINED:
            return None
        if isinstance(result, ByteStream | TextStream):
            return result
        if isinstance(result, bytes | bytearray | memoryview):
            raise BinaryResult
        return encode_value(result, "data", self._max_depth)


class UnreadableArguments(BadFrame):
    """The arguments of a request are no JSON after all (base profile 7.2).

    Not a bare `BadFrame`: a service may let one of those pass that has nothing to do with its call.
    """


class BinaryResult(CallError):
    """A service returned raw bytes, which JSON cannot carry (base profile 7.4)."""

    code = ""
    name = "TypeError"

    def __init__(self) -> None:
        super().__init__("Binary data must be sent from a SimpleReadStream")
