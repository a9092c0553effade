"""Bytes of a contract's types: base64 in JSON, or a part beside it (PROTOCOL 12).

pydantic is given `Parts` as context when a value is written for a peer that takes parts, and
`ReceivedParts` when a parcel is read. Without context all bytes are base64.

pydantic's own base64 is that of URLs, with `-` and `_`, which many readers refuse. It is read too.
"""

from base64 import b64encode
from collections.abc import Callable
from typing import Any, Final

from pydantic import GetCoreSchemaHandler, SerializationInfo, ValidationInfo
from pydantic_core import CoreSchema, core_schema

from duologue.limits import PART_ABOVE_BYTES
from duologue.protocol.parcels import Parts, ReceivedParts
from duologue.protocol.values import is_object
from duologue.typed.core_schemas import Node, nodes

_MARK: Final = "duologue_bytes_beside"
_SHORT: Final = "duologue_short_bytes"


def let_bytes_travel_beside(schema: CoreSchema, handler: GetCoreSchemaHandler) -> CoreSchema:
    """Make all bytes in a core schema ready for both ways; those that are always short stay."""
    for node in nodes(schema, handler, enters=_is_unmarked):
        if node.get("type") != "bytes" or not _is_unmarked(node):
            continue
        if node.get("max_length", PART_ABOVE_BYTES + 1) > PART_ABOVE_BYTES:
            plain: Any = dict(node)
            node.clear()
            node.update(_both_ways(plain))
        else:
            node["serialization"] = _WRITING_SHORT
            node["metadata"] = {**node.get("metadata", {}), _SHORT: True}
    return schema


def holds_bytes(schema: CoreSchema) -> bool:
    """Whether a value of this schema may have bytes that travel beside it."""
    return any(_has(node, _MARK) for node in nodes(schema, enters=_is_unmarked))


class BytesBeside:
    """`Annotated[bytes, BytesBeside()]`: the same for a type that is no model."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return let_bytes_travel_beside(handler(source), handler)


def _both_ways(plain: Any) -> CoreSchema:
    # The name of an alias belongs to the whole, and to nothing in it.
    name = plain.pop("ref", None)
    lax: Any = {**plain, "strict": False}
    return core_schema.json_or_python_schema(
        # pydantic has made a Python string of the JSON by then, which strict bytes refuse.
        json_schema=core_schema.with_info_wrap_validator_function(_read, lax),
        python_schema=plain,
        serialization=core_schema.wrap_serializer_function_ser_schema(
            _write, info_arg=True, schema=core_schema.bytes_schema(), when_used="json"
        ),
        ref=name,
        metadata={_MARK: True},
    )


def _read(value: Any, read_plain: Callable[[Any], bytes], info: ValidationInfo[Any]) -> bytes:
    if type(value) is int and isinstance(info.context, ReceivedParts):
        part = info.context.take(value)
        if part is not None:
            return read_plain(part)
    return read_plain(value)


def _write(value: Any, write_plain: Callable[[Any], Any], info: SerializationInfo[Any]) -> Any:
    if isinstance(info.context, Parts) and isinstance(value, bytes):
        index = info.context.take(value)
        if index is not None:
            return index
    return _write_short(value, write_plain)


def _write_short(value: Any, write_plain: Callable[[Any], Any]) -> Any:
    # What was spoiled later is no bytes: pydantic has a warning for it.
    return b64encode(value).decode() if isinstance(value, bytes) else write_plain(value)


_WRITING_SHORT: Final = core_schema.wrap_serializer_function_ser_schema(
    _write_short, schema=core_schema.bytes_schema(), when_used="json"
)


def _is_unmarked(node: Node) -> bool:
    return not (_has(node, _MARK) or _has(node, _SHORT))


def _has(node: Node, mark: str) -> bool:
    metadata = node.get("metadata")
    return is_object(metadata) and mark in metadata
