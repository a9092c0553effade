"""One of several plain types: the kind of the JSON value says which."""

from collections.abc import Mapping
from types import NoneType
from typing import Any, Literal, TypeAlias, get_args

from pydantic import BaseModel, GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from duologue.typed.unions import Unknown

JsonKind: TypeAlias = Literal["string", "number", "boolean", "array", "object"]
"""What a value is in JSON, null apart."""


class OneOf:
    """`Annotated[str | Address, OneOf("string", "object")]`: at most one type of each kind.

    The kinds are those of the types, in their order; None may come behind them. Three types or more
    are written `Union[A, B, C]`: in `A | B | C`, `typing` may put `B | A` for `A | B`, if it met
    that first. A value belongs to the type of its kind or to none: nothing is tried, so nothing is
    guessed. Two of these are never equal, so that none stands for another whose types are in
    another order.
    """

    def __init__(self, *kinds: JsonKind) -> None:
        self.kinds = kinds

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        forms = [each for each in get_args(source) if each is not NoneType]
        choices: dict[JsonKind, CoreSchema] = {
            kind: handler.generate_schema(form)
            for kind, form in zip(self.kinds, forms, strict=True)
        }

        def choose(value: Any) -> JsonKind | None:
            kind = _kind_of(value)
            if kind in choices:
                return kind
            # An `int64` is an int here and text there.
            return "string" if kind == "number" and "string" in choices else None

        union = core_schema.tagged_union_schema(
            choices,
            discriminator=choose,
            custom_error_type="no_such_alternative",
            custom_error_message=f"Input should be {_listed(self.kinds)}",
        )
        is_nullable = len(forms) < len(get_args(source))
        return core_schema.nullable_schema(union) if is_nullable else union


def _kind_of(value: object) -> JsonKind | None:
    """What `value` is in JSON, or came as; enums are texts and numbers."""
    match value:
        case None:
            return None
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case list() | tuple():
            return "array"
        case Mapping() | BaseModel() | Unknown():
            return "object"
        case _:
            # Dates, decimals and the like are text in JSON.
            return "string"


def _listed(kinds: tuple[JsonKind, ...]) -> str:
    words = [f"{'an' if kind[0] in 'ao' else 'a'} {kind}" for kind in kinds]
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))
