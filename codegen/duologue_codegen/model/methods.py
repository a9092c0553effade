"""Methods of a service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from ..diagnostics import Position
from ..text.tree import Node
from .errors import ErrorRef
from .numbered import Numbered
from .type_expressions import Ref, StreamOf, TypeExpr
from .types import Field

Effect: TypeAlias = Literal["read", "idempotent", "write"]


@dataclass(frozen=True, slots=True)
class InlineParams:
    """Params written where the method is. There is at least one field."""

    fields: Mapping[str, Field]
    at: Position = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodExample:
    """One call of a method and what came of it: `returns`, or an error, and items before that."""

    name: str
    params: Node | None = None
    sends: tuple[Node, ...] | None = None
    """The caller's items; None when the example does not speak of them."""
    yields: tuple[Node, ...] | None = None
    returns: Node | None = None
    error: ErrorRef | None = None
    error_fields: Node | None = None
    at: Position = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Method(Numbered):
    """One callable of a service."""

    params: InlineParams | Ref | None = None
    positional: bool = False
    """`args: positional`: each field of the params is an argument, in their order."""
    sends: TypeExpr | None = None
    """Of one item that the caller sends; None: it sends none."""
    yields: TypeExpr | None = None
    """Of one item that the caller gets before the result; None: it gets none."""
    returns: TypeExpr | StreamOf | None = None
    errors: tuple[ErrorRef, ...] = ()
    """Its own; `Contract.errors_of` adds those of the service."""
    effect: Effect = "write"
    timeout_s: float | None = None
    """Of the whole call; with items, of the time to the first of them."""
    idle_timeout_s: float | None = None
    """How long a reader waits for the next item."""
    ignores_cancel: bool = False
    """`cancel: ignore`: a call that has begun runs to its end."""
    since: str | None = None
    examples: tuple[MethodExample, ...] = ()

    @property
    def has_items(self) -> bool:
        """Whether items travel before the result."""
        return self.sends is not None or self.yields is not None
