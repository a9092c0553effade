"""Ways through a contract that rules and targets take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..diagnostics import quoted
from ..text.tree import ListNode, MapNode, Node, ScalarNode
from .circles import circles
from .contract import Contract
from .events import Event, InlinePayload
from .methods import InlineParams, Method
from .services import Service
from .type_expressions import (
    NUMBERS_IN_JSON,
    ListOf,
    MapOf,
    OneOf,
    OptionalOf,
    Ref,
    Scalar,
    StreamOf,
    TextOf,
    TypeExpr,
    without_optional,
)
from .types import (
    REF_PREFIX,
    AliasType,
    Constraints,
    EnumType,
    Field,
    ObjectType,
    SchemaType,
    TypeDef,
    UnionType,
)


@dataclass(frozen=True, slots=True)
class OwnedField:
    """A field, and what it belongs to."""

    field: Field
    owner: str
    """In words: type `Member`."""


def methods(contract: Contract) -> Iterator[tuple[Service, Method]]:
    """Every method with its service."""
    for service in contract.services.values():
        for method in service.methods.values():
            yield service, method


def events(contract: Contract) -> Iterator[tuple[Service, Event]]:
    """Every event with its service."""
    for service in contract.services.values():
        for event in service.events.values():
            yield service, event


def field_blocks(contract: Contract) -> Iterator[tuple[str, Mapping[str, Field]]]:
    """The fields of each type, error, inline params and event, with what they belong to in
    words: type `Member`."""
    for type_ in contract.types.values():
        if isinstance(type_, ObjectType):
            yield f"type {quoted(type_.name)}", type_.fields
    for error in contract.errors.values():
        yield f"error {quoted(error.name)}", error.fields
    for _, method in methods(contract):
        if isinstance(method.params, InlineParams):
            yield f"method {quoted(method.name)}", method.params.fields
    for _, event in events(contract):
        if isinstance(event.payload, InlinePayload):
            yield f"event {quoted(event.name)}", event.payload.fields


def fields(contract: Contract) -> Iterator[OwnedField]:
    """Every field of types, errors, inline params and events."""
    for owner, block in field_blocks(contract):
        yield from (OwnedField(field, owner) for field in block.values())


def constrained(contract: Contract) -> Iterator[tuple[TypeExpr, Constraints]]:
    """Every type expression that can have constraints, with those it has."""
    for owned in fields(contract):
        yield owned.field.type, owned.field.constraints
    for type_ in contract.types.values():
        if isinstance(type_, AliasType):
            yield type_.type, type_.constraints


def expressions(contract: Contract) -> Iterator[TypeExpr]:
    """Every type expression, whole."""
    for type_, _ in constrained(contract):
        yield type_
    for type_def in contract.types.values():
        if isinstance(type_def, UnionType):
            yield from (variant.type for variant in type_def.variants.values())
    for _, method in methods(contract):
        if isinstance(method.params, Ref):
            yield method.params
        for one in (method.sends, method.yields, method.returns):
            if one is not None and not isinstance(one, StreamOf):
                yield one
    for _, event in events(contract):
        if isinstance(event.payload, Ref):
            yield event.payload


def parts(expression: TypeExpr) -> Iterator[TypeExpr]:
    """The expression, and every expression inside it."""
    yield expression
    match expression:
        case OptionalOf(of=inner) | ListOf(of=inner) | TextOf(of=inner):
            yield from parts(inner)
        case OneOf(forms=forms):
            for form in forms:
                yield from parts(form)
        case MapOf(key=key, value=value):
            if key is not None:
                yield key
            yield from parts(value)
        case Scalar() | Ref():
            pass


def refs(contract: Contract) -> Iterator[Ref]:
    """Every named type that is used."""
    for expression in expressions(contract):
        yield from (part for part in parts(expression) if isinstance(part, Ref))


def meaning(expression: TypeExpr, contract: Contract) -> tuple[TypeExpr, Contract] | None:
    """What an expression comes to once aliases and `optional` are taken off, and where.

    None when an alias leads nowhere or round in a circle.
    """
    seen: set[tuple[str, str]] = set()
    home = contract
    expression = without_optional(expression)
    while isinstance(expression, Ref):
        type_, next_home = home.resolve(expression), home.home_of(expression)
        if type_ is None or next_home is None or (next_home.package, type_.name) in seen:
            return None
        if not isinstance(type_, AliasType):
            return expression, home
        seen.add((next_home.package, type_.name))
        expression, home = without_optional(type_.type), next_home
    return expression, home


def stands_for_number(key: Scalar | Ref, contract: Contract) -> bool:
    """Whether the key of a map is what would be a number in JSON elsewhere."""
    found, home = meaning(key, contract) or (key, contract)
    if isinstance(found, Ref):
        enum = home.resolve(found)
        return isinstance(enum, EnumType) and enum.of_numbers
    return isinstance(found, Scalar) and found.kind in NUMBERS_IN_JSON


def schema_refs(schema: Node) -> Iterator[tuple[str, ScalarNode]]:
    """The types of the same contract that a raw schema names, with the `$ref` that does."""
    match schema:
        case MapNode():
            for keyword, node in schema:
                if (
                    keyword == "$ref"
                    and isinstance(node, ScalarNode)
                    and node.text.startswith(REF_PREFIX)
                ):
                    yield node.text.removeprefix(REF_PREFIX), node
                else:
                    yield from schema_refs(node)
        case ListNode(items=items):
            for item in items:
                yield from schema_refs(item)
        case ScalarNode():
            pass


def own_type_graph(contract: Contract) -> dict[str, list[str]]:
    """Which types of a contract name which others of it."""
    graph: dict[str, list[str]] = {}
    for name, type_ in contract.types.items():
        match type_:
            case ObjectType():
                used = [field.type for field in type_.fields.values()]
            case UnionType():
                used = [variant.type for variant in type_.variants.values()]
            case AliasType():
                used = [type_.type]
            case _:
                used = []
        inside = (part for one in used for part in parts(one))
        named = {part.name for part in inside if isinstance(part, Ref) and part.alias is None}
        if isinstance(type_, SchemaType):
            named |= {name for name, _ in schema_refs(type_.schema)}
        graph[name] = sorted(named & contract.types.keys())
    return graph


def alias_circles(contract: Contract) -> dict[str, frozenset[str]]:
    """The aliases that lead back to themselves through nothing but aliases, each with its circle.

    Raw schemas without properties are aliases as well.
    """
    graph = own_type_graph(contract)
    aliases = {name: type_ for name, type_ in contract.types.items() if _is_alias(type_)}
    found = circles({name: [each for each in graph[name] if each in aliases] for name in aliases})
    return {name: frozenset(circle) for circle in found for name in circle}


def _is_alias(type_: TypeDef) -> bool:
    if isinstance(type_, SchemaType):
        return type_.schema.get("properties") is None
    return isinstance(type_, AliasType)
