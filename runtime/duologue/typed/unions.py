"""Unions that may grow: variants this build does not know are kept, not refused."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal, cast, get_args, get_origin

from pydantic import BaseModel, GetCoreSchemaHandler, JsonValue, TypeAdapter
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

_UNKNOWN: Final = "\0unknown"


@cache
def _json_object() -> TypeAdapter[dict[str, JsonValue]]:
    # Made late: the first adapter of a process costs more than the rest of this import, because
    # pydantic looks for plugins in every installed distribution.
    return TypeAdapter(dict[str, JsonValue])


@dataclass(frozen=True, slots=True)
class Unknown:
    """A variant of an open union that this build's contract does not have.

    It is sent on exactly as it came.
    """

    tag: str
    """The value of the tag field."""
    data: Mapping[str, JsonValue]
    """The whole object, the tag field included."""


class OpenUnion:
    """Annotates `A | B | Unknown`: the variant is chosen by the field `tag`.

    An object with an unknown tag becomes `Unknown`; one with no tag, or a tag that is no string, is
    refused.
    """

    def __init__(self, tag: str) -> None:
        self.tag = tag

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        variants = [each for each in get_args(source) if each is not Unknown]
        choices: dict[str, CoreSchema] = {
            _tag_value(variant, self.tag): handler.generate_schema(variant) for variant in variants
        }
        known = frozenset(choices)

        def choose(value: Any) -> str | None:
            if isinstance(value, Unknown):
                return _UNKNOWN
            if isinstance(value, Mapping):
                tag = cast("Mapping[str, object]", value).get(self.tag)
            else:
                tag = getattr(value, self.tag, None)
            if not isinstance(tag, str):
                return None
            return tag if tag in known else _UNKNOWN

        def keep(value: Any) -> Unknown:
            if isinstance(value, Unknown):
                return value
            if not isinstance(value, Mapping):
                raise PydanticCustomError("object_type", "Input should be an object")
            data = _json_object().validate_python(value)
            return Unknown(str(data[self.tag]), data)

        choices[_UNKNOWN] = core_schema.no_info_plain_validator_function(
            keep,
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda unknown: dict(unknown.data)
            ),
        )
        return core_schema.tagged_union_schema(
            choices,
            discriminator=choose,
            custom_error_type="union_tag_missing",
            custom_error_message=f"Input should be an object whose `{self.tag}` is a string",
        )


def _tag_value(variant: type[BaseModel], tag: str) -> str:
    annotation = variant.model_fields[tag].annotation
    if get_origin(annotation) is not Literal:
        raise TypeError(f"{variant.__name__}.{tag} must be a Literal to tell the variants apart")
    return str(get_args(annotation)[0])
