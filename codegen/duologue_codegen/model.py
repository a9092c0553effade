"""A contract, read: frozen values, each of which knows where it stands in the file.

How an emitter walks it:

    project = load_project(Path("schema"))          # loader.py
    findings = check(project)                       # checks/; emit only when none is an error
    for contract in project.contracts:
        for service in contract.services.values():
            for method in service.methods.values():
                match method.params:
                    case None: ...                          # no params
                    case InlineParams(fields=fields): ...   # {name: Field}: RoomsJoinParams
                    case Ref() as ref: contract.resolve(ref)    # an ObjectType, here or imported
                method.returns                              # TypeExpr, or None
                contract.errors_of(service, method)         # ErrorDefs: the service's, then its own
        for type_ in contract.types.values():
            match type_:
                case ObjectType(fields=fields): ...
                case EnumType(values=values, open=open_): ...
                case UnionType(variants=variants, tag=tag): ...
                case AliasType(type=expression, constraints=constraints): ...
                case SchemaType(schema=schema): schema.data     # raw JSON Schema, a dict
        for error in contract.errors.values(): ...
    match field.type:                               # TypeExpr
        case Scalar(kind=kind): ...                 # ScalarKind.INT64
        case Ref(package=package, name=name): ...   # package != contract.package: imported
        case OptionalOf(of=inner): ...
        case ListOf(of=item): ...
        case MapOf(key=key, value=value): ...       # key None: any string

Every mapping is in the order of the file. Names are as written, which is also what goes over the
wire. `.at` is the name of a thing and takes no part in comparisons. Defaults, examples and raw
schemas are tree nodes: take `.data` for the plain value.

A model exists also for a contract with findings; what was unreadable is left out or has the value
that its field documents.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from .diagnostics import Position
from .tree import MapNode, Node, ScalarNode
from .type_expressions import (
    ListOf,
    MapOf,
    OptionalOf,
    Ref,
    Scalar,
    ScalarKind,
    TypeExpr,
    without_optional,
)

__all__ = [
    "NO_CONSTRAINTS",
    "AliasType",
    "Constraints",
    "Contract",
    "Effect",
    "EnumType",
    "EnumValue",
    "ErrorDef",
    "ErrorRef",
    "Field",
    "Import",
    "InlineParams",
    "ListOf",
    "MapOf",
    "MessageTemplate",
    "Method",
    "MethodExample",
    "ObjectType",
    "OptionalOf",
    "Placeholder",
    "Ref",
    "ReservedId",
    "ReservedName",
    "Retry",
    "Scalar",
    "ScalarKind",
    "SchemaType",
    "Service",
    "TypeDef",
    "TypeExpr",
    "UnionType",
    "Variant",
    "without_optional",
]


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
    at: Position = field(compare=False)

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
    at: Position = field(compare=False)


@dataclass(frozen=True, slots=True)
class ReservedId:
    """An id that was used once and must not come back."""

    id: int
    at: Position = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectType:
    """A type with `fields`."""

    name: str
    fields: Mapping[str, Field]
    doc: str = ""
    examples: tuple[Node, ...] = ()
    deprecated: str | None = None
    reserved: tuple[ReservedName, ...] = ()
    at: Position = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class EnumValue:
    """One member of an enum."""

    name: str
    value: str
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
    """Wire values."""
    at: Position = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One form of a union."""

    tag_value: str
    type: Ref
    """An object type of the same contract."""
    at: Position = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnionType:
    """A type with `union` and `tag`: one of several objects, told apart by the field `tag`.

    The tag is not among the fields of the variants: it is added to each of them.
    """

    name: str
    variants: Mapping[str, Variant]
    """By tag value."""
    tag: str
    tag_at: Position = field(compare=False)
    open: bool = False
    """An object with an unknown tag value is kept, not refused."""
    open_at: Position | None = field(default=None, compare=False)
    doc: str = ""
    examples: tuple[Node, ...] = ()
    deprecated: str | None = None
    reserved: tuple[ReservedName, ...] = ()
    """Tag values."""
    at: Position = field(compare=False)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaType:
    """A type with `schema`: raw JSON Schema of the accepted subset.

    `$ref`s in it read `#/$defs/Name`, where `Name` is a type of the same contract.
    """

    name: str
    schema: MapNode
    doc: str = ""
    examples: tuple[Node, ...] = ()
    deprecated: str | None = None
    at: Position = field(compare=False)


