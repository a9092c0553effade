"""Types that lead back to themselves: which of them can be built, and which are too many."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ..diagnostics import Diagnostic, quoted
from ..model import (
    AliasType,
    Constraints,
    Contract,
    EnumType,
    Field,
    ListOf,
    MapOf,
    ObjectType,
    OneOf,
    OptionalOf,
    Ref,
    Scalar,
    SchemaType,
    TextOf,
    TypeDef,
    TypeExpr,
    UnionType,
)
from ..model.circles import circles
from ..model.walk import own_type_graph, schema_refs
from ..text.tree import ListNode, MapNode
from .registry import Findings, rule

MAX_CYCLE: Final = 100
"""Models of pydantic that need each other: 60 were built, 120 ended in a RecursionError."""
LARGE_CYCLE: Final = 50


@rule("recursive-required")
def recursive_required(contract: Contract) -> Findings:
    """Every type can be built: none always contains another one of itself."""
    finite = _finite_types(contract)
    endless = {
        name: [other for other in others if other not in finite]
        for name, others in own_type_graph(contract).items()
        if name not in finite
    }
    for circle in circles(endless):
        type_ = contract.types[circle[0]]
        others = ", ".join(quoted(name) for name in circle[1:])
        through = f" through {others}" if others else ""
        message = f"{quoted(type_.name)} always contains another {quoted(type_.name)}{through}"
        yield Diagnostic("recursive-required", type_.at, message, "make a field of it optional")
    at_once = {
        name: [other for other in _at_once(type_) if other in contract.types]
        for name, type_ in contract.types.items()
        if name in finite and not isinstance(type_, ObjectType)
    }
    for circle in circles(at_once):
        type_ = contract.types[circle[0]]
        what = "union" if isinstance(type_, UnionType) else "alias"
        message = f"{what} {quoted(type_.name)} is another name of itself"
        hint = "put an object, a list or a map in between"
        yield Diagnostic("recursive-required", type_.at, message, hint)


def _at_once(type_: TypeDef) -> Iterator[str]:
    """The types of the contract that a value of `type_` may be, without a step into the value."""
    match type_:
        case AliasType(type=expression):
            yield from _named_at_once(expression)
        case UnionType(variants=variants):
            for variant in variants.values():
                yield from _named_at_once(variant.type)
        case SchemaType(schema=schema):
            for keyword in ("oneOf", "anyOf"):
                if (forms := schema.get(keyword)) is not None:
                    yield from (name for name, _ in schema_refs(forms))
        case ObjectType() | EnumType():
            pass


def _named_at_once(expression: TypeExpr) -> Iterator[str]:
    match expression:
        case Ref(alias=None, name=name):
            yield name
        case OptionalOf(of=inner) | TextOf(of=inner):
            yield from _named_at_once(inner)
        case OneOf(forms=forms):
            for form in forms:
                yield from _named_at_once(form)
        case _:
            pass


def _finite_types(contract: Contract) -> set[str]:
    """The types of which there can be a value: grows until nothing more can be added."""
    finite: set[str] = set()
    waiting = dict(contract.types)
    while True:
        more = [name for name, type_ in waiting.items() if _is_finite(type_, contract, finite)]
        if not more:
            return finite
        finite.update(more)
        for name in more:
            del waiting[name]


def _is_finite(type_: TypeDef, contract: Contract, finite: set[str]) -> bool:
    match type_:
        case ObjectType(fields=fields):
            return all(_field_ends(field, contract, finite) for field in fields.values())
        case UnionType(variants=variants):
            ends = [_ends(one.type, None, contract, finite) for one in variants.values()]
            return type_.open or not ends or any(ends)
        case AliasType(type=inner, constraints=constraints):
            return _ends(inner, constraints, contract, finite)
        case SchemaType():
            return all(name in finite or name not in contract.types for name in _needed(type_))
        case EnumType():
            return True


def _field_ends(field: Field, contract: Contract, finite: set[str]) -> bool:
    return not field.required or _ends(field.type, field.constraints, contract, finite)


def _ends(
    expression: TypeExpr, constraints: Constraints | None, contract: Contract, finite: set[str]
) -> bool:
    match expression:
        case Ref(alias=alias, name=name):
            return alias is not None or name in finite or name not in contract.types
        case ListOf(of=inner) | MapOf(value=inner):
            may_be_empty = constraints is None or not constraints.min
            return may_be_empty or _ends(inner, None, contract, finite)
        case TextOf(of=inner):
            return _ends(inner, None, contract, finite)
        case OneOf(forms=forms):
            return any(_ends(form, None, contract, finite) for form in forms)
        case Scalar() | OptionalOf():
            return True


def _needed(type_: SchemaType) -> Iterator[str]:
    """The types that each value of a raw schema contains: itself, or in a required property."""
    keywords = dict(type_.schema)
    if "$ref" in keywords:
        yield from (name for name, _ in schema_refs(type_.schema))
    required, properties = keywords.get("required"), keywords.get("properties")
    if not isinstance(required, ListNode) or not isinstance(properties, MapNode):
        return
    for name, part in properties:
        if name in required.data and isinstance(part, MapNode) and part.get("$ref") is not None:
            yield from (named for named, _ in schema_refs(part))


@rule("type-cycle-size", level="warning", may_be_off=True)
def type_cycle_size(contract: Contract) -> Findings:
    """Not too many types need each other in a circle: pydantic builds such a group at once."""
    for circle in circles(own_type_graph(contract)):
        if LARGE_CYCLE <= len(circle) < MAX_CYCLE:
            yield _large_cycle("type-cycle-size", contract, circle)


@rule("type-cycle-limit")
def type_cycle_limit(contract: Contract) -> Findings:
    """Fewer than a hundred types need each other in a circle: pydantic could not build more."""
    for circle in circles(own_type_graph(contract)):
        if len(circle) >= MAX_CYCLE:
            yield _large_cycle("type-cycle-limit", contract, circle)


def _large_cycle(id_: str, contract: Contract, circle: list[str]) -> Diagnostic:
    at = contract.types[circle[0]].at
    message = f"{len(circle)} types need each other in a circle"
    return Diagnostic(id_, at, message, f"pydantic fails somewhere below {MAX_CYCLE}")
