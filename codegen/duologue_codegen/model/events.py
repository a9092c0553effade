"""Events: what a service tells whoever listens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..diagnostics import Position
from ..text.tree import Node
from .type_expressions import Ref
from .types import Field


@dataclass(frozen=True, slots=True)
class InlinePayload:
    """What an event carries, written where the event is."""

    fields: Mapping[str, Field]
    at: Position = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventExample:
    """One event as it may happen."""

    name: str
    payload: Node | None = None
    at: Position = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What a service tells whoever listens."""

    name: str
    id: int
    """From the same numbers as those of methods. 0 when there is none."""
    id_at: Position = field(compare=False)
    payload: InlinePayload | Ref
    """A `Ref` means an object type."""
    doc: str = ""
    deprecated: str | None = None
    examples: tuple[EventExample, ...] = ()
    at: Position = field(compare=False)
