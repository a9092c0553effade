"""What nodes say to each other over the bus: questions and answers, sealed. Pure.

A message is 24 random bytes and a box of one JSON object. Nothing here is believed for what a
client would get: an answer only says whom to ask over an authenticated connection.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Final, TypeVar

import msgspec

from duologue.errors import DecryptionFailed
from duologue.protocol.boxes import open_box, seal_box
from duologue.relay.cluster.cluster_keys import ClusterKeys

VERSION: Final = 1
MAX_BYTES: Final = 1024
"""Of a message, its seal included."""
MOST_FREE: Final = 99

NAME_PATTERN: Final = "^[a-z0-9-]{1,32}$"
_Name = Annotated[str, msgspec.Meta(pattern=NAME_PATTERN)]
_Key = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
AskId = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{16}$")]
_Link = Annotated[str, msgspec.Meta(min_length=3, max_length=262)]
_Digest = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]
_Version = Annotated[int, msgspec.Meta(ge=VERSION, le=VERSION)]
_Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class SpareState(StrEnum):
    """What a node that has a key can do for a visit."""

    FREE = "free"
    """It has a spare."""
    REFILLING = "refilling"
    """Its spares are used up, and its listener is expected back."""
    FULL = "full"
    """The key has all the pairs it may have there."""


class Find(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Who has this key?"""

    v: _Version
    ask: AskId
    key: _Key
    node: _Name
    """Who asks."""


class Have(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """I have it."""

    v: _Version
    ask: AskId
    node: _Name
    link: _Link
    state: SpareState
    free: Annotated[int, msgspec.Meta(ge=0, le=MOST_FREE)]


class FindNodes(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Who is there?"""

    v: _Version
    ask: AskId
    node: _Name


class NodeHere(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """I am."""

    v: _Version
    ask: AskId
    node: _Name
    link: _Link
    relay_key: _Key
    rules: _Digest
    """Of access rules and limits, so that differences are seen."""
    version: Annotated[str, msgspec.Meta(max_length=40)]
    spares: _Count
    pairs: _Count
    run: AskId
    """Random, made when it was started."""


BusMessage = Find | Have | FindNodes | NodeHere
MessageT = TypeVar("MessageT", Find, Have, FindNodes, NodeHere)


class BadBusMessage(ValueError):
    """A message that is dropped; the text is one of a few words, for counting."""


def seal(message: BusMessage, keys: ClusterKeys, nonce: bytes) -> bytes:
    """The bytes on the bus. `nonce` is random, 24 bytes."""
    return seal_box(msgspec.json.encode(message), keys.bus, nonce)


def open_message(
    data: bytes, accepted: Sequence[ClusterKeys], kind: type[MessageT]
) -> tuple[MessageT, ClusterKeys]:
    """Read a message that must be of this kind; also whose keys it was sealed with.

    Raises:
        BadBusMessage: it is too large, sealed by somebody else, or something else.
    """
    if len(data) > MAX_BYTES:
        raise BadBusMessage("too_large")
    for keys in accepted:
        try:
            plain = open_box(data, keys.bus)
        except DecryptionFailed:
            continue
        try:
            return msgspec.json.decode(plain, type=kind), keys
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise BadBusMessage("malformed") from None
    raise BadBusMessage("not_sealed")
