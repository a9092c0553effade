"""Values against raw JSON Schema of the accepted subset.

What is misshapen in the schema itself is passed over here; the rule `schema-subset` reports it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final, TypeAlias

from ..diagnostics import Position, quoted
from ..model import REF_PREFIX, ScalarKind
from ..text.tree import Data, ListNode, MapNode, Node, ScalarNode
from .patterns import matches
from .scalars import fits

SchemaMisfits: TypeAlias = Iterator[tuple[Position, str]]
ByRef: TypeAlias = Callable[[str, Node], SchemaMisfits]
"""Judges a node by a type of the contract, by its name."""

FORMATS: Final[Mapping[str, ScalarKind | None]] = {
    "binary": ScalarKind.BYTES,
    "date": ScalarKind.DATE,
    "date-time": ScalarKind.DATETIME,
    "decimal": ScalarKind.DECIMAL,
    "duration": ScalarKind.DURATION,
    "email": None,
    "time": ScalarKind.TIME,
    "uri": ScalarKind.URL,
    "uuid": ScalarKind.UUID,
}
"""The values of `format`, and which scalar of the language each is; None for none."""

_MAX_EMAIL: Final = 254
"""Characters."""
_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+")


def format_fits(node: Node, format_: str) -> bool:
    """Whether a text is of one of `FORMATS`."""
    kind = FORMATS[format_]
    if kind is not None:
        return fits(node, kind)
    text = _text(node) or ""
    return len(text) <= _MAX_EMAIL and _EMAIL.fullmatch(text) is not None


def schema_misfits(node: Node, schema: MapNode, by_ref: ByRef) -> SchemaMisfits:
    """Everything in `node` that `schema` does not allow: where it stands, and what it is."""
    keywords = dict(schema)
    ref = _text(keywords.get("$ref"))
    if ref is not None and ref.startswith(REF_PREFIX):
        yield from by_ref(ref.removeprefix(REF_PREFIX), node)
    types = _types(keywords.get("type"))
    if types and not any(_is_of_type(node, type_) for type_ in types):
        yield node.at, f"this is not of type {' or '.join(quoted(type_) for type_ in types)}"
        return
    yield from _constants(node, keywords)
    yield from _choices(node, keywords, by_ref)
    match node:
        case MapNode():
            yield from _object(node, keywords, by_ref)
        case ListNode():
            yield from _array(node, keywords, by_ref)
        case ScalarNode(data=str() as text):
            yield from _string(node, text, keywords)
        case ScalarNode(data=bool()):
            pass
        case ScalarNode(data=int() | float() as number):
            yield from _number(node, number, keywords)
        case ScalarNode():
            pass


def _text(node: Node | None) -> str | None:
    return node.data if isinstance(node, ScalarNode) and isinstance(node.data, str) else None


def _limit(node: Node | None) -> int | float | None:
    if isinstance(node, ScalarNode) and isinstance(node.data, int | float):
        return node.data
    return None


def _types(node: Node | None) -> list[str]:
    nodes = node.items if isinstance(node, ListNode) else () if node is None else (node,)
    return [text for text in map(_text, nodes) if text is not None]


def _is_of_type(node: Node, type_: str) -> bool:
    match type_:
        case "object":
            return isinstance(node, MapNode)
        case "array":
            return isinstance(node, ListNode)
        case "null":
            return isinstance(node, ScalarNode) and node.data is None
        case "integer":
            return fits(node, ScalarKind.INT)
        case "number":
            return fits(node, ScalarKind.FLOAT)
        case "boolean":
            return fits(node, ScalarKind.BOOL)
        case "string":
            return fits(node, ScalarKind.STRING)
        case _:
            return True


def _same(left: Data, right: Data) -> bool:
    """Equality of JSON, where `true` is not 1."""
    return left == right and isinstance(left, bool) == isinstance(right, bool)


def _constants(node: Node, keywords: Mapping[str, Node]) -> SchemaMisfits:
    const = keywords.get("const")
    if const is not None and not _same(node.data, const.data):
        yield node.at, f"this is always {quoted(str(const.data))}"
    enum = keywords.get("enum")
    if isinstance(enum, ListNode) and not any(_same(node.data, one) for one in enum.data):
        yield node.at, "this is none of the values in `enum`"


def _choices(node: Node, keywords: Mapping[str, Node], by_ref: ByRef) -> SchemaMisfits:
    for keyword in ("oneOf", "anyOf"):
        forms = keywords.get(keyword)
        if not isinstance(forms, ListNode):
            continue
        schemas = [form for form in forms.items if isinstance(form, MapNode)]
        if schemas and all(any(schema_misfits(node, form, by_ref)) for form in schemas):
            yield node.at, f"this is none of the forms in `{keyword}`"


def _object(node: MapNode, keywords: Mapping[str, Node], by_ref: ByRef) -> SchemaMisfits:
    required = keywords.get("required")
    for item in required.items if isinstance(required, ListNode) else ():
        if (text := _text(item)) is not None and node.get(text) is None:
            yield node.at, f"property {quoted(text)} is missing"
    properties = keywords.get("properties")
    others = keywords.get("additionalProperties")
    names = keywords.get("propertyNames")
    for entry in node.entries:
        name = entry.key.text
        if isinstance(names, MapNode):
            as_text = ScalarNode(name, name, entry.key.at, entry.key.quotes)
            yield from schema_misfits(as_text, names, by_ref)
        own = properties.get(name) if isinstance(properties, MapNode) else None
        if isinstance(own, MapNode):
            yield from schema_misfits(entry.value, own, by_ref)
        elif own is None and isinstance(others, MapNode):
            yield from schema_misfits(entry.value, others, by_ref)
        elif own is None and _refuses_others(properties, others):
            yield entry.key.at, f"there is no property {quoted(name)}"
    yield from _counted(node, len(node.entries), keywords, "minProperties", "maxProperties")


def _refuses_others(properties: Node | None, others: Node | None) -> bool:
    """Whether a further property is a slip: nobody who knows this schema would send it."""
    return (others is not None and others.data is False) or (
        properties is not None and others is None
    )


def _array(node: ListNode, keywords: Mapping[str, Node], by_ref: ByRef) -> SchemaMisfits:
    prefix = keywords.get("prefixItems")
    first = prefix.items if isinstance(prefix, ListNode) else ()
    items = keywords.get("items")
    if first and len(node.items) != len(first):
        yield node.at, f"this list has {len(first)} items"
    for index, item in enumerate(node.items):
        form = first[index] if index < len(first) else items
        if isinstance(form, MapNode):
            yield from schema_misfits(item, form, by_ref)
    yield from _counted(node, len(node.items), keywords, "minItems", "maxItems")


def _string(node: ScalarNode, text: str, keywords: Mapping[str, Node]) -> SchemaMisfits:
    format_ = _text(keywords.get("format"))
    if format_ is not None and format_ in FORMATS and not format_fits(node, format_):
        yield node.at, f"this is not of format {quoted(format_)}"
    pattern = _text(keywords.get("pattern"))
    if pattern is not None and matches(pattern, text) is False:
        yield node.at, f"{quoted(text)} does not match {quoted(pattern)}"
    yield from _counted(node, len(text), keywords, "minLength", "maxLength")


def _number(node: ScalarNode, number: int | float, keywords: Mapping[str, Node]) -> SchemaMisfits:
    yield from _counted(node, number, keywords, "minimum", "maximum")
    above = _limit(keywords.get("exclusiveMinimum"))
    below = _limit(keywords.get("exclusiveMaximum"))
    if above is not None and number <= above:
        yield node.at, f"{node.text} is not above `exclusiveMinimum`, {above}"
    if below is not None and number >= below:
        yield node.at, f"{node.text} is not below `exclusiveMaximum`, {below}"


def _counted(
    node: Node, met: int | float, keywords: Mapping[str, Node], least: str, most: str
) -> SchemaMisfits:
    low, high = _limit(keywords.get(least)), _limit(keywords.get(most))
    if low is not None and met < low:
        yield node.at, f"{met} is less than `{least}`, {low}"
    if high is not None and met > high:
        yield node.at, f"{met} is more than `{most}`, {high}"
