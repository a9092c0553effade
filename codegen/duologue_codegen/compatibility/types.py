"""Two versions of a type expression, side by side: what they are in JSON, and who refuses whom.

Named types on both sides are not looked into here: they are given back as a `NamedPair`, so that
each is compared once and recursive types come to an end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from ..diagnostics import Position
from ..model import (
    NO_CONSTRAINTS,
    AliasType,
    Constraints,
    Contract,
    EnumType,
    ListOf,
    MapOf,
    OneOf,
    OptionalOf,
    Ref,
    Scalar,
    ScalarKind,
    TextOf,
    TypeDef,
    TypeExpr,
)
from ..model.canonical import expression_text
from ..model.json_kinds import JsonKind, json_kind
from ..model.type_expressions import NUMBERS_IN_JSON
from ..model.walk import stands_for_number
from ..text.tree import ScalarNode
from ..values.fits import misfits
from .changes import (
    AlternativeAdded,
    AlternativeRemoved,
    BoundsChanged,
    Change,
    NullChanged,
    TypeReplaced,
)
from .scalars import counts_within, is_text, scalar_within
from .ways import Way

MAX_ALIASES: Final = 16
"""Aliases of aliases that are followed; a circle of them is another rule's finding."""
_BOUNDS: Final = ("min", "max", "gt", "lt", "multiple_of", "pattern")


@dataclass(frozen=True, slots=True)
class Typed:
    """A type expression where it is written, with its constraints."""

    expr: TypeExpr
    home: Contract
    constraints: Constraints = NO_CONSTRAINTS


@dataclass(frozen=True, slots=True)
class Named:
    """A named type, and the contract that declares it."""

    type: TypeDef
    home: Contract

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from all others."""
        return self.home.package, self.type.name


@dataclass(frozen=True, slots=True)
class NamedPair:
    """Two versions of a named type, to be compared."""

    old: Named
    new: Named

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What tells it from all other pairs."""
        return *self.old.key, *self.new.key


Found: TypeAlias = Iterator[Change | NamedPair]


def type_changes(old: Typed, new: Typed, what: str, package: str) -> Found:
    """The differences between two versions of `what`, null aside: see `null_changes`."""
    old, new = _bare(old), _bare(new)
    old_name, new_name = _named(old), _named(new)
    if old_name is not None and new_name is not None:
        both_aliases = [isinstance(one.type, AliasType) for one in (old_name, new_name)]
        if all(both_aliases) or not any(both_aliases):
            yield from _named_changes(old, new, NamedPair(old_name, new_name), what, package)
            return
    old, new = _without_aliases(old), _without_aliases(new)
    old_name, new_name = _named(old), _named(new)
    if old_name is not None and new_name is not None:
        yield NamedPair(old_name, new_name)
        return
    match old.expr, new.expr:
        case Scalar(kind=ScalarKind.JSON), Scalar(kind=ScalarKind.JSON):
            return
        case Scalar(kind=ScalarKind.JSON), _:
            yield _replaced(old, new, what, package, {Way.FORTH})
        case _, Scalar(kind=ScalarKind.JSON):
            yield _replaced(old, new, what, package, {Way.BACK})
        case Scalar(), Scalar():
            yield from _scalar_changes(old, new, what, package)
        case ListOf(of=old_item), ListOf(of=new_item):
            inner = f"an item of {what}"
            yield from _count_changes(old, new, what, package)
            yield from whole_changes(
                Typed(old_item, old.home), Typed(new_item, new.home), inner, package
            )
        case MapOf(value=old_value), MapOf(value=new_value):
            inner = f"a value of {what}"
            yield from _count_changes(old, new, what, package)
            yield from _key_changes(old, new, what, package)
            yield from whole_changes(
                Typed(old_value, old.home), Typed(new_value, new.home), inner, package
            )
        case TextOf(of=old_inner), TextOf(of=new_inner):
            inner = f"what is inside {what}"
            yield from whole_changes(
                Typed(old_inner, old.home), Typed(new_inner, new.home), inner, package
            )
        case (OneOf(), _) | (_, OneOf()):
            yield from _alternative_changes(old, new, what, package)
        case _:
            refused = {
                way
                for way, sender, receiver in ((Way.FORTH, old, new), (Way.BACK, new, old))
                if not _takes(sender, receiver)
            }
            yield _replaced(old, new, what, package, refused)


