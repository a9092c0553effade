"""The forms of a union, those of the unions among them included, and what tags an object has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from .contract import Contract
from .types import ObjectType, UnionType, Variant


@dataclass(frozen=True, slots=True)
class Form:
    """One object that a union may be."""

    tag_value: str
    type: ObjectType
    home: Contract
    """The contract that declares `type`."""
    union: UnionType
    """The union that names it: the one asked for, or one that is a form of it."""
    union_home: Contract
    variant: Variant
    """Where `union` names it."""

    @property
    def is_foreign(self) -> bool:
        """Whether another contract declares the object than the one that makes a form of it."""
        return self.home.package != self.union_home.package


def forms_of(union: UnionType, home: Contract) -> Iterator[Form]:
    """Every object that `union`, which `home` declares, may be, in the order of the file.

    What is no object and no union is left out; a rule reports it.
    """
    yield from _forms(union, home, frozenset())


def _forms(union: UnionType, home: Contract, above: frozenset[tuple[str, str]]) -> Iterator[Form]:
    name = home.package, union.name
    if name in above:
        return
    for variant in union.variants.values():
        type_, declared_in = home.resolve(variant.type), home.home_of(variant.type)
        if declared_in is None:
            continue
        if isinstance(type_, ObjectType):
            yield Form(variant.tag_value, type_, declared_in, union, home, variant)
        elif isinstance(type_, UnionType):
            yield from _forms(type_, declared_in, above | {name})


class Tag(NamedTuple):
    """The field that tells which form an object is."""

    name: str
    wire: str
    """Its key in JSON."""
    value: str


def own_tag_of(type_: ObjectType, home: Contract) -> Tag | None:
    """The tag that an object has in the contract that declares it.

    A union of that contract names it; those of other contracts change nothing about it.
    """
    for union in home.types.values():
        if isinstance(union, UnionType):
            for value, variant in union.variants.items():
                if variant.type.alias is None and variant.type.name == type_.name:
                    return Tag(union.tag, union.wire, value)
    return None


def needs_own_class(form: Form) -> bool:
    """Whether the object cannot be the form itself, since it lacks the tag where it comes from."""
    wanted = Tag(form.union.tag, form.union.wire, form.tag_value)
    return form.is_foreign and own_tag_of(form.type, form.home) != wanted


def class_of_form(form: Form) -> str:
    """What the class of a form is called, in the package that makes it.

    That is the object's own, or one that adds the tag: form `common.Text` of `Body` is `BodyText`.
    """
    return f"{form.union.name}{form.type.name}" if needs_own_class(form) else form.type.name
