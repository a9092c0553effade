"""How deep values may be nested: as deep as the parser of the other side can read."""

from typing import Any

from pydantic_core import CoreSchema

from duologue.errors import Problem
from duologue.limits import MAX_VALUE_DEPTH
from duologue.protocol.depth import is_deeper_than
from duologue.protocol.values import is_object
from duologue.typed.core_schemas import nodes

TOO_DEEP = f"Input is nested more than {MAX_VALUE_DEPTH} levels"


def may_be_deep(schema: CoreSchema) -> bool:
    """Whether values of a whole core schema have no bound of their own: a type contains itself."""
    inner: dict[str, set[str]] = {}
    for node in nodes(schema):
        for definition in _definitions(node):
            names = (each["schema_ref"] for each in nodes(definition) if "schema_ref" in each)
            inner[definition["ref"]] = set(names)
    return any(_reaches(name, name, inner) for name in inner)


def _definitions(node: dict[str, Any]) -> list[Any]:
    stated = node.get("definitions") if node.get("type") == "definitions" else None
    return [each for each in stated or () if is_object(each) and "ref" in each]


def _reaches(start: str, goal: str, inner: dict[str, set[str]]) -> bool:
    seen: set[str] = set()
    todo = [start]
    while todo:
        fresh = inner.get(todo.pop(), set()) - seen
        if goal in fresh:
            return True
        seen |= fresh
        todo += fresh
    return False


def too_deep(text: bytes) -> Problem | None:
    """What is wrong with the JSON of a value that nobody could read; None if all is well."""
    if len(text) > 2 * MAX_VALUE_DEPTH and is_deeper_than(text.decode(), MAX_VALUE_DEPTH):
        return Problem("", TOO_DEEP)
    return None
