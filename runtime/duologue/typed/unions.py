"""Unions whose variants are told apart by a tag.

Of those that may grow, variants that this build does not know are kept, not refused.
"""

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


class TaggedUnion:
    """Annotates `A | B`: the variant is chosen by the field `tag`, which is called `wire` in JSON.

    pydantic's own discriminator would look for either name in either place.
    """

    def __init__(self, tag: str, *, wire: str | None = None) -> None:
        self.tag = tag
        self.wire = tag if wire is None else wire

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.tagged_union_schema(
            self._choices(source, handler), discriminator=self._tag_in
        )

    def _choices(self, source: Any, handler: GetCoreSchemaHandler) -> dict[str, CoreSchema]:
        variants = [each for each in get_args(source) if each is not Unknown]
        return {_tag_value(each, self.tag): handler.generate_schema(each) for each in variants}

    def _tag_in(self, value: Any) -> str | None:
        if isinstance(value, Mapping):
            tag = cast("Mapping[str, object]", value).get(self.wire)
        else:
            tag = getattr(value, self.tag, None)
        return tag if isinstance(tag, str) else None


class OpenUnion(TaggedUnion):
    """Annotates `A | B | Unknown`: the same, for a union that may grow.

    An object with an unknown tag becomes `Unknown`; one with no tag, or a tag that is no string, is
    refused.
    """

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        choices = self._choices(source, handler)
        known = frozenset(choices)

        def choose(value: Any) -> str | None:
            if isinstance(value, Unknown):
                return _UNKNOWN
            tag = self._tag_in(value)
            return tag if tag is None or tag in known else _UNKNOWN

        def keep(value: Any) -> Unknown:
            if isinstance(value, Unknown):
                return value
            if not isinstance(value, Mapping):
                raise PydanticCustomError("object_type", "Input should be an object")
            data = _json_object().validate_python(value)
            return Unknown(str(data[self.wire]), data)

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
            custom_error_message=f"Input should be an object whose `{self.wire}` is a string",
        )


def _tag_value(variant: type[BaseModel], tag: str) -> str:
    annotation = variant.model_fields[tag].annotation
    if get_origin(annotation) is not Literal:
        raise TypeError(f"{variant.__name__}.{tag} must be a Literal to tell the variants apart")
    return str(get_args(annotation)[0])
