"""What an answer means to an untyped `send` (base profile 7.4)."""

from typing import Any

from duologue.errors import RemoteCause, RemoteError
from duologue.promisifier.streams.stream import ByteStream, TextStream
from duologue.protocol.messages import Failure
from duologue.protocol.parcels import Payload, split
from duologue.protocol.values import UNDEFINED, decode_value


class Untyped:
    """The `Target` and the `Reading` of a call by number: plain Python values, and any stream."""

    __slots__ = ("id",)
    contract = None
    takes_parts = False
    may_be_repeated = False
    """Nobody has said so."""
    may_wait = True

    def __init__(self, service_id: int) -> None:
        self.id = service_id

    @property
    def full_name(self) -> str:
        """`service 3`."""
        return f"service {self.id}"

    def decode_result(self, data: Payload | None) -> Any:
        """The result; `UNDEFINED` if there is none.

        Raises:
            BadFrame: it is no JSON.
        """
        return UNDEFINED if data is None else decode_value(split(data)[0])

    def decode_stream(self, stream: ByteStream | TextStream) -> Any:
        """A stream is a result like any other."""
        return stream

    def decode_failure(self, failure: Failure) -> RemoteError:
        """Its cause is what the other side said; missing fields as in the original."""
        return RemoteError(
            RemoteCause(failure.name or "Error", failure.message or "", failure.code)
        )
