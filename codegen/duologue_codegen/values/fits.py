"""Whether a value, as a contract writes it, belongs to a type.

Values have the form they have in JSON, so an example is also a message. The rules are those of the
runtime's models, told anew: the compiler does not import the runtime.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final, TypeAlias

from ..diagnostics import Position, quoted
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
    ScalarKind,
    SchemaType,
    TextOf,
    TypeDef,
    TypeExpr,
    UnionType,
)
from ..model.canonical import expression_text
from ..model.forms import forms_of, own_tag_of
from ..model.json_kinds import form_for
from ..model.walk import stands_for_number
from ..spelling import nearest
from ..text.tree import ListNode, MapNode, Node, ScalarNode
from .json_text import node_of_json
from .patterns import matches
from .scalars import EXPECTED, fits, measured, number_in
from .schemas import schema_misfits


@dataclass(frozen=True, slots=True)
class Misfit:
    """Why a value does not belong to a type."""

    at: Position
    message: str
    hint: str = ""


Misfits: TypeAlias = Iterator[Misfit]
NO_TAGS: Final[Mapping[str, str]] = {}
Behind: TypeAlias = frozenset[tuple[str, str]]
"""The aliases, by package and name, that led to a type without a step into the value.

One that comes again never ends: then another rule reports the type, and here anything fits it.
"""

MAX_ALIASES: Final = 4
"""Aliases of aliases that are followed. With `source.MAX_DEPTH` it bounds the recursion."""


def misfits(
    node: Node,
    type_: TypeExpr,
    contract: Contract,
    constraints: Constraints | None = None,
    behind: Behind = frozenset(),
) -> Misfits:
    """Everything in `node` that keeps it from being a `type_`, as `contract` uses that word."""
    match type_:
        case Scalar(kind=kind):
            yield from _scalar(node, kind)
        case Ref():
            yield from _named(node, type_, contract, behind)
        case OptionalOf(of=inner):
            if isinstance(node, ScalarNode) and node.data is None:
                return
            yield from misfits(node, inner, contract, constraints, behind)
            return
        case ListOf(of=item):
            yield from _list(node, item, contract)
        case MapOf(key=key, value=value):
            yield from _map(node, key, value, contract)
        case TextOf(of=inner):
            yield from _text(node, inner, contract)
        case OneOf():
            yield from _one_of(node, type_, contract, behind)
    if constraints is not None:
        yield from _bounds(node, type_, constraints)


def field_misfits(
    node: Node,
    fields: Mapping[str, Field],
    contract: Contract,
    what: str,
    tags: Mapping[str, str] = NO_TAGS,
    *,
    keeps_unknown: bool = False,
) -> Misfits:
    """Everything that keeps `node` from being an object with `fields`, by their wire names.

    `tags` are further fields by their wire names, each with the one value it has.
    """
    if not isinstance(node, MapNode):
        yield Misfit(node.at, f"{what} is an object", "expected a mapping of its fields")
        return
    keys = {field.wire: field for field in fields.values()}
    for name, field in keys.items():
        if field.required and node.get(name) is None:
            yield Misfit(node.at, f"field {quoted(name)} of {what} is missing")
    for entry in node.entries:
        name = entry.key.text
        if name in tags:
            if entry.value.data != tags[name]:
                always = f"{quoted(name)} of {what} is always {quoted(tags[name])}"
                yield Misfit(entry.value.at, always)
            continue
        own = keys.get(name)
        if own is None and keeps_unknown:
            yield from _scalar(entry.value, ScalarKind.JSON)
        elif own is None:
            meant = nearest(name, keys)
            hint = f"did you mean {quoted(meant)}?" if meant else ""
            if (by_name := fields.get(name)) is not None:
                hint = f"fields are written as on the wire: {quoted(by_name.wire)}"
            yield Misfit(entry.key.at, f"{what} has no field {quoted(name)}", hint)
        else:
            yield from misfits(entry.value, own.type, contract, own.constraints)


def type_misfits(
    node: Node, type_: TypeDef, home: Contract, behind: Behind = frozenset()
) -> Misfits:
    """Everything that keeps `node` from being a `type_`, which `home` declares."""
    key = home.package, type_.name
    if key in behind or len(behind) >= MAX_ALIASES:
        return
    what = quoted(type_.name)
    match type_:
        case ObjectType():
            yield from _object(node, type_, home)
        case EnumType():
            yield from _enum(node, type_, what)
        case UnionType():
            yield from _union(node, type_, home, what)
        case AliasType():
            yield from misfits(node, type_.type, home, type_.constraints, behind | {key})
        case SchemaType(schema=schema):

            def by_ref(name: str, part: Node) -> Iterator[tuple[Position, str]]:
                named = home.types.get(name)
                if named is not None:
                    so_far = behind | {key} if part is node else frozenset[tuple[str, str]]()
                    found = type_misfits(part, named, home, so_far)
                    yield from ((each.at, each.message) for each in found)

            yield from (Misfit(at, message) for at, message in schema_misfits(node, schema, by_ref))


def _object(
    node: Node, type_: ObjectType, home: Contract, tags: Mapping[str, str] = NO_TAGS
) -> Misfits:
    own = own_tag_of(type_, home)
    tags = {**({} if own is None else {own.wire: own.value}), **tags}
    what, keeps = quoted(type_.name), type_.keeps_unknown
    yield from field_misfits(node, type_.fields, home, what, tags, keeps_unknown=keeps)


def _scalar(node: Node, kind: ScalarKind) -> Misfits:
    if fits(node, kind):
        return
    message = f"{_shown(node)} is not {_with_article(kind)}"
    hint = f"expected {EXPECTED[kind]}"
    if isinstance(node, ScalarNode) and not isinstance(node.data, str) and node.text:
        as_text = ScalarNode(node.text, node.text, node.at)
        if fits(as_text, kind):
            hint = f'put it in quotes: "{node.text}"'
    yield Misfit(node.at, message, hint)


def _named(node: Node, ref: Ref, contract: Contract, behind: Behind) -> Misfits:
    home = contract.home_of(ref)
    type_ = contract.resolve(ref)
    if home is not None and type_ is not None:  # else another rule reports it
        yield from type_misfits(node, type_, home, behind)


def _list(node: Node, item: TypeExpr, contract: Contract) -> Misfits:
    if not isinstance(node, ListNode):
        yield Misfit(node.at, f"{_shown(node)} is not a list")
        return
    for each in node.items:
        yield from misfits(each, item, contract)


def _map(node: Node, key: Scalar | Ref | None, value: TypeExpr, contract: Contract) -> Misfits:
    if not isinstance(node, MapNode):
        yield Misfit(node.at, f"{_shown(node)} is not a map")
        return
    for entry in node.entries:
        if key is not None:
            yield from misfits(_as_key(entry.key, key, contract), key, contract)
        yield from misfits(entry.value, value, contract)


def _text(node: Node, inner: TypeExpr, contract: Contract) -> Misfits:
    held = None
    if isinstance(node, ScalarNode) and isinstance(node.data, str):
        held = node_of_json(node.data, node.at)
    if held is None:
        hint = "expected a text that holds JSON, such as '{\"id\": 1}'"
        yield Misfit(node.at, f"{_shown(node)} is not a text with JSON in it", hint)
        return
    for misfit in misfits(held, inner, contract):
        yield replace(misfit, message=f"in the text: {misfit.message}")


def _one_of(node: Node, type_: OneOf, contract: Contract, behind: Behind) -> Misfits:
    form = form_for(node, type_, contract)
    if form is None:
        yield Misfit(node.at, f"{_shown(node)} is not {quoted(expression_text(type_))}")
    else:
        yield from misfits(node, form, contract, None, behind)


def _as_key(node: ScalarNode, key: Scalar | Ref, contract: Contract) -> ScalarNode:
    """The key of a map as the value that it stands for."""
    number = number_in(node.text) if stands_for_number(key, contract) else None
    if number is not None:
        return ScalarNode(number, node.text, node.at)
    return ScalarNode(node.text, node.text, node.at, node.quotes)


def _enum(node: Node, type_: EnumType, what: str) -> Misfits:
    known = [str(value.value) for value in type_.values.values()]
    if type_.of_numbers:
        yield from _number_enum(node, type_, what)
        return
    if isinstance(node, ScalarNode) and isinstance(node.data, str):
        if type_.open or node.data in known:
            return
        meant = nearest(node.data, known)
        hint = f"did you mean {quoted(meant)}?" if meant else f"it has {_listed(known)}"
        if (by_name := type_.values.get(node.data)) is not None:
            hint = f"values are written as on the wire: {quoted(str(by_name.value))}"
        yield Misfit(node.at, f"{what} has no value {quoted(node.data)}", hint)
        return
    hint = f"it has {_listed(known)}"
    if isinstance(node, ScalarNode) and node.text in known:
        hint = f'put it in quotes: "{node.text}"'
    yield Misfit(node.at, f"{_shown(node)} is not a value of {what}", hint)


def _number_enum(node: Node, type_: EnumType, what: str) -> Misfits:
    known = [value.value for value in type_.values.values()]
    hint = f"it has {_listed(map(str, known))}"
    if not isinstance(node, ScalarNode) or not fits(node, ScalarKind.INT):
        by_name = type_.values.get(node.text) if isinstance(node, ScalarNode) else None
        if by_name is not None:
            hint = f"values are written as on the wire: {quoted(str(by_name.value))}"
        yield Misfit(node.at, f"{_shown(node)} is not a value of {what}, a number", hint)
    elif not type_.open and node.data not in known:
        yield Misfit(node.at, f"{what} has no value {quoted(node.text)}", hint)


def _union(node: Node, type_: UnionType, home: Contract, what: str) -> Misfits:
    if not isinstance(node, MapNode):
        yield Misfit(node.at, f"{what} is an object", "expected a mapping of its fields")
        return
    forms = {form.tag_value: form for form in forms_of(type_, home)}
    tag = node.get(type_.wire)
    if not isinstance(tag, ScalarNode) or not isinstance(tag.data, str):
        at = node.at if tag is None else tag.at
        hint = f"it says which form this is: {_listed(forms)}"
        yield Misfit(at, f"{what} needs the tag {quoted(type_.wire)}, a text", hint)
        return
    form = forms.get(tag.data)
    if form is not None:
        yield from _object(node, form.type, form.home, {type_.wire: form.tag_value})
    elif not type_.open:
        meant = nearest(tag.data, forms)
        hint = f"did you mean {quoted(meant)}?" if meant else f"it has {_listed(forms)}"
        yield Misfit(tag.at, f"{what} has no form {quoted(tag.data)}", hint)


# ---- constraints ---------------------------------------------------------------------------------


def _bounds(node: Node, type_: TypeExpr, constraints: Constraints) -> Misfits:
    match node, type_:
        case ListNode(items=items), ListOf():
            yield from _within(node, len(items), constraints, "a count of ")
        case MapNode(entries=entries), MapOf():
            yield from _within(node, len(entries), constraints, "a count of ")
        case ScalarNode(), Scalar(kind=kind) if fits(node, kind):
            is_length = kind in {ScalarKind.STRING, ScalarKind.BYTES}
            met = measured(node, kind)
            if met is not None:
                yield from _within(node, met, constraints, "a length of " if is_length else "")
            pattern = constraints.pattern
            if pattern is not None and matches(pattern, node.text) is False:
                yield Misfit(node.at, f"{_shown(node)} does not match {quoted(pattern)}")
        case _:
            pass


def _within(
    node: Node, met: int | float | Decimal, constraints: Constraints, counted: str
) -> Misfits:
    exact = _exact(met)
    low, high = constraints.min, constraints.max
    if low is not None and exact < _exact(low):
        yield Misfit(node.at, f"{counted}{met} is less than `min`, {low}")
    if high is not None and exact > _exact(high):
        yield Misfit(node.at, f"{counted}{met} is more than `max`, {high}")
    if constraints.gt is not None and exact <= _exact(constraints.gt):
        yield Misfit(node.at, f"{counted}{met} is not above `gt`, {constraints.gt}")
    if constraints.lt is not None and exact >= _exact(constraints.lt):
        yield Misfit(node.at, f"{counted}{met} is not below `lt`, {constraints.lt}")
    step = constraints.multiple_of
    if step is not None and step > 0 and not _is_multiple(exact, _exact(step)):
        yield Misfit(node.at, f"{counted}{met} is no multiple of {step}")


def _exact(number: int | float | Decimal) -> Decimal:
    """The number as it is written: the float 0.1 counts as a tenth."""
    return number if isinstance(number, Decimal) else Decimal(str(number))


def _is_multiple(number: Decimal, step: Decimal) -> bool:
    # Decimal's own remainder fails when the quotient has more digits than the context.
    top, bottom = number.as_integer_ratio()
    step_top, step_bottom = step.as_integer_ratio()
    return top * step_bottom % (bottom * step_top) == 0


# ---- words for findings --------------------------------------------------------------------------


def _shown(node: Node) -> str:
    match node:
        case MapNode():
            return "a mapping"
        case ListNode():
            return "a list"
        case ScalarNode(data=None):
            return "null"
        case ScalarNode(text=text):
            return quoted(text)


def _listed(words: Iterable[str]) -> str:
    shown = [quoted(word) for word in words]
    return ", ".join(shown[:8]) + (", …" if len(shown) > 8 else "")


def _with_article(kind: ScalarKind) -> str:
    if kind is ScalarKind.BYTES:
        return "bytes"
    return f"{'an' if kind.value[0] in 'aeio' else 'a'} {kind.value}"
