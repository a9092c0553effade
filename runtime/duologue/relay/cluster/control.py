"""What two nodes say to each other over a connection of their own. Pure.

Each message is one JSON object, sealed by `channel`. After `accepted`, and after `go` the other
way, the connection carries the bytes of a caller's WebSocket and nothing else.
"""

from collections.abc import Sequence
from typing import Annotated, Final

import msgspec

LOWEST_VERSION: Final = 1
HIGHEST_VERSION: Final = 1
"""A release speaks its version and the one before."""

MAX_MESSAGE_BYTES: Final = 1024
"""Of a message as it is sent, its seal included."""

MOST_DISMISSED: Final = 40
"""Visits in one `Dismiss`."""

_Name = Annotated[str, msgspec.Meta(pattern="^[a-z0-9-]{1,32}$")]
_Key = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
_Id = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{16}$")]
_Digest = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]
_Version = Annotated[int, msgspec.Meta(ge=1, le=1000)]


class Control(msgspec.Struct, frozen=True, tag_field="type", forbid_unknown_fields=True):
    """What all of them are."""


class Hello(Control, tag="hello", frozen=True):
    """Who I am; the first message of both sides."""

    v: tuple[_Version, _Version]
    """The lowest and the highest version that it speaks."""
    node: _Name
    run: _Id
    relay_key: _Key
    rules: _Digest
    next_key: _Key | None = None


class Visit(Control, tag="visit", frozen=True):
    """A caller of mine wants to speak with this key."""

    visit: _Id
    source: _Key
    target: _Key
    address: Annotated[str, msgspec.Meta(max_length=64)]
    """The caller's address group, for the limits of the key."""
    wait_ms: Annotated[int, msgspec.Meta(ge=0, le=3_600_000)]


class Waiting(Control, tag="waiting", frozen=True):
    """There is no spare at the moment; it waits in my line."""


class Accepted(Control, tag="accepted", frozen=True):
    """It is joined; what I send from here on is for the caller."""


class Go(Control, tag="go", frozen=True):
    """What I send from here on comes from the caller."""


class Refused(Control, tag="refused", frozen=True):
    """No; the connection may be used again."""

    cause: Annotated[str, msgspec.Meta(max_length=40)]
    limit: Annotated[str, msgspec.Meta(max_length=60)]
    text: Annotated[str, msgspec.Meta(max_length=123)]


class Cancel(Control, tag="cancel", frozen=True):
    """Forget the visit."""


class Cancelled(Control, tag="cancelled", frozen=True):
    """It is forgotten; the connection may be used again."""


class Dismiss(Control, tag="dismiss", frozen=True):
    """I am going away: end these conversations properly."""

    visits: Annotated[Sequence[_Id], msgspec.Meta(max_length=MOST_DISMISSED)]


class Ping(Control, tag="ping", frozen=True):
    """Still there?"""


class Pong(Control, tag="pong", frozen=True):
    """Yes."""


Message = (
    Hello | Visit | Waiting | Accepted | Go | Refused | Cancel | Cancelled | Dismiss | Ping | Pong
)

_decoder: Final = msgspec.json.Decoder(Message)


def encode(message: Control) -> bytes:
    """The JSON of a message."""
    return msgspec.json.encode(message)


def decode(data: bytes) -> Message:
    """A message from its JSON.

    Raises:
        msgspec.DecodeError: it is none of ours.
    """
    message: Message = _decoder.decode(data)
    return message
