"""Raw JSON Schema keeps to the subset that becomes good code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from ..diagnostics import Diagnostic, quoted
from ..model import REF_PREFIX, Contract, SchemaType
from ..names import field_name_taken
from ..reading.shape import kind_of
from ..spelling import nearest
from ..text.tree import Entry, ListNode, MapNode, Node, ScalarNode
from ..values.schemas import FORMATS, SchemaMisfits, schema_misfits
from .constraints import pattern_findings
from .registry import Findings, rule
from .schema_forms import form_findings, schema_finding

_TYPES: Final = ("string", "integer", "number", "boolean", "object", "array", "null")

_REFUSED: Final[Mapping[str, str]] = {
    "$anchor": "types are found by their names",
    "$comment": "write a YAML comment",
    "$defs": "make each a type of the contract, and refer to it",
    "$dynamicAnchor": "types are found by their names",
    "$dynamicRef": f"use `$ref: '{REF_PREFIX}Name'`",
    "$id": "leave it out: the name of the type is its identity",
    "$schema": "leave it out: it is 2020-12",
    "allOf": "write out the properties of all in one object",
    "contains": "say it in the doc: generated models cannot check it",
    "contentEncoding": "use `format: binary`",
    "definitions": "make each a type of the contract, and refer to it",
    "dependentRequired": "make a union of the forms",
    "dependentSchemas": "make a union of the forms",
    "dependencies": "make a union of the forms",
    "else": "make a union of the forms",
    "if": "make a union of the forms",
    "not": "say what is allowed instead",
    "patternProperties": "use `additionalProperties` with `propertyNames`",
    "then": "make a union of the forms",
    "title": "leave it out: the name of the type is its title",
    "unevaluatedItems": "leave it out",
    "unevaluatedProperties": "leave it out: fields that are not known are ignored",
    "uniqueItems": "leave it out: a set has no order on the wire",
}
"""Keywords that are refused, and what to do instead."""


_WIRE: Final = "any key may be called otherwise: write `fields`, with `wire: …`"


@rule("schema-subset")
def schema_subset(contract: Contract) -> Findings:
    """Raw schemas use the keywords that become good code, and no others."""
    for type_ in contract.types.values():
        if isinstance(type_, SchemaType):
            yield from _Subset(contract).top(type_)


_Judge: TypeAlias = "Callable[[_Subset, Node], Findings]"


class _Subset:
    """Judges one raw schema; nested ones are judged as the top one, but may not invent types."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract

    def top(self, type_: SchemaType) -> Findings:
        schema = type_.schema
        yield from self._schema(schema)
        for keyword in ("type", "anyOf"):
            stated = schema.entry(keyword)
            if stated is None or not isinstance(stated.value, ListNode):
                continue
            if any(form in ("null", {"type": "null"}) for form in stated.value.data):
                hint = "say `optional` where it is used"
                yield schema_finding(stated.key.at, "a type is not null by itself", hint)
        if schema.get("$ref") is not None:
            yield schema_finding(
                schema.at, "this only gives a type another name", "write `is: Name`"
            )
        for nested in _nested(schema):
            yield from self._inner(nested)
        if (default := schema.entry("default")) is not None:
            yield schema_finding(default.key.at, "a type has no default", "its fields may have one")

    def _inner(self, schema: MapNode) -> Findings:
        """What only a whole type can be."""
        properties = schema.entry("properties")
        if properties is not None:
            hint = f"make it a type of its own: `$ref: '{REF_PREFIX}Name'`"
            yield schema_finding(
                properties.key.at, "an object inside another type has no name", hint
            )
        others = schema.entry("additionalProperties")
        if others is not None and others.value.data is False and properties is None:
            hint = f"make it a type of its own: `$ref: '{REF_PREFIX}Name'`"
            yield schema_finding(
                others.key.at, "an object without properties has no name here", hint
            )
        for nested in _nested(schema):
            yield from self._inner(nested)

    def _schema(self, node: Node) -> Findings:
        if not isinstance(node, MapNode):
            hint = "write a schema; `{}` takes anything"
            if isinstance(node, ScalarNode) and isinstance(node.data, bool):
                yield schema_finding(node.at, "schemas are not `true` or `false`", hint)
            else:
                yield schema_finding(node.at, f"a schema is {kind_of(node)}", hint)
            return
        for entry in node.entries:
            keyword, at = entry.key.text, entry.key.at
            if keyword in _REFUSED:
                message = f"keyword {quoted(keyword)} is not accepted"
                yield schema_finding(at, message, _REFUSED[keyword])
            elif (judge := _ACCEPTED.get(keyword)) is not None:
                yield from judge(self, entry.value)
            else:
                meant = nearest(keyword, _ACCEPTED)
                accepted = ", ".join(_ACCEPTED)
                hint = f"did you mean {quoted(meant)}?" if meant else f"accepted are: {accepted}"
                yield schema_finding(at, f"keyword {quoted(keyword)} is not known", hint)
        yield from self._together(node)

    def _together(self, schema: MapNode) -> Findings:
        """Keywords that need each other, or exclude each other."""
        yield from form_findings(schema, self._contract)
        prefix, items = schema.entry("prefixItems"), schema.entry("items")
        ends = items is not None and items.value.data is False
        if prefix is not None and not ends:
            yield schema_finding(prefix.key.at, "`prefixItems` needs an end", "add `items: false`")
        if items is not None and ends and prefix is None:
            yield schema_finding(
                items.value.at, "schemas are not `true` or `false`", "write a schema"
            )
        required, properties = schema.get("required"), schema.get("properties")
        for name in required.items if isinstance(required, ListNode) else ():
            known = dict(properties) if isinstance(properties, MapNode) else {}
            if isinstance(name, ScalarNode) and name.text not in known:
                yield schema_finding(name.at, f"there is no property {quoted(name.text)}")
        for keyword in ("additionalProperties", "propertyNames", "minProperties", "maxProperties"):
            entry = schema.entry(keyword)
            if keyword == "additionalProperties" and entry and isinstance(entry.value.data, bool):
                continue
            if properties is not None and entry is not None:
                message = f"{quoted(keyword)} beside `properties`"
                hint = "leave it out: fields that are not known are ignored"
                if keyword == "additionalProperties":
                    hint = "write `true` to keep the others as they come, or leave it out"
                yield schema_finding(entry.key.at, message, hint)
        format_, type_ = schema.entry("format"), schema.get("type")
        is_text = type_ is not None and type_.data in ("string", ["string", "null"])
        if format_ is not None and not is_text:
            yield schema_finding(format_.key.at, "`format` belongs to `type: string`")
        if (default := schema.entry("default")) is not None:
            yield from self._default(default, schema)

    def _default(self, default: Entry, schema: MapNode) -> Findings:
        if any(schema.get(keyword) is not None for keyword in ("$ref", "const")):
            yield schema_finding(
                default.key.at, "this type has no default", "leave the property out"
            )
            return
        without = MapNode(tuple(one for one in schema.entries if one is not default), schema.at)
        for at, message in schema_misfits(default.value, without, _accept):
            yield schema_finding(at, message)

    # ---- one keyword each --------------------------------------------------------------------

    def type(self, node: Node) -> Findings:
        """One type, or one and null."""
        nodes = node.items if isinstance(node, ListNode) else (node,)
        names = [one.text for one in nodes if isinstance(one, ScalarNode)]
        if isinstance(node, ListNode) and not (len(names) == 2 and "null" in names):
            yield schema_finding(node.at, "several types at once", "one type, or `[T, 'null']`")
        for one in nodes:
            if not isinstance(one, ScalarNode) or one.text not in _TYPES:
                yield schema_finding(one.at, "this is not a type", f"one of {', '.join(_TYPES)}")

    def properties(self, node: Node) -> Findings:
        """A schema for each name."""
        if not isinstance(node, MapNode):
            yield schema_finding(node.at, "`properties` are a mapping of names to schemas")
            return
        for entry in node.entries:
            name = entry.key.text
            taken = field_name_taken(name)
            if taken is not None:
                yield schema_finding(entry.key.at, f"{quoted(name)} is taken: {taken}", _WIRE)
            elif not (name.isidentifier() and name.isascii() and name[0].islower()):
                message = f"{quoted(name)} cannot be the name of a field"
                yield schema_finding(entry.key.at, message, _WIRE)
            yield from self._schema(entry.value)

    def schema(self, node: Node) -> Findings:
        """A schema."""
        yield from self._schema(node)

    def other_properties(self, node: Node) -> Findings:
        """A schema for them, `true` or `false`."""
        if not isinstance(node.data, bool):
            yield from self._schema(node)

    def property_names(self, node: Node) -> Findings:
        """A schema of texts."""
        type_ = node.get("type") if isinstance(node, MapNode) else None
        if type_ is not None and type_.data != "string":
            yield schema_finding(type_.at, "names are text")
        yield from self._schema(node)

    def items(self, node: Node) -> Findings:
        """A schema, or `false` after `prefixItems`."""
        if node.data is not False:
            yield from self._schema(node)

    def prefix_items(self, node: Node) -> Findings:
        """A schema for each of a fixed number of items."""
        if not isinstance(node, ListNode) or not node.items:
            yield schema_finding(node.at, "`prefixItems` is a list of schemas")
            return
        for item in node.items:
            yield from self._schema(item)

    def any_of(self, node: Node) -> Findings:
        """One schema, and null."""
        forms = node.items if isinstance(node, ListNode) else ()
        nulls = [form for form in forms if form.data == {"type": "null"}]
        if len(forms) != 2 or len(nulls) != 1:
            hint = "a union of objects is `oneOf` with a discriminator"
            yield schema_finding(node.at, "`anyOf` is for one schema and `{type: 'null'}`", hint)
        for form in forms:
            yield from self._schema(form)

    def one_of(self, node: Node) -> Findings:
        """Objects by their names."""
        if not isinstance(node, ListNode) or not node.items:
            yield schema_finding(node.at, "`oneOf` is a list of forms")
            return
        for item in node.items:
            if isinstance(item, MapNode) and [key for key, _ in item] == ["$ref"]:
                yield from self._schema(item)
            else:
                hint = f"`$ref: '{REF_PREFIX}Name'`"
                yield schema_finding(item.at, "a form is the name of an object type", hint)

    def discriminator(self, node: Node) -> Findings:
        """The property that tells forms apart, and perhaps its values."""
        names = [key for key, _ in node] if isinstance(node, MapNode) else []
        if not isinstance(node, MapNode) or names not in (
            ["propertyName"],
            ["propertyName", "mapping"],
            ["mapping", "propertyName"],
        ):
            hint = (
                "write `{propertyName: kind}`, and `mapping` if the forms do not say their values"
            )
            yield schema_finding(node.at, "a discriminator has a `propertyName`", hint)
            return
        name, mapping = node.get("propertyName"), node.get("mapping")
        if name is not None:
            yield from self.text(name)
        if mapping is not None and not isinstance(mapping, MapNode):
            hint = f"such as `{{text: '{REF_PREFIX}Text'}}`"
            yield schema_finding(mapping.at, "`mapping` says the form of each value", hint)

    def ref(self, node: Node) -> Findings:
        """A type of the same contract."""
        text = node.text if isinstance(node, ScalarNode) else ""
        name = text.removeprefix(REF_PREFIX)
        if name == text:
            hint = f"write `{REF_PREFIX}Name`; other documents are not fetched"
            yield schema_finding(node.at, f"{quoted(text)} is not a type of this contract", hint)
        elif name not in self._contract.types:
            meant = nearest(name, self._contract.types)
            hint = f"did you mean {quoted(meant)}?" if meant else ""
            yield Diagnostic("known-types", node.at, f"no type named {quoted(name)}", hint)

    def enum(self, node: Node) -> Findings:
        """Texts, each once."""
        items = node.items if isinstance(node, ListNode) else ()
        texts = [item.data for item in items if isinstance(item.data, str)]
        if not texts or len(texts) != len(items) or len(set(texts)) != len(texts):
            yield schema_finding(node.at, "an enum is a list of texts, each once")

    def pattern(self, node: Node) -> Findings:
        """A portable pattern."""
        yield from self.text(node)
        if isinstance(node, ScalarNode) and isinstance(node.data, str):
            yield from pattern_findings(node)

    def format(self, node: Node) -> Findings:
        """One that the language has a scalar for."""
        text = node.text if isinstance(node, ScalarNode) else ""
        if text not in FORMATS:
            meant = nearest(text, FORMATS)
            known = ", ".join(FORMATS)
            hint = f"did you mean {quoted(meant)}?" if meant else f"known are: {known}"
            yield schema_finding(node.at, f"format {quoted(text)} is not known", hint)

    def count(self, node: Node) -> Findings:
        """A whole number from 0."""
        if not isinstance(node.data, int) or isinstance(node.data, bool) or node.data < 0:
            yield schema_finding(node.at, "this is a count", "a whole number from 0")

    def number(self, node: Node) -> Findings:
        """A finite number."""
        data = node.data
        is_number = isinstance(data, int | float) and not isinstance(data, bool)
        if not is_number or (isinstance(data, float) and data - data != 0):
            yield schema_finding(node.at, "this is a limit", "a number")

    def text(self, node: Node) -> Findings:
        """Text."""
        if not isinstance(node.data, str):
            yield schema_finding(node.at, f"this is {kind_of(node)}", "text")

    def constant(self, node: Node) -> Findings:
        """A text, as a tag is."""
        yield from self.text(node)

    def plain(self, node: Node) -> Findings:
        """A default: a scalar, or an empty list or map."""
        if node.data not in ([], {}) and not isinstance(node, ScalarNode):
            yield schema_finding(node.at, "a default is a scalar, `[]` or `{}`")

    def names(self, node: Node) -> Findings:
        """A list of texts."""
        items = node.items if isinstance(node, ListNode) else ()
        if not isinstance(node, ListNode) or not all(isinstance(one.data, str) for one in items):
            yield schema_finding(node.at, "this is a list of names")

    def anything(self, node: Node) -> Findings:
        """Examples."""
        if not isinstance(node, ListNode):
            yield schema_finding(node.at, "examples are a list")

    def truth(self, node: Node) -> Findings:
        """`true` or `false`."""
        if not isinstance(node.data, bool):
            yield schema_finding(node.at, f"this is {kind_of(node)}", "`true` or `false`")


