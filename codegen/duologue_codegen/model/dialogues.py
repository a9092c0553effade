"""Dialogues: what two sides offer each other on one connection."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..diagnostics import Position
from ..names import pascal


@dataclass(frozen=True, slots=True)
class ServiceRef:
    """The name of a service of the same contract."""

    name: str
    at: Position = field(compare=False)


@dataclass(frozen=True, slots=True)
class Role:
    """One side of a dialogue, and what it offers."""

    name: str
    services: tuple[ServiceRef, ...]
    at: Position = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialogue:
    """Two sides that talk on one connection."""

    name: str
    roles: tuple[Role, ...]
    """Two of them in a contract without findings."""
    doc: str = ""
    deprecated: str | None = None
    at: Position = field(compare=False)

    def side_class(self, role: Role) -> str:
        """What generated code calls one of its sides: `ChatSession`, `host`: `ChatSessionHost`."""
        return f"{self.name}{pascal(role.name)}"

    def other(self, role: Role) -> Role:
        """The other one of its two roles."""
        first, second = self.roles
        return second if role is first else first
