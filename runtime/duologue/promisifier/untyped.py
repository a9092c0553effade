"""What an answer means to an untyped `send` (base profile 7.4)."""

from typing import Any

from duologue.errors import RemoteCause, RemoteError
from duologue.promisifier.streams import ByteStream, TextStream
from duologue.protocol.messages import Failure
from duologue.protocol.undefined import UNDEFINED
from duologue.protocol.values import decode_value


def decode_untyped(data: bytes | None) -> Any:
    """The result as plain Python values; `UNDEFINED` if there is none.

    Raises:
        BadFrame: it is no JSON.
    """
    return UNDEFINED if data is None else decode_value(data)


def any_stream(stream: ByteStream | TextStream) -> Any:
    """A stream is a result like any other."""
    return stream


def remote_error(failure: Failure) -> RemoteError:
    """The error whose cause is what the other side said; missing fields as in the original."""
    return RemoteError(RemoteCause(failure.name or "Error", failure.message or "", failure.code))
