"""Constraints fit their type, leave room for a value, and mean the same in every language."""

from __future__ import annotations

import math
from typing import Final

from ..diagnostics import Diagnostic, quoted
from ..model import (
    Constraints,
    Contract,
    ListOf,
    MapOf,
    OneOf,
    OptionalOf,
    Ref,
    Scalar,
    ScalarKind,
    TextOf,
    TypeExpr,
    without_optional,
)
from ..model.canonical import expression_text
from ..model.walk import constrained, fields
from ..text.tree import ScalarNode
from ..values.patterns import NotPortable, check_pattern
from ..values.scalars import MAX_SAFE_INT, RANGES
from .registry import Findings, rule

_LENGTH: Final = ("min", "max")
_VALUE: Final = ("min", "max", "gt", "lt", "multiple_of")
_APPLY: Final[dict[ScalarKind, tuple[str, ...]]] = {
    ScalarKind.STRING: (*_LENGTH, "pattern"),
    ScalarKind.BYTES: _LENGTH,
    ScalarKind.INT: _VALUE,
    ScalarKind.INT32: _VALUE,
    ScalarKind.INT64: _VALUE,
    ScalarKind.UINT32: _VALUE,
    ScalarKind.UINT64: _VALUE,
    ScalarKind.FLOAT: _VALUE,
    ScalarKind.DECIMAL: _VALUE,
}


@rule("constraint-applies")
def constraint_applies(contract: Contract) -> Findings:
    """Each constraint speaks of something that its type has."""
    for type_, constraints in constrained(contract):
        inner = without_optional(type_)
        allowed = _allowed(inner)
        for name, at in constraints.positions.items():
            if name in allowed:
                continue
            message = f"{quoted(name)} does not apply to {_spelled(inner)}"
            hint = f"these do: {', '.join(allowed)}" if allowed else "this type has no constraints"
            if isinstance(inner, Ref):
                hint = "constraints of a named type stand where it is declared"
            elif isinstance(inner, OneOf | TextOf):
                hint = "give what is inside a name of its own (`is`), and the constraints to that"
            yield Diagnostic("constraint-applies", at, message, hint)


def _allowed(type_: TypeExpr) -> tuple[str, ...]:
    match type_:
        case Scalar(kind=kind):
            return _APPLY.get(kind, ())
        case ListOf() | MapOf():
            return _LENGTH
        case Ref() | OptionalOf() | TextOf() | OneOf():
            return ()


def _spelled(type_: TypeExpr) -> str:
    match type_:
        case Scalar(kind=kind):
            return quoted(kind)
        case ListOf():
            return "a list"
        case MapOf():
            return "a map"
        case Ref(alias=alias, name=name):
            return quoted(name if alias is None else f"{alias}.{name}")
        case OptionalOf():
            return "an optional"
        case TextOf() | OneOf():
            return quoted(expression_text(type_))


@rule("presence-applies")
def presence_applies(contract: Contract) -> Findings:
    """Only optional fields without a default have `presence: omit_null`."""
    for owned in fields(contract):
        field = owned.field
        if not field.omit_null or field.presence_at is None:
            continue
        if not isinstance(field.type, OptionalOf):
            message = f"{quoted(field.name)} is never null: there is nothing to leave out"
            hint = "write `optional` before its type, or leave `presence` out"
            yield Diagnostic("presence-applies", field.presence_at, message, hint)
        elif field.default is not None:
            message = f"{quoted(field.name)} has a default, which would take the place of null"
            hint = "leave `default` or `presence` out"
            yield Diagnostic("presence-applies", field.presence_at, message, hint)


@rule("constraint-order")
def constraint_order(contract: Contract) -> Findings:
    """Constraints leave room for a value: `min` is not above `max`."""
    for type_, constraints in constrained(contract):
        inner = without_optional(type_)
        if set(constraints.positions) <= set(_allowed(inner)):
            yield from _disorder(inner, constraints)


def _disorder(type_: TypeExpr, constraints: Constraints) -> Findings:
    counts = not isinstance(type_, Scalar) or type_.kind in {ScalarKind.STRING, ScalarKind.BYTES}
    kind = type_.kind if isinstance(type_, Scalar) else None
    low, high = RANGES.get(kind, (-math.inf, math.inf)) if kind else (-math.inf, math.inf)
    if counts:
        low, high = 0, MAX_SAFE_INT
    is_whole = counts or kind in RANGES
    stated = {
        name: value
        for name in _VALUE
        if (value := getattr(constraints, name)) is not None and isinstance(value, int | float)
    }
    wrong = False
    for name, value in stated.items():
        at = constraints.positions[name]
        if is_whole and not isinstance(value, int):
            wrong = True
            yield Diagnostic("constraint-order", at, f"{name} {value} is no whole number")
        elif name == "multiple_of" and value <= 0:
            wrong = True
            yield Diagnostic("constraint-order", at, f"{name} {value} is not above 0")
        elif not low <= value <= high:
            wrong = True
            message = f"{name} {value} lies outside of what the type can hold"
            yield Diagnostic("constraint-order", at, message, f"{low:,} to {high:,}")
    if wrong:
        return
    for below, above, both in (("min", "max", True), ("min", "lt", False), ("gt", "max", False)):
        if below in stated and above in stated:
            lowest, highest = stated[below], stated[above]
            if lowest > highest or (lowest == highest and not both):
                yield _crossed(constraints, below, above, stated)
    if "gt" in stated and "lt" in stated:
        room = 1 if is_whole else 0
        if stated["lt"] - stated["gt"] <= room:
            yield _crossed(constraints, "gt", "lt", stated)
    for loose, tight in (("min", "gt"), ("max", "lt")):
        if loose in stated and tight in stated:
            message = f"{quoted(loose)} and {quoted(tight)} bound the same end"
            at = constraints.positions[tight]
            yield Diagnostic("constraint-order", at, message, "leave one of the two out")


def _crossed(
    constraints: Constraints, below: str, above: str, stated: dict[str, int | float]
) -> Diagnostic:
    message = f"no value has {below} {stated[below]} and {above} {stated[above]}"
    return Diagnostic("constraint-order", constraints.positions[above], message)


@rule("regex-portable")
def regex_portable(contract: Contract) -> Findings:
    """A pattern means the same in Python, Rust and JavaScript."""
    for _, constraints in constrained(contract):
        if constraints.pattern_node is not None and constraints.pattern is not None:
            yield from pattern_findings(constraints.pattern_node)


def pattern_findings(node: ScalarNode) -> Findings:
    """What is not portable in the pattern that `node` holds."""
    try:
        check_pattern(node.text)
    except NotPortable as fault:
        at = node.part_at(fault.start, fault.length)
        yield Diagnostic("regex-portable", at, str(fault), fault.hint)
