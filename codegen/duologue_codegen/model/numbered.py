"""What methods and events have in common: a name, and a number on the wire."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..diagnostics import Position


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbered:
    """Something of a service that is told apart by a number: `service.base + id`."""

    name: str
    id: int
    """From one row of numbers for all methods and events of the service. 0 when there is none."""
    id_at: Position = field(compare=False)
    """Where `id` is written, or the name."""
    doc: str = ""
    deprecated: str | None = None
    at: Position = field(compare=False)
