"""Services of a contract."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from ..diagnostics import Position
from .errors import ErrorRef
from .events import Event
from .methods import Method
from .types import ReservedName

MAX_ID: Final = 16383
MAX_BASE: Final = 2**53 - 1 - MAX_ID
"""Above it, a number on the wire would no longer be exact in JavaScript."""


@dataclass(frozen=True, slots=True)
class ReservedId:
    """An id that was used once and must not come back."""

    id: int
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

    @property
    def last_number(self) -> int:
        """The highest number on the wire that it uses; its base where nothing has an id."""
        return self.base + max((one.id for one in self.numbered), default=0)
