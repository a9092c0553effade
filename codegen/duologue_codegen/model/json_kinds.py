"""What a value of a type is in JSON: by that, the alternatives of `A or B` are told apart."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Final

from ..text.tree import ListNode, MapNode, Node, ScalarNode
from .contract import Contract
from .type_expressions import (
    NUMBERS_IN_JSON,
    ListOf,
    MapOf,
    OneOf,
    OptionalOf,
    Ref,
    Scalar,
    ScalarKind,
    TextOf,
    TypeExpr,
)
from .types import AliasType, EnumType, ObjectType, SchemaType, UnionType
from .walk import meaning


class JsonKind(StrEnum):
    """The kinds of JSON values but null, as JSON Schema calls them."""

    STRING = "string"
    NUMBER = "number"
    BOOLEAN = "boolean"
    ARRAY = "array"
    OBJECT = "object"


_SCALARS: Final = {
    **dict.fromkeys(NUMBERS_IN_JSON, JsonKind.NUMBER),
    ScalarKind.FLOAT: JsonKind.NUMBER,
    ScalarKind.BOOL: JsonKind.BOOLEAN,
}
"""All others are strings."""

_SCHEMA_TYPES: Final = {
    "string": JsonKind.STRING,
    "integer": JsonKind.NUMBER,
    "number": JsonKind.NUMBER,
    "boolean": JsonKind.BOOLEAN,
    "array": JsonKind.ARRAY,
    "object": JsonKind.OBJECT,
}


def json_kind(expression: TypeExpr, home: Contract) -> JsonKind | None:
    """The one kind that all values of `expression`, written in `home`, have.

    None where there is no such kind: `json`, an optional, several types, or nothing known.
    """
    found = meaning(expression, home)
    if found is None or isinstance(expression, OptionalOf):
        return None
    type_, home = found
    match type_:
        case Scalar(kind=ScalarKind.JSON) | OneOf() | OptionalOf():
            return None
        case Scalar(kind=kind):
            return _SCALARS.get(kind, JsonKind.STRING)
        case ListOf():
            return JsonKind.ARRAY
        case MapOf():
            return JsonKind.OBJECT
        case TextOf():
            return JsonKind.STRING
        case Ref():
            return _named(type_, home)


def kind_of_node(node: Node) -> JsonKind | None:
    """The kind of a value; None for null."""
    match node:
        case MapNode():
            return JsonKind.OBJECT
        case ListNode():
            return JsonKind.ARRAY
        case ScalarNode(data=bool()):
            return JsonKind.BOOLEAN
        case ScalarNode(data=str()):
            return JsonKind.STRING
        case ScalarNode(data=None):
            return None
        case ScalarNode():
            return JsonKind.NUMBER


def form_for(node: Node, type_: OneOf, home: Contract) -> TypeExpr | None:
    """The alternative that `node` is meant for."""
    kind = kind_of_node(node)
    return next((form for form in type_.forms if kind and json_kind(form, home) is kind), None)


def _named(ref: Ref, home: Contract) -> JsonKind | None:
    match home.resolve(ref):
        case ObjectType() | UnionType():
            return JsonKind.OBJECT
        case EnumType(of_numbers=of_numbers):
            return JsonKind.NUMBER if of_numbers else JsonKind.STRING
        case SchemaType(schema=schema):
            kinds = set(_schema_kinds(schema))
            return kinds.pop() if len(kinds) == 1 else None
        case AliasType() | None:
            return None


def _schema_kinds(schema: MapNode) -> Iterator[JsonKind]:
    if schema.get("properties") is not None or schema.get("oneOf") is not None:
        yield JsonKind.OBJECT
    if schema.get("enum") is not None or schema.get("const") is not None:
        yield JsonKind.STRING
    stated = schema.get("type")
    names = stated.data if isinstance(stated, ListNode) else [stated.data] if stated else []
    yield from (
        _SCHEMA_TYPES[name] for name in names if isinstance(name, str) and name in _SCHEMA_TYPES
    )
