"""Items towards a peer that knows only the base profile: as lines of JSON, or pieces of bytes."""

from collections.abc import AsyncIterator
from typing import Any, Generic, TypeVar, cast

from pydantic import ValidationError

from duologue.errors import DuologueError, InvalidResult
from duologue.promisifier.own_call import Call
from duologue.promisifier.streams.stream import ByteStream, TextStream
from duologue.protocol.messages import Failure
from duologue.protocol.parcels import Payload
from duologue.typed.codec import BYTE_ITEMS, Codec
from duologue.typed.contract import Streaming
from duologue.typed.problems import problems_of

T = TypeVar("T")
R = TypeVar("R")


class StreamReading(Generic[R]):
    """Reads the stream that a peer without items answers with."""

    takes_parts = False

    def __init__(self, method: Streaming[..., Any, R]) -> None:
        self.full_name = method.full_name
        self._method = method

    def decode_result(self, data: Payload | None) -> ByteStream | TextStream:
        """No items came, and no stream."""
        raise InvalidResult(f"a value came where {self.full_name} has items")

    def decode_stream(self, stream: ByteStream | TextStream) -> ByteStream | TextStream:
        """What its items are read from."""
        return stream

    def decode_failure(self, failure: Failure) -> DuologueError:
        """As the method's."""
        return self._method.decode_failure(failure)


async def items_of(
    call: "Call[ByteStream | TextStream]", codec: Codec[T], what: str
) -> AsyncIterator[T]:
    """The items in a stream: its pieces, or the JSON in its lines."""
    async with await call as stream:
        if isinstance(stream, TextStream):
            rest = ""
            async for piece in stream:
                *lines, rest = (rest + piece).split("\n")
                for line in lines:
                    yield _item_of(line, codec, what)
            if rest:
                yield _item_of(rest, codec, what)
        elif stream.is_empty or codec is BYTE_ITEMS:
            async for chunk in stream:
                yield cast(T, chunk)
        else:
            raise InvalidResult(f"a byte stream came where {what} has JSON items")


def _item_of(line: str, codec: Codec[T], what: str) -> T:
    if codec is BYTE_ITEMS:
        raise InvalidResult(f"a text stream came where {what} has bytes")
    try:
        return codec.decode(line.encode(errors="surrogatepass"))
    except ValidationError as error:
        raise InvalidResult(
            f"an item of {what} does not fit the contract",
            problems_of(error, codec.adapter.core_schema),
        ) from None


async def json_lines(items: AsyncIterator[T], codec: Codec[T]) -> AsyncIterator[str]:
    """Items as text, a line each, for callers that know no items."""
    async for item in items:
        yield codec.encode(item).decode() + "\n"
