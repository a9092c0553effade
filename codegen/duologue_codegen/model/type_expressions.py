"""How a contract says of what type something is: `optional list of common.User`."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, TypeAlias

from ..diagnostics import Position


class ScalarKind(StrEnum):
    """The scalar types, spelled as in a contract."""

    STRING = "string"
    INT = "int"
    """A whole number of at most ±(2^53 - 1): a JSON number every language keeps exactly."""
    INT32 = "int32"
    INT64 = "int64"
    """A decimal string on the wire."""
    UINT32 = "uint32"
    UINT64 = "uint64"
    """A decimal string on the wire."""
    FLOAT = "float"
    BOOL = "bool"
    BYTES = "bytes"
    DATETIME = "datetime"
    DATE = "date"
    TIME = "time"
    DURATION = "duration"
    UUID = "uuid"
    DECIMAL = "decimal"
    URL = "url"
    JSON = "json"


WHOLE_NUMBERS: Final = frozenset(
    {ScalarKind.INT, ScalarKind.INT32, ScalarKind.INT64, ScalarKind.UINT32, ScalarKind.UINT64}
)

NUMBERS_IN_JSON: Final = WHOLE_NUMBERS - {ScalarKind.INT64, ScalarKind.UINT64}
"""Those that are numbers in JSON, too. The others are text there, since not every language has
numbers of 64 bits."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """A scalar type, such as `string`."""

    kind: ScalarKind
    at: Position = field(compare=False)


@dataclass(frozen=True, slots=True)
class Ref:
    """A named type: `Member`, or `common.User` through an import."""

    package: str
    """The package that declares it, with the alias already resolved."""
    name: str
    alias: str | None
    """The import alias it was written with; None for a type of the same contract."""
    at: Position = field(compare=False)


@dataclass(frozen=True, slots=True)
class OptionalOf:
    """`optional T`: null is a value, and the default. Never holds another `OptionalOf`."""

    of: TypeExpr
    at: Position = field(compare=False)


@dataclass(frozen=True, slots=True)
class ListOf:
    """`list of T`."""

    of: TypeExpr
    at: Position = field(compare=False)


@dataclass(frozen=True, slots=True)
class MapOf:
    """`map of T`, or `map of K to T`."""

    key: Scalar | Ref | None
    """A whole number, an alias of one or of a string, or an enum; None when any string is a key.

    Numbers are keys of a JSON object as their decimal digits.
    """
    value: TypeExpr
    at: Position = field(compare=False)


@dataclass(frozen=True, slots=True)
class TextOf:
    """`text of T`: a string that holds the JSON of a `T`."""

    of: TypeExpr
    at: Position = field(compare=False)


@dataclass(frozen=True, slots=True)
class OneOf:
    """`A or B`: one of several types, which JSON tells apart by itself.

    None of them is optional, and none is another `OneOf`.
    """

    forms: tuple[TypeExpr, ...]
    """Two or more, in the order of the file."""
    at: Position = field(compare=False)


TypeExpr: TypeAlias = Scalar | Ref | OptionalOf | ListOf | MapOf | TextOf | OneOf


class StreamKind(StrEnum):
    """What the pieces of a stream are, spelled as in a contract."""

    BYTES = "byte stream"
    TEXT = "text stream"
    ANY = "stream"
    """Bytes or text, as the serving side chooses."""


@dataclass(frozen=True, slots=True)
class StreamOf:
    """`byte stream`, `text stream` or `stream`: a result that is no value and comes in pieces."""

    kind: StreamKind
    at: Position = field(compare=False)


def without_optional(expression: TypeExpr) -> TypeExpr:
    """The type inside `optional`, which is what constraints and non-null defaults speak of."""
    return expression.of if isinstance(expression, OptionalOf) else expression