TypeDef: TypeAlias = ObjectType | EnumType | UnionType | AliasType | SchemaType


@dataclass(frozen=True, slots=True)
class Placeholder:
    """`{room}` in an error's message: stands for a field."""

    name: str
    at: Position = field(compare=False)


@dataclass(frozen=True, slots=True)
class MessageTemplate:
    """What an error says to a person: text with placeholders."""

    parts: tuple[str | Placeholder, ...]
    """In order. `{{` and `}}` have already become single braces."""
    at: Position = field(compare=False)


Retry: TypeAlias = Literal["never", "now", "later"]
Effect: TypeAlias = Literal["read", "idempotent", "write"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorDef:
    """A declared error."""

    name: str
    code: str
    """Its identity on the wire, unique in the contract."""
    code_at: Position = field(compare=False)
    """Where the code is written, or the name it was made from."""
    fields: Mapping[str, Field]
    message: MessageTemplate | None = None
    retry: Retry = "never"
    doc: str = ""
    deprecated: str | None = None
    reserved: tuple[ReservedName, ...] = ()
    at: Position = field(compare=False)


@dataclass(frozen=True, slots=True)
class ErrorRef:
    """The name of a declared error in an `errors` list."""

    name: str
    at: Position = field(compare=False)


@dataclass(frozen=True, slots=True)
class InlineParams:
    """Params written where the method is. There is at least one field."""

    fields: Mapping[str, Field]
    at: Position = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodExample:
    """One call of a method and what came of it: `returns`, or an error."""

    name: str
    params: Node | None = None
    returns: Node | None = None
    error: ErrorRef | None = None
    error_fields: Node | None = None
    at: Position = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One callable of a service."""

    name: str
    id: int
    """The number under which it goes over the wire is `service.base + id`. 0 when there is none."""
    id_at: Position = field(compare=False)
    params: InlineParams | Ref | None = None
    returns: TypeExpr | None = None
    errors: tuple[ErrorRef, ...] = ()
    """Its own; `Contract.errors_of` adds those of the service."""
    effect: Effect = "write"
    timeout_s: float | None = None
    doc: str = ""
    since: str | None = None
    deprecated: str | None = None
    examples: tuple[MethodExample, ...] = ()
    at: Position = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What one side offers to the other."""

    name: str
    base: int = 0
    base_at: Position = field(compare=False)
    """Where `base` is written, or the service's name."""
    methods: Mapping[str, Method]
    errors: tuple[ErrorRef, ...] = ()
    """Any method may raise these."""
    reserved_ids: tuple[ReservedId, ...] = ()
    reserved_names: tuple[ReservedName, ...] = ()
    doc: str = ""
    deprecated: str | None = None
    at: Position = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """Another contract, under a short name."""

    alias: str
    path: str
    """From the schema root: `chat/common/v1.yaml`."""
    path_at: Position = field(compare=False)
    contract: Contract | None
    """None when it could not be read, or when importing it again would never end."""
    at: Position = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """One contract file."""

    edition: int
    package: str
    package_at: Position = field(compare=False)
    path: str
    """From the schema root, with `/`: `chat/rooms/v1.yaml`. The same on every machine."""
    imports: Mapping[str, Import]
    """By alias."""
    types: Mapping[str, TypeDef]
    errors: Mapping[str, ErrorDef]
    services: Mapping[str, Service]
    doc: str = ""
    at: Position = field(compare=False)
    """The start of the file; `at.file` is the path as the user gave it."""

    def home_of(self, ref: Ref) -> Contract | None:
        """The contract that `ref`, written in this one, points into, or None."""
        if ref.alias is None:
            return self
        found = self.imports.get(ref.alias)
        return None if found is None else found.contract

    def resolve(self, ref: Ref) -> TypeDef | None:
        """The type that `ref`, written in this contract, means. None when there is none.

        Refs inside an imported type belong to the contract that declares it: `home_of`.
        """
        home = self.home_of(ref)
        return None if home is None else home.types.get(ref.name)

    def errors_of(self, service: Service, method: Method) -> tuple[ErrorDef, ...]:
        """What `method` may raise: the errors of its service, then its own, each once."""
        names = dict.fromkeys(ref.name for ref in (*service.errors, *method.errors))
        return tuple(self.errors[name] for name in names if name in self.errors)