_ACCEPTED: Final[Mapping[str, _Judge]] = {
    "type": _Subset.type,
    "properties": _Subset.properties,
    "required": _Subset.names,
    "additionalProperties": _Subset.other_properties,
    "propertyNames": _Subset.property_names,
    "minProperties": _Subset.count,
    "maxProperties": _Subset.count,
    "items": _Subset.items,
    "prefixItems": _Subset.prefix_items,
    "minItems": _Subset.count,
    "maxItems": _Subset.count,
    "enum": _Subset.enum,
    "const": _Subset.constant,
    "oneOf": _Subset.one_of,
    "discriminator": _Subset.discriminator,
    "anyOf": _Subset.any_of,
    "minimum": _Subset.number,
    "maximum": _Subset.number,
    "exclusiveMinimum": _Subset.number,
    "exclusiveMaximum": _Subset.number,
    "multipleOf": _Subset.number,
    "minLength": _Subset.count,
    "maxLength": _Subset.count,
    "pattern": _Subset.pattern,
    "format": _Subset.format,
    "default": _Subset.plain,
    "description": _Subset.text,
    "examples": _Subset.anything,
    "deprecated": _Subset.truth,
    "$ref": _Subset.ref,
}


def _nested(schema: MapNode) -> list[MapNode]:
    """The schemas directly inside of `schema`, forms of a union left out: those are names."""
    found: list[Node] = []
    for keyword, node in schema:
        if keyword in {"items", "additionalProperties", "propertyNames"}:
            found.append(node)
        elif keyword == "properties" and isinstance(node, MapNode):
            found += [entry.value for entry in node.entries]
        elif keyword in {"prefixItems", "anyOf"} and isinstance(node, ListNode):
            found += node.items
    return [node for node in found if isinstance(node, MapNode)]


def _accept(_name: str, _node: Node) -> SchemaMisfits:
    """Judges what a `$ref` means where only the schema itself is looked at."""
    yield from ()
