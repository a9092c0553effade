"""What stands under `types`, and the fields that types, params and errors are made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

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
from ..text.tree import Entry, ListNode, MapNode, Node, ScalarNode
from .expressions import Expressions
from .shape import Shapes

_BOUNDS: Final = ("min", "max", "gt", "lt", "multiple_of")
_CONSTRAINTS: Final = (*_BOUNDS, "pattern")
_FIELD_KEYS: Final = (
    "type",
    "doc",
    "default",
    *_CONSTRAINTS,
    "examples",
    "deprecated",
    "presence",
)
_PRESENCE: Final = {
    "explicit": "absent is different from null",
    "omit_null": "without a value it is left out",
}
_UNKNOWN: Final = {"keep": "what is not known is sent on as it came"}
_KINDS: Final = ("fields", "enum", "union", "is", "schema")
_COMMON: Final = ("doc", "examples", "deprecated")
_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
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
        self._shapes.mapping(node, what, _FIELD_KEYS)
        type_node = node.get("type")
        if type_node is None:
            self._shapes.fault("node-shape", at, f"{what} has no type", "add the key `type`")
            type_node = ScalarNode("json", "json", at)
        presence, presence_node = self._presence(node, what), node.get("presence")
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
            at=at,
        )

    def _presence(self, node: MapNode, what: str) -> str | None:
        return self._shapes.choice(node.get("presence"), f"the presence of {what}", _PRESENCE)

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
        self._shapes.mapping(node, what, (*_KEYS[kind], *extras))
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
        if isinstance(stated, ListNode):
            hint = "a mapping of each value to its doc, such as `{owner: May close the room.}`"
            self._shapes.misshapen(stated, f"`enum` of {what}", hint)
            stated = None
        self._not_empty(stated, f"enum {quoted(key.text)} has no values", key)
        named = self._shapes.named(stated, f"`enum` of {what}", "owner: May close the room.")
        is_open, open_at = self._openness(node, what)
        return EnumType(
            name=key.text,
            values={value.key.text: self._value(value, what) for value in named},
            open=is_open,
            open_at=open_at,
            doc=self._shapes.doc(node, what),
            examples=self._examples(node, what),
            deprecated=self._shapes.deprecated(node, what),
            reserved=self.reserved(node.get("reserved"), f"`reserved` of {what}"),
            at=key.at,
        )

    def _value(self, entry: Entry, of: str) -> EnumValue:
        name, at, node = entry.key.text, entry.key.at, entry.value
        what = f"value {quoted(name)} of {of}"
        if isinstance(node, ScalarNode):
            doc = "" if node.data is None else self._shapes.prose(node, f"the doc of {what}") or ""
            return EnumValue(name=name, value=name, doc=doc, at=at)
        map_ = self._shapes.mapping(node, what, ("value", "doc", "deprecated"))
        if map_ is None:
            return EnumValue(name=name, value=name, at=at)
        value = self._shapes.text(map_.get("value"), f"the wire value of {what}")
        return EnumValue(
            name=name,
            value=name if value is None else value,
            doc=self._shapes.doc(map_, what),
            deprecated=self._shapes.deprecated(map_, what),
            at=at,
        )

    def _union(self, key: ScalarNode, node: MapNode, what: str) -> UnionType:
        tag = self._shapes.word(node.get("tag"), f"`tag` of {what}")
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
            open=is_open,
            open_at=open_at,
            doc=self._shapes.doc(node, what),
            examples=self._examples(node, what),
            deprecated=self._shapes.deprecated(node, what),
            reserved=self.reserved(node.get("reserved"), f"`reserved` of {what}"),
            at=key.at,
        )

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
        if isinstance(node, MapNode) and not node.entries:
            self._shapes.fault("enum-not-empty", key.at, message)

    def _openness(self, node: MapNode, what: str) -> tuple[bool, Position | None]:
        stated = node.get("open")
        is_open = self._shapes.truth(stated, f"`open` of {what}")
        return bool(is_open), None if stated is None else stated.at


def _default(node: MapNode) -> Node | None:
    """The default; None for `default: null` on an optional, which says what holds anyway."""
    stated = node.get("default")
    type_ = node.get("type")
    says_null = isinstance(stated, ScalarNode) and stated.data is None
    is_optional = isinstance(type_, ScalarNode) and type_.text.startswith("optional ")
    return None if says_null and is_optional else stated
