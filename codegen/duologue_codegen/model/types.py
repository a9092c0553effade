"""Types of a contract, and the fields they are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from ..diagnostics import Position
from ..text.tree import MapNode, Node, ScalarNode
from .type_expressions import OptionalOf, Ref, TypeExpr


@dataclass(frozen=True, slots=True)
class Constraints:
    """Bounds of a value. They speak of what is inside `optional`.

    `min` and `max` bound the value of a number, the length of a string or of bytes, the count of a
    list or a map.
    """

    min: int | float | None = None
    max: int | float | None = None
    gt: int | float | None = None
    lt: int | float | None = None
    multiple_of: int | float | None = None
    pattern: str | None = None
    positions: Mapping[str, Position] = field(default_factory=dict[str, Position], compare=False)
    """Where each stated constraint's value stands, by the constraint's name."""
    pattern_node: ScalarNode | None = field(default=None, compare=False)

    def __bool__(self) -> bool:
        return self != NO_CONSTRAINTS


NO_CONSTRAINTS = Constraints()


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of an object, of inline params, or of an error."""

    name: str
    type: TypeExpr
    doc: str = ""
    default: Node | None = None
    constraints: Constraints = NO_CONSTRAINTS
    examples: tuple[Node, ...] = ()
    deprecated: str | None = None
    explicit_presence: bool = False
    """`presence: explicit`: absent is different from null and from any value."""
    omit_null: bool = False
    """`presence: omit_null`: without a value it is left out, and null is never sent."""
    presence_at: Position | None = field(default=None, compare=False)
    """Where `presence` is written; None when it is not."""
    stated_wire: str | None = None
    """The name that `wire` gives it."""
    wire_at: Position | None = field(default=None, compare=False)
    at: Position = field(compare=False)

    @property
    def wire(self) -> str:
        """Its key in JSON."""
        return self.name if self.stated_wire is None else self.stated_wire

    @property
    def required(self) -> bool:
        """Whether every sender must give it."""
        return not (
            isinstance(self.type, OptionalOf) or self.default is not None or self.explicit_presence
        )


@dataclass(frozen=True, slots=True)
class ReservedName:
    """A name that was used once and must not come back."""

    name: str
    """As on the wire."""
    at: Position = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectType:
    """A type with `fields`."""

    name: str
    fields: Mapping[str, Field]
    keeps_unknown: bool = False
    """`unknown: keep`: fields that this build does not know are kept and sent on."""
    doc: str = ""
    examples: tuple[Node, ...] = ()
    deprecated: str | None = None
    reserved: tuple[ReservedName, ...] = ()
    at: Position = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class EnumValue:
    """One member of an enum."""

    name: str
    value: str | int
    """What goes over the wire; the name unless the contract says otherwise."""
    doc: str = ""
    deprecated: str | None = None
    at: Position = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class EnumType:
    """A type with `enum`."""

    name: str
    values: Mapping[str, EnumValue]
    """By name."""
    open: bool = False
    """A value that this build does not know is kept, not refused."""
    open_at: Position | None = field(default=None, compare=False)
    """Where `open` is written; None when it is not."""
    doc: str = ""
    examples: tuple[Node, ...] = ()
    deprecated: str | None = None
    reserved: tuple[ReservedName, ...] = ()
    """Wire values, numbers as their digits."""
    at: Position = field(compare=False)

    @property
    def of_numbers(self) -> bool:
        """Whether its values are numbers. All are, or none."""
        return any(isinstance(each.value, int) for each in self.values.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One form of a union."""

    tag_value: str
    """Only a name where `type` is a union, whose forms bring their own values."""
    type: Ref
    """An object type, or a union with the same tag; of this contract or of another one."""
    at: Position = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnionType:
    """A type with `union` and `tag`: one of several objects, told apart by the field `tag`.

    The tag is not among the fields of the variants: it is added to each of them. `forms.forms_of`
    gives them with those of the unions among them.
    """

    name: str
    variants: Mapping[str, Variant]
    """By tag value."""
    tag: str
    tag_at: Position = field(compare=False)
    stated_wire: str | None = None
    """The key in JSON that `tag: {name: …, wire: …}` gives the tag."""
    open: bool = False
    """An object with an unknown tag value is kept, not refused."""
    open_at: Position | None = field(default=None, compare=False)
    doc: str = ""
    examples: tuple[Node, ...] = ()
    deprecated: str | None = None
    reserved: tuple[ReservedName, ...] = ()
    """Tag values."""
    at: Position = field(compare=False)

    @property
    def wire(self) -> str:
        """The key in JSON of the tag."""
        return self.tag if self.stated_wire is None else self.stated_wire


@dataclass(frozen=True, slots=True, kw_only=True)
class AliasType:
    """A type with `is`: another type under a name of its own, perhaps with constraints."""

    name: str
    type: TypeExpr
    constraints: Constraints = NO_CONSTRAINTS
    doc: str = ""
    examples: tuple[Node, ...] = ()
    deprecated: str | None = None
    at: Position = field(compare=False)


REF_PREFIX: Final = "#/$defs/"


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaType:
    """A type with `schema`: raw JSON Schema of the accepted subset.

    `$ref`s in it read `#/$defs/Name`: the prefix, and `Name` is a type of the same contract.
    """

    name: str
    schema: MapNode
    doc: str = ""
    examples: tuple[Node, ...] = ()
    deprecated: str | None = None
    at: Position = field(compare=False)

    @property
    def is_bytes(self) -> bool:
        """Whether it is `bytes` under another name."""
        return self.schema.data.get("format") == "binary"


TypeDef: TypeAlias = ObjectType | EnumType | UnionType | AliasType | SchemaType
