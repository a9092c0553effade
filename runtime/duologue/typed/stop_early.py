"""Validation that stops at the first bad item of a list.

pydantic goes on to the end, and a megabyte of bad items costs it seconds and hundreds of megabytes.
"""

from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema

from duologue.protocol.values import is_object


def stop_early(schema: CoreSchema) -> CoreSchema:
    """Make every list in a core schema give up at its first bad item; changes `schema`."""
    todo: list[Any] = [schema]
    while todo:
        node = todo.pop()
        if is_object(node):
            if node.get("type") == "list":
                node["fail_fast"] = True
            todo += node.values()
        elif isinstance(node, list | tuple):
            todo += node
    return schema


class StopEarly:
    """`Annotated[list[Member], StopEarly()]`: the same for a type that is no model."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return stop_early(handler(source))
