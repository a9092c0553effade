"""Large bytes that travel beside the JSON of a message instead of inside it (PROTOCOL 12)."""

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from duologue.limits import MAX_PARTS, PART_ABOVE_BYTES


class Parcel(NamedTuple):
    """A JSON text and what travels beside it.

    Where the text would hold bytes in base64, it may hold the index of a part instead.
    """

    text: bytes
    parts: Sequence[bytes]


Payload: TypeAlias = bytes | Parcel
"""The arguments of a call or its result: JSON, alone or with parts."""


def split(payload: Payload) -> tuple[bytes, Sequence[bytes]]:
    """The text of a payload, and its parts."""
    return (payload.text, payload.parts) if isinstance(payload, Parcel) else (payload, ())


def size_of(payload: Payload) -> int:
    """Bytes of text and parts together."""
    text, parts = split(payload)
    return len(text) + sum(map(len, parts))


class Parts(list[bytes]):
    """Collects the parts of one parcel while its text is written."""

    in_a_string = False
    """Set while JSON is written that will be a string in the text: whatever is in it stays there,
    since nobody who reads the text looks into its strings."""

    def take(self, value: bytes) -> int | None:
        """The index under which `value` travels; None if it is too short for that, or one of too
        many, or in a string: then it stays in the text."""
        if len(value) <= PART_ABOVE_BYTES or len(self) >= MAX_PARTS or self.in_a_string:
            return None
        self.append(value)
        return len(self) - 1

    def with_text(self, text: bytes) -> Payload:
        """What is to be sent."""
        return Parcel(text, self) if self else text


class ReceivedParts:
    """The parts of one parcel while its text is read."""

    def __init__(self, parts: Sequence[bytes]) -> None:
        self._left: list[bytes | None] = list(parts)

    def take(self, index: int) -> bytes | None:
        """The part `index`, once; None if there is no such, or it has been taken.

        A text that could name one part a hundred thousand times would make a handler that joins
        what it got, or sends it back, do so with far more than `max_message_bytes`.
        """
        if not 0 <= index < len(self._left):
            return None
        part, self._left[index] = self._left[index], None
        return part