def whole_changes(old: Typed, new: Typed, what: str, package: str) -> Found:
    """The differences between two versions of `what`, which is no field, null included."""
    yield from null_changes(old, new, what, package)
    yield from type_changes(old, new, what, package)


def null_changes(old: Typed, new: Typed, what: str, package: str) -> Iterator[Change]:
    """Whether null is a value of one version only."""
    before, after = takes_null(old.expr, old.home), takes_null(new.expr, new.home)
    if before != after:
        yield NullChanged(
            package=package, at=new.expr.at, was=old.expr.at, what=what, may_be_null=after
        )


def takes_null(expr: TypeExpr, home: Contract) -> bool:
    """Whether null is a value: of what is optional, and of `json`."""
    if isinstance(expr, OptionalOf):
        return True
    bare = _without_aliases(Typed(expr, home)).expr
    return isinstance(bare, Scalar) and bare.kind is ScalarKind.JSON


def shown(typed: Typed) -> str:
    """A type as a finding calls it: own names short, imported ones in full."""
    return expression_text(typed.expr)


# ---- names and aliases ---------------------------------------------------------------------------


def _bare(typed: Typed) -> Typed:
    expr = typed.expr.of if isinstance(typed.expr, OptionalOf) else typed.expr
    return Typed(expr, typed.home, typed.constraints)


def _named(typed: Typed) -> Named | None:
    if not isinstance(typed.expr, Ref):
        return None
    type_, home = typed.home.resolve(typed.expr), typed.home.home_of(typed.expr)
    return None if type_ is None or home is None else Named(type_, home)


def _without_aliases(typed: Typed) -> Typed:
    for _ in range(MAX_ALIASES):
        named = _named(typed)
        if named is None or not isinstance(named.type, AliasType):
            break
        typed = _bare(Typed(named.type.type, named.home, named.type.constraints))
    return typed


def _named_changes(old: Typed, new: Typed, pair: NamedPair, what: str, package: str) -> Found:
    yield pair
    name = pair.old.type.name
    renamed = name != pair.new.type.name and not isinstance(pair.new.type, AliasType)
    if renamed and name in pair.new.home.types:
        yield _replaced(old, new, what, package, set())


def _replaced(old: Typed, new: Typed, what: str, package: str, refused: set[Way]) -> TypeReplaced:
    return TypeReplaced(
        package=package,
        at=_place(new),
        was=_place(old),
        what=what,
        old=shown(old),
        new=shown(new),
        refused=frozenset(refused),
    )


def _place(typed: Typed) -> Position:
    return typed.expr.at


# ---- scalars and bounds --------------------------------------------------------------------------


def _scalar_changes(old: Typed, new: Typed, what: str, package: str) -> Iterator[Change]:
    if not isinstance(old.expr, Scalar) or not isinstance(new.expr, Scalar):
        return
    refused: set[Way] = set()
    if not scalar_within(old.expr.kind, old.constraints, new.expr.kind, new.constraints):
        refused.add(Way.FORTH)
    if not scalar_within(new.expr.kind, new.constraints, old.expr.kind, old.constraints):
        refused.add(Way.BACK)
    if old.expr.kind is not new.expr.kind:
        yield _replaced(old, new, what, package, refused)
    elif refused:
        yield _bounds_changed(old, new, what, package, refused)


def _count_changes(old: Typed, new: Typed, what: str, package: str) -> Iterator[Change]:
    refused: set[Way] = set()
    if not counts_within(old.constraints, new.constraints):
        refused.add(Way.FORTH)
    if not counts_within(new.constraints, old.constraints):
        refused.add(Way.BACK)
    if refused:
        yield _bounds_changed(old, new, what, package, refused)


def _bounds_changed(
    old: Typed, new: Typed, what: str, package: str, refused: set[Way]
) -> BoundsChanged:
    return BoundsChanged(
        package=package,
        at=_bounds_place(new, old),
        was=_bounds_place(old, new),
        what=what,
        old=_bounds_text(old.constraints),
        new=_bounds_text(new.constraints),
        refused=frozenset(refused),
    )


def _bounds_place(typed: Typed, other: Typed) -> Position:
    """Where the first constraint stands that is another one on the other side."""
    changed = [
        at
        for name, at in typed.constraints.positions.items()
        if getattr(typed.constraints, name) != getattr(other.constraints, name)
    ]
    return min(changed, default=typed.expr.at)


