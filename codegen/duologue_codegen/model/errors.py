"""Errors that a contract declares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from ..diagnostics import Position
from .types import Field, ReservedName

Retry: TypeAlias = Literal["never", "now", "later"]


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
