"""What the texts of the RPC layer say, as values (base profile 7).

Events are `msgspec` structs because there is one for each message: they cost half of a dataclass,
and those that come by the thousand are kept from the garbage collector.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec

from duologue.errors import BadFrame, LimitExceeded, StreamFailed
from duologue.protocol.control import Notified
from duologue.protocol.goaway import GoAway
from duologue.protocol.parcels import Payload

CallT = TypeVar("CallT")


@dataclass(frozen=True, slots=True)
class Failure:
    """The `error` object of an answer. None stands for a field that is absent or undefined."""

    name: str | None
    message: str | None
    code: str | None
    details: Any = None
    """A declared error's fields, or what the runtime's own codes carry; JSON values."""


class RequestReceived(msgspec.Struct, gc=False):
    """The other side calls a service of ours."""

    request_id: int
    service_id: int
    args: Payload | None
    """The JSON list of the arguments; None when the field is absent or undefined."""
    takes_parts: bool = False
    """Whether the result may have parts beside it."""
    weight: int = 0
    """Bytes that the arguments may take once they are decoded; 0 if that is next to nothing."""
    timeout_ms: int = 0
    """How long the caller still waits, from when the request left; 0 if it does not say."""
    meta: Mapping[str, str] | None = None
    """What the caller says beside the arguments."""
    is_nested: bool = False
    """Whether the caller says that a handler of its own, which serves us, has made it."""


class AnswerReceived(msgspec.Struct, Generic[CallT], gc=False):
    """An own call has succeeded; it is no longer open."""

    call: CallT
    data: Payload | None
    """The JSON text of the result; None when there is none."""
    meta: Mapping[str, str] | None = None
    """What the other side says beside it."""


class FailureReceived(msgspec.Struct, Generic[CallT]):
    """An own call has failed at the other side; it is no longer open."""

    call: CallT
    failure: Failure
    meta: Mapping[str, str] | None = None
    """What the other side says beside it."""


class Refused(msgspec.Struct):
    """A request that got its answer without any service; `reply` is to be sent."""

    reply: bytes


class ChunkReceived(msgspec.Struct, Generic[CallT], gc=False):
    """A piece of the stream that answers an own call; the first one makes the call a stream."""

    call: CallT
    piece: bytes | str


class StreamEnded(msgspec.Struct, Generic[CallT]):
    """The stream that answers an own call is complete; with no chunk before, it is empty."""

    call: CallT


class AnswerBroken(msgspec.Struct, Generic[CallT]):
    """What answers an own call is no use: an incomplete stream, or one that holds too much."""

    call: CallT
    error: StreamFailed | BadFrame | LimitExceeded
    reply: bytes | None
    """To be sent, if the other side has to be told."""


class StreamRefused(msgspec.Struct):
    """The caller wants no more of a stream that we send."""

    request_id: int


class CancelReceived(msgspec.Struct):
    """The caller has given up a call that is being served."""

    request_id: int


SessionEvent = (
    Notified
    | RequestReceived
    | AnswerReceived[CallT]
    | FailureReceived[CallT]
    | ChunkReceived[CallT]
    | StreamEnded[CallT]
    | AnswerBroken[CallT]
    | StreamRefused
    | CancelReceived
    | GoAway
    | Refused
)
