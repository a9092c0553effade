"""The objects of a pydantic core schema, for those who look for some or change them."""

from collections.abc import Callable, Iterator
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema

from duologue.protocol.values import is_object

Node = dict[str, Any]


def _always(_node: Node) -> bool:
    return True


def nodes(
    schema: CoreSchema,
    handler: GetCoreSchemaHandler | None = None,
    *,
    enters: Callable[[Node], bool] = _always,
) -> Iterator[Node]:
    """Every object in `schema`; with `handler`, in the aliases that it names, too.

    It does not go into other models by their names: those see to themselves. An object may be
    changed when it is handed out; `enters` is asked then whether to look into it.
    """
    todo: list[Any] = [schema]
    seen: set[str] = set()
    while todo:
        node = todo.pop()
        if is_object(node):
            yield node
            if enters(node):
                todo += node.values()
                if handler is not None and node.get("type") == "definition-ref":
                    todo += _alias(node, handler, seen)
        elif isinstance(node, list | tuple):
            todo += node


def _alias(reference: Any, handler: GetCoreSchemaHandler, seen: set[str]) -> list[Any]:
    name: str = reference["schema_ref"]
    if name in seen:
        return []
    seen.add(name)
    try:
        named: Any = handler.resolve_ref_schema(reference)
    except LookupError:
        # A circle: what it names is being made.
        return []
    return [] if named["type"] == "model" else [named]
