"""What a type is, in words for findings."""

from __future__ import annotations

from ..model import AliasType, EnumType, ObjectType, SchemaType, TypeDef, UnionType


def kind_of_type(type_: TypeDef) -> str:
    """`an object`, and so on."""
    match type_:
        case ObjectType():
            return "an object"
        case EnumType():
            return "an enum"
        case UnionType():
            return "a union"
        case AliasType():
            return "an alias"
        case SchemaType():
            return "a raw schema"
