"""Values that pydantic alone would write or read as other ones: they stay exact, or are refused.

* A datetime whose offset has seconds (all places had such ones, before there were time zones) is
  written in UTC: the offsets of JSON have minutes. It stays the same instant.
* A time of day with such an offset is refused: without a day it has no other form.
* A decimal is a string in JSON. A number would have been rounded by whoever read it.
"""

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from duologue.protocol.values import is_object
from duologue.typed.core_schemas import Node, nodes

_MARK: Final = "duologue_exact"
_MINUTE: Final = timedelta(minutes=1)
_NONE: Final = timedelta(0)

_DECIMAL: Final = r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$"


def keep_exact(schema: CoreSchema, handler: GetCoreSchemaHandler) -> CoreSchema:
    """See to every datetime, time and decimal in a core schema; changes `schema`."""
    for node in nodes(schema, handler, enters=_is_unmarked):
        change = _CHANGES.get(str(node.get("type")))
        if change is not None and _is_unmarked(node):
            plain: Any = dict(node)
            node.clear()
            node.update(change(plain))
            node["metadata"] = {**plain.get("metadata", {}), _MARK: True}
    return schema


class Exact:
    """`Annotated[datetime, Exact()]`: the same for a type that is no model."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return keep_exact(handler(source), handler)


def _datetime(plain: Any) -> Any:
    return _written(plain, _with_whole_minutes, core_schema.datetime_schema())


def _time(plain: Any) -> Any:
    return _written(plain, _only_whole_minutes, core_schema.time_schema())


def _written(plain: Any, change: Callable[[Any], Any], then: CoreSchema) -> Any:
    writing = core_schema.plain_serializer_function_ser_schema(
        change, return_schema=then, when_used="json"
    )
    return {**plain, "serialization": writing}


def _decimal(plain: Any) -> Any:
    # The name of an alias belongs to the whole, and to nothing in it.
    name = plain.pop("ref", None)
    digits: Any = {**plain, "strict": False}
    text = core_schema.custom_error_schema(
        core_schema.str_schema(pattern=_DECIMAL, strict=True),
        "decimal_text",
        custom_error_message='Input should be a decimal number in quotes, such as "12.50"',
    )
    return core_schema.json_or_python_schema(
        json_schema=core_schema.chain_schema([text, digits]),
        python_schema=plain,
        ref=name,
    )


_CHANGES: Final[dict[str, Callable[[Any], Any]]] = {
    "datetime": _datetime,
    "decimal": _decimal,
    "time": _time,
}


def _with_whole_minutes(value: datetime) -> datetime:
    if value.tzinfo is UTC:
        return value
    offset = value.utcoffset()
    if offset is None or offset % _MINUTE == _NONE:
        return value
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("this datetime has no form in UTC") from None


def _only_whole_minutes(value: time) -> time:
    offset = value.utcoffset()
    if offset is not None and offset % _MINUTE != _NONE:
        raise ValueError("the offset of a time has whole minutes")
    return value


def _is_unmarked(node: Node) -> bool:
    metadata = node.get("metadata")
    return not (is_object(metadata) and _MARK in metadata)
