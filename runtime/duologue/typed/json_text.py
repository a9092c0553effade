"""JSON inside of a string: what a service hands on as text, and both sides read."""

from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema, to_json


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
                _write, schema=inner, when_used="json"
            ),
        )


def _write(value: Any, write: core_schema.SerializerFunctionWrapHandler) -> str:
    return to_json(write(value)).decode()
