"""Services of a contract: methods, events and errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from ..diagnostics import Position
from ..tree import Node
from ..type_expressions import Ref, StreamOf, TypeExpr
from .types import Field, ReservedName


@dataclass(frozen=True, slots=True)
class ReservedId:
    """An id that was used once and must not come back."""

    id: int
    at: Position = field(compare=False)


@dataclass(frozen=True, slots=True)
class Placeholder:
    """`{room}` in an error's message: stands for a field."""

    name: str
    at: Position = field(compare=False)


@dataclass(frozen=True, slots=True)
class MessageTemplate:
    """What an error says to a person: text with placeholders."""

    parts: tuple[str | Placeholder, ...]
    """In order. `{{` and `}}` have already become single braces."""
    at: Position = field(compare=False)


Retry: TypeAlias = Literal["never", "now", "later"]
Effect: TypeAlias = Literal["read", "idempotent", "write"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorDef:
    """A declared error."""

    name: str
    code: str
    """Its identity on the wire, unique in the contract."""
    code_at: Position = field(compare=False)
    """Where the code is written, or the name it was made from."""
    fields: Mapping[str, Field]
    message: MessageTemplate | None = None
    retry: Retry = "never"
    doc: str = ""
    deprecated: str | None = None
    reserved: tuple[ReservedName, ...] = ()
    at: Position = field(compare=False)


@dataclass(frozen=True, slots=True)
class ErrorRef:
    """The name of a declared error in an `errors` list."""

    name: str
    at: Position = field(compare=False)


@dataclass(frozen=True, slots=True)
class InlineParams:
    """Params written where the method is. There is at least one field."""

    fields: Mapping[str, Field]
    at: Position = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodExample:
    """One call of a method and what came of it: `returns`, or an error."""

    name: str
    params: Node | None = None
    returns: Node | None = None
    error: ErrorRef | None = None
    error_fields: Node | None = None
    at: Position = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One callable of a service."""

    name: str
    id: int
    """The number under which it goes over the wire is `service.base + id`. 0 when there is none."""
    id_at: Position = field(compare=False)
    params: InlineParams | Ref | None = None
    positional: bool = False
    """`args: positional`: each field of the params is an argument, in their order."""
    returns: TypeExpr | StreamOf | None = None
    errors: tuple[ErrorRef, ...] = ()
    """Its own; `Contract.errors_of` adds those of the service."""
    effect: Effect = "write"
    timeout_s: float | None = None
    doc: str = ""
    since: str | None = None
    deprecated: str | None = None
    examples: tuple[MethodExample, ...] = ()
    at: Position = field(compare=False)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What one side offers to the other."""

    name: str
    base: int = 0
    base_at: Position = field(compare=False)
    """Where `base` is written, or the service's name."""
    methods: Mapping[str, Method]
    events: Mapping[str, Event] = field(default_factory=dict[str, Event])
    errors: tuple[ErrorRef, ...] = ()
    """Any method may raise these."""
    reserved_ids: tuple[ReservedId, ...] = ()
    reserved_names: tuple[ReservedName, ...] = ()
    doc: str = ""
    deprecated: str | None = None
    at: Position = field(compare=False)

    @property
    def numbered(self) -> tuple[Method | Event, ...]:
        """Everything with an id, in the order of the file."""
        everything: list[Method | Event] = [*self.methods.values(), *self.events.values()]
        return tuple(sorted(everything, key=lambda one: (one.at.line, one.at.column)))
