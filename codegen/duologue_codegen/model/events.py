"""Events: what a service tells whoever listens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import Literal, TypeAlias

from ..diagnostics import Position
from ..text.tree import Node
from .numbered import Numbered
from .type_expressions import Ref
from .types import Field

WhenFull: TypeAlias = Literal["drop_oldest", "close"]


@dataclass(frozen=True, slots=True)
class InlinePayload:
    """What an event carries, written where the event is."""

    fields: Mapping[str, Field]
    at: Position = dataclass_field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventExample:
    """One event as it may happen."""

    name: str
    payload: Node | None = None
    at: Position = dataclass_field(compare=False)


@dataclass(frozen=True, slots=True)
class EventKey:
    """The field by which one subscribes to an event."""

    field: str
    """Its name in the contract."""
    at: Position = dataclass_field(compare=False)


@dataclass(frozen=True, slots=True)
class Buffer:
    """What may wait for a subscriber that is slow, and what happens above that."""

    max: int = 64
    """Events."""
    when_full: WhenFull = "drop_oldest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event(Numbered):
    """What a service tells whoever listens."""

    payload: InlinePayload | Ref
    """A `Ref` means an object type."""
    key: EventKey | None = None
    replay: int = 0
    """How many of each key are kept for those who come late."""
    buffer: Buffer = Buffer()
    examples: tuple[EventExample, ...] = ()