def _bounds_text(constraints: Constraints) -> str:
    stated = [(name, getattr(constraints, name)) for name in _BOUNDS]
    return ", ".join(f"{name} {value}" for name, value in stated if value is not None) or "no bound"


# ---- keys of maps --------------------------------------------------------------------------------


def _key_changes(old: Typed, new: Typed, what: str, package: str) -> Found:
    old_map, new_map = old.expr, new.expr
    if not isinstance(old_map, MapOf) or not isinstance(new_map, MapOf):
        return
    old_key = _key(old_map, old.home)
    new_key = _key(new_map, new.home)
    inner = f"a key of {what}"
    old_digits, new_digits = (
        isinstance(key.expr, Scalar | Ref) and stands_for_number(key.expr, key.home)
        for key in (old_key, new_key)
    )
    if old_digits == new_digits:
        yield from type_changes(old_key, new_key, inner, package)
        return
    refused = {
        way
        for way, receiver in ((Way.FORTH, new_key), (Way.BACK, old_key))
        if not _takes_all_text(receiver)
    }
    yield _replaced(old_key, new_key, inner, package, refused)


def _key(map_: MapOf, home: Contract) -> Typed:
    return Typed(Scalar(ScalarKind.STRING, map_.at) if map_.key is None else map_.key, home)


def _takes_all_text(typed: Typed) -> bool:
    """Whether it is a string without bounds."""
    bare = _without_aliases(typed)
    is_string = isinstance(bare.expr, Scalar) and bare.expr.kind is ScalarKind.STRING
    return is_string and not bare.constraints


# ---- types of different make ---------------------------------------------------------------------


def _alternative_changes(old: Typed, new: Typed, what: str, package: str) -> Found:
    old_forms, new_forms = _forms(old), _forms(new)
    if not old_forms or not new_forms:
        yield _replaced(old, new, what, package, set(Way))
        return
    for kind, form in old_forms.items():
        if (other := new_forms.get(kind)) is not None:
            yield from type_changes(form, other, what, package)
        else:
            yield AlternativeRemoved(
                package=package,
                at=new.expr.at,
                was=form.expr.at,
                what=what,
                alternative=shown(form),
            )
    for kind, form in new_forms.items():
        if kind not in old_forms:
            yield AlternativeAdded(
                package=package,
                at=form.expr.at,
                was=old.expr.at,
                what=what,
                alternative=shown(form),
            )


def _forms(typed: Typed) -> dict[JsonKind, Typed]:
    """The types that a value may be of, by their kind in JSON; nothing when that is not told."""
    exprs = typed.expr.forms if isinstance(typed.expr, OneOf) else (typed.expr,)
    found: dict[JsonKind, Typed] = {}
    for expr in exprs:
        kind = json_kind(expr, typed.home)
        if kind is None:
            return {}
        found[kind] = Typed(expr, typed.home, typed.constraints)
    return found


def _takes(sender: Typed, receiver: Typed) -> bool:
    """Whether a reader of one type takes all values of another that is made differently."""
    by_name, enum = _named(receiver), _named(sender)
    if by_name is not None:
        return (
            isinstance(by_name.type, EnumType)
            and by_name.type.open
            and isinstance(sender.expr, Scalar)
            and _is_of_enum(sender.expr.kind, by_name.type)
        )
    if enum is not None and isinstance(enum.type, EnumType):
        return _enum_within(enum.type, receiver)
    return isinstance(sender.expr, TextOf) and _takes_all_text(receiver)


def _is_of_enum(kind: ScalarKind, enum: EnumType) -> bool:
    return kind in NUMBERS_IN_JSON if enum.of_numbers else is_text(kind)


def _enum_within(enum: EnumType, receiver: Typed) -> bool:
    if enum.open:
        kind = ScalarKind.INT if enum.of_numbers else ScalarKind.STRING
        return isinstance(receiver.expr, Scalar) and scalar_within(
            kind, NO_CONSTRAINTS, receiver.expr.kind, receiver.constraints
        )
    return not any(
        any(misfits(node, receiver.expr, receiver.home, receiver.constraints))
        for value in enum.values.values()
        for node in [ScalarNode(value.value, str(value.value), value.at)]
    )
