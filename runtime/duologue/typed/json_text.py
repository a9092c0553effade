"""JSON inside of a string: what a service hands on as text, and both sides read."""

from collections.abc import Callable
from typing import Any

from pydantic import GetCoreSchemaHandler, SerializationInfo
from pydantic_core import CoreSchema, core_schema, to_json

from duologue.protocol.parcels import Parts


class JsonText:
    """`Annotated[Order, JsonText()]`: an `Order` in Python, a string that holds its JSON outside.

    It is as strict inside of the string as outside. Nulls and unknown fields are those of the type.
    """

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        inner = handler(source)
        return core_schema.json_or_python_schema(
            json_schema=core_schema.json_schema(inner),
            python_schema=inner,
            serialization=core_schema.wrap_serializer_function_ser_schema(
                _write, schema=inner, info_arg=True, when_used="json"
            ),
        )


def _write(value: Any, write: Callable[[Any], Any], info: SerializationInfo[Any]) -> str:
    parts = info.context
    if not isinstance(parts, Parts) or parts.in_a_string:
        return to_json(write(value)).decode()
    parts.in_a_string = True
    try:
        return to_json(write(value)).decode()
    finally:
        parts.in_a_string = False
