"""What stands under `types`, and the fields that types, params and errors are made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeGuard

from ..diagnostics import Position, quoted
from ..model import (
    AliasType,
    Constraints,
    EnumType,
    EnumValue,
    Field,
    ObjectType,
    ReservedName,
    SchemaType,
    TypeDef,
    UnionType,
    Variant,
)
from ..text.tree import Data, Entry, ListNode, MapNode, Node, ScalarNode
from .expressions import Expressions
from .shape import Shapes

_BOUNDS: Final = ("min", "max", "gt", "lt", "multiple_of")
_CONSTRAINTS: Final = (*_BOUNDS, "pattern")
FIELD_KEYS: Final = (
    "type",
    "doc",
    "default",
    *_CONSTRAINTS,
    "examples",
    "deprecated",
    "presence",
    "wire",
)
PRESENCE: Final = {
    "explicit": "absent is different from null",
    "omit_null": "without a value it is left out",
}
_UNKNOWN: Final = {"keep": "what is not known is sent on as it came"}
_KINDS: Final = ("fields", "enum", "union", "is", "schema")
_COMMON: Final = ("doc", "examples", "deprecated")
KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "fields": ("doc", "fields", "unknown", "reserved", "examples", "deprecated"),
    "enum": ("doc", "enum", "open", "reserved", "examples", "deprecated"),
    "union": ("doc", "union", "tag", "open", "reserved", "examples", "deprecated"),
    "is": ("doc", "is", "examples", "deprecated"),
    "schema": ("doc", "schema", "examples", "deprecated"),
}


class TypeReader:
    """Reads the types and fields of one contract."""

    def __init__(self, shapes: Shapes, expressions: Expressions) -> None:
        self._shapes = shapes
        self._expressions = expressions

    def types(self, node: Node | None) -> dict[str, TypeDef]:
        """Everything under `types`, by name."""
        named = self._shapes.named(node, "`types`", "User: {fields: {id: string}}")
        read = ((entry.key.text, self._type(entry)) for entry in named)
        return {name: type_ for name, type_ in read if type_ is not None}

    def fields(self, node: Node | None, what: str) -> dict[str, Field]:
        """A block of fields, by name."""
        named = self._shapes.named(node, what, "id: string")
        return {entry.key.text: self._field(entry) for entry in named}

    def reserved(self, node: Node | None, what: str) -> tuple[ReservedName, ...]:
        """A list of names that must not come back."""
        nodes = self._shapes.items(node, what, "[old_name]")
        words = (self._shapes.word(item, f"an entry of {what}") for item in nodes)
        return tuple(ReservedName(word.text, word.at) for word in words if word is not None)

    # ---- fields ------------------------------------------------------------------------------

    def _field(self, entry: Entry) -> Field:
        name, at, node = entry.key.text, entry.key.at, entry.value
        what = f"field {quoted(name)}"
        if not isinstance(node, MapNode):
            return Field(name=name, type=self._expressions.read(node, f"the type of {what}"), at=at)
        self._shapes.mapping(node, what, FIELD_KEYS)
        type_node = node.get("type")
        if type_node is None:
            self._shapes.fault("node-shape", at, f"{what} has no type", "add the key `type`")
            type_node = ScalarNode("json", "json", at)
        presence, presence_node = self._presence(node, what), node.get("presence")
        wire = self._wire(node, what)
        return Field(
            name=name,
            type=self._expressions.read(type_node, f"the type of {what}"),
            doc=self._shapes.doc(node, what),
            default=_default(node),
            constraints=self._constraints(node, what),
            examples=self._shapes.items(node.get("examples"), f"the examples of {what}", "[…]"),
            deprecated=self._shapes.deprecated(node, what),
            explicit_presence=presence == "explicit",
            omit_null=presence == "omit_null",
            presence_at=None if presence_node is None else presence_node.at,
            stated_wire=None if wire is None else wire.text,
            wire_at=None if wire is None else wire.at,
            at=at,
        )

    def _wire(self, node: MapNode, what: str) -> ScalarNode | None:
        stated = node.get("wire")
        text = self._shapes.text(stated, f"the wire name of {what}")
        return None if text is None or not isinstance(stated, ScalarNode) else stated

    def _presence(self, node: MapNode, what: str) -> str | None:
        return self._shapes.choice(node.get("presence"), f"the presence of {what}", PRESENCE)

    def _constraints(self, node: MapNode, what: str) -> Constraints:
        found: dict[str, int | float] = {}
        positions: dict[str, Position] = {}
        for key in _BOUNDS:
            stated = node.get(key)
            if stated is None:
                continue
            number = self._shapes.number(stated, f"{quoted(key)} of {what}")
            if number is not None:
                found[key], positions[key] = number, stated.at
        stated = node.get("pattern")
        pattern = self._shapes.text(stated, f"the pattern of {what}")
        if stated is not None:
            positions["pattern"] = stated.at
        return Constraints(
            min=found.get("min"),
            max=found.get("max"),
            gt=found.get("gt"),
            lt=found.get("lt"),
            multiple_of=found.get("multiple_of"),
            pattern=pattern,
            positions=positions,
            pattern_node=stated if isinstance(stated, ScalarNode) else None,
        )

    # ---- types -------------------------------------------------------------------------------

    def _type(self, entry: Entry) -> TypeDef | None:
        name, node = entry.key.text, entry.value
        what = f"type {quoted(name)}"
        hint = "one of the keys `fields`, `enum`, `union`, `is` and `schema` says what it is"
        if not isinstance(node, MapNode):
            self._shapes.misshapen(node, what, f"a mapping; {hint}")
            return None
        kinds = [stated for stated in node.entries if stated.key.text in _KINDS]
        if not kinds:
            self._shapes.mapping(
                node, what, (*_KINDS, *_COMMON, "tag", "open", "unknown", "reserved")
            )
            self._shapes.fault("node-shape", entry.key.at, f"{what} is of no kind", hint)
            return None
        for extra in kinds[1:]:
            message = f"{what} has {quoted(kinds[0].key.text)} and {quoted(extra.key.text)}"
            self._shapes.fault("node-shape", extra.key.at, message, "a type is of one kind")
        kind = kinds[0].key.text
        extras = [extra.key.text for extra in kinds[1:]]
        self._shapes.mapping(node, what, (*KEYS[kind], *extras))
        match kind:
            case "fields":
                return self._object(entry.key, node, what)
            case "enum":
                return self._enum(entry.key, node, what)
            case "union":
                return self._union(entry.key, node, what)
            case "is":
                return self._alias(entry.key, node, what)
            case _:
                return self._schema(entry.key, node, what)

    def _object(self, key: ScalarNode, node: MapNode, what: str) -> ObjectType:
        unknown = self._shapes.choice(node.get("unknown"), f"`unknown` of {what}", _UNKNOWN)
        return ObjectType(
            name=key.text,
            fields=self.fields(node.get("fields"), f"`fields` of {what}"),
            keeps_unknown=unknown is not None,
            doc=self._shapes.doc(node, what),
            examples=self._examples(node, what),
            deprecated=self._shapes.deprecated(node, what),
            reserved=self.reserved(node.get("reserved"), f"`reserved` of {what}"),
            at=key.at,
        )

    def _enum(self, key: ScalarNode, node: MapNode, what: str) -> EnumType:
        stated = node.get("enum")
        self._not_empty(stated, f"enum {quoted(key.text)} has no values", key)
        if isinstance(stated, ListNode):
            values = self._listed_values(stated, what)
        else:
            named = self._shapes.named(stated, f"`enum` of {what}", "owner: May close the room.")
            values = {value.key.text: self._value(value, what) for value in named}
        is_open, open_at = self._openness(node, what)
        return EnumType(
            name=key.text,
            values=values,
            open=is_open,
            open_at=open_at,
            doc=self._shapes.doc(node, what),
            examples=self._examples(node, what),
            deprecated=self._shapes.deprecated(node, what),
            reserved=self.reserved(node.get("reserved"), f"`reserved` of {what}"),
            at=key.at,
        )

    def _listed_values(self, stated: ListNode, of: str) -> dict[str, EnumValue]:
        """The short form: names that are the values, without docs."""
        values: dict[str, EnumValue] = {}
        for node in stated.items:
            if not isinstance(node, ScalarNode) or not isinstance(node.data, str):
                hint = "a name; a number has one as well: `{idle: {value: 0}}`"
                self._shapes.misshapen(node, f"a value of {of}", hint)
            elif node.text in values:
                message = f"value {quoted(node.text)} is there twice"
                self._shapes.fault("enum-value-unique", node.at, message, "each needs its own")
            else:
                values[node.text] = EnumValue(name=node.text, value=node.text, at=node.at)
        return values

    def _value(self, entry: Entry, of: str) -> EnumValue:
        name, at, node = entry.key.text, entry.key.at, entry.value
        what = f"value {quoted(name)} of {of}"
        if isinstance(node, ScalarNode) and _is_whole(node.data):
            hint = f"a doc; the number that goes over the wire is `{{value: {node.text}}}`"
            self._shapes.misshapen(node, what, hint)
            return EnumValue(name=name, value=node.data, at=at)
        if isinstance(node, ScalarNode):
            doc = "" if node.data is None else self._shapes.prose(node, f"the doc of {what}") or ""
            return EnumValue(name=name, value=name, doc=doc, at=at)
        map_ = self._shapes.mapping(node, what, ("value", "doc", "deprecated"))
        if map_ is None:
            return EnumValue(name=name, value=name, at=at)
        stated = map_.get("value")
        value: str | int | None
        if isinstance(stated, ScalarNode) and _is_whole(stated.data):
            value = stated.data
        else:
            value = self._shapes.text(stated, f"the wire value of {what}")
        return EnumValue(
            name=name,
            value=name if value is None else value,
            doc=self._shapes.doc(map_, what),
            deprecated=self._shapes.deprecated(map_, what),
            at=at,
        )

    def _union(self, key: ScalarNode, node: MapNode, what: str) -> UnionType:
        tag, wire = self._tag(node.get("tag"), what)
        if node.get("tag") is None:
            hint = "add the key `tag`: the field that tells its forms apart"
            self._shapes.fault("node-shape", key.at, f"{what} has no tag", hint)
        self._not_empty(node.get("union"), f"union {quoted(key.text)} has no forms", key)
        variants: dict[str, Variant] = {}
        for entry in self._shapes.named(node.get("union"), f"`union` of {what}", "text: Text"):
            variant = f"variant {quoted(entry.key.text)} of {what}"
            if (ref := self._expressions.name(entry.value, variant)) is not None:
                value = entry.key.text
                variants[value] = Variant(tag_value=value, type=ref, at=entry.key.at)
        is_open, open_at = self._openness(node, what)
        return UnionType(
            name=key.text,
            variants=variants,
            tag="" if tag is None else tag.text,
            tag_at=key.at if tag is None else tag.at,
            stated_wire=None if wire is None else wire.text,
            open=is_open,
            open_at=open_at,
            doc=self._shapes.doc(node, what),
            examples=self._examples(node, what),
            deprecated=self._shapes.deprecated(node, what),
            reserved=self.reserved(node.get("reserved"), f"`reserved` of {what}"),
            at=key.at,
        )

    def _tag(self, node: Node | None, of: str) -> tuple[ScalarNode | None, ScalarNode | None]:
        """The name of a tag, and its wire name where that is another one."""
        what = f"`tag` of {of}"
        if not isinstance(node, MapNode):
            return self._shapes.word(node, what), None
        self._shapes.mapping(node, what, ("name", "wire"))
        name = self._shapes.word(node.get("name"), f"the name of {what}")
        if node.get("name") is None:
            self._shapes.fault("node-shape", node.at, f"{what} has no name", "add the key `name`")
        return name, self._wire(node, what)

    def _alias(self, key: ScalarNode, node: MapNode, what: str) -> AliasType:
        stated = node.get("is")
        constraints = Constraints()
        expression = stated
        if isinstance(stated, MapNode):
            self._shapes.mapping(stated, f"`is` of {what}", ("type", *_CONSTRAINTS))
            constraints = self._constraints(stated, what)
            expression = stated.get("type")
        if expression is None:
            self._shapes.fault("node-shape", key.at, f"{what} has no type", "add the key `type`")
            expression = ScalarNode("json", "json", key.at)
        return AliasType(
            name=key.text,
            type=self._expressions.read(expression, f"the type of {what}"),
            constraints=constraints,
            doc=self._shapes.doc(node, what),
            examples=self._examples(node, what),
            deprecated=self._shapes.deprecated(node, what),
            at=key.at,
        )

    def _schema(self, key: ScalarNode, node: MapNode, what: str) -> SchemaType | None:
        schema = node.get("schema")
        if not isinstance(schema, MapNode):
            if schema is not None:
                self._shapes.misshapen(schema, f"`schema` of {what}", "a JSON Schema")
            return None
        return SchemaType(
            name=key.text,
            schema=schema,
            doc=self._shapes.doc(node, what),
            examples=self._examples(node, what),
            deprecated=self._shapes.deprecated(node, what),
            at=key.at,
        )

    def _examples(self, node: MapNode, what: str) -> tuple[Node, ...]:
        return self._shapes.items(node.get("examples"), f"the examples of {what}", "[…]")

    def _not_empty(self, node: Node | None, message: str, key: ScalarNode) -> None:
        is_empty = (isinstance(node, MapNode) and not node.entries) or (
            isinstance(node, ListNode) and not node.items
        )
        if is_empty:
            self._shapes.fault("enum-not-empty", key.at, message)

    def _openness(self, node: MapNode, what: str) -> tuple[bool, Position | None]:
        stated = node.get("open")
        is_open = self._shapes.truth(stated, f"`open` of {what}")
        return bool(is_open), None if stated is None else stated.at


def _is_whole(data: Data) -> TypeGuard[int]:
    return isinstance(data, int) and not isinstance(data, bool)


def _default(node: MapNode) -> Node | None:
    """The default; None for `default: null` on an optional, which says what holds anyway."""
    stated = node.get("default")
    type_ = node.get("type")
    says_null = isinstance(stated, ScalarNode) and stated.data is None
    is_optional = isinstance(type_, ScalarNode) and type_.text.startswith("optional ")
    return None if says_null and is_optional else stated
