"""The forms of a union are told apart by one field, whoever declares them."""

from __future__ import annotations

from collections.abc import Iterator

from ..diagnostics import Diagnostic, Related, quoted
from ..model import Contract, ObjectType, UnionType, Variant
from ..model.forms import Form, Tag, forms_of, needs_own_class, own_tag_of
from .registry import Findings, rule
from .type_kinds import kind_of_type


def _unions(contract: Contract) -> Iterator[UnionType]:
    yield from (type_ for type_ in contract.types.values() if isinstance(type_, UnionType))


@rule("union-variant-object")
def union_variant_object(contract: Contract) -> Findings:
    """The forms of a union are object types, or unions with the same tag."""
    for union in _unions(contract):
        for variant in union.variants.values():
            type_, at = contract.resolve(variant.type), variant.type.at
            if isinstance(type_, UnionType):
                yield from _nested(union, type_, variant)
            elif type_ is not None and not isinstance(type_, ObjectType):
                message = f"{quoted(type_.name)} is {kind_of_type(type_)}, and forms are objects"
                yield Diagnostic("union-variant-object", at, message, "wrap it in an object")


def _nested(union: UnionType, inner: UnionType, variant: Variant) -> Findings:
    name, at = quoted(inner.name), variant.type.at
    if (inner.tag, inner.wire) != (union.tag, union.wire):
        message = f"{name} is told apart by {quoted(inner.tag)}, and this union by another tag"
        hint = f"write `tag: {inner.tag}`, or wrap {name} in an object"
        yield Diagnostic("union-variant-object", at, message, hint)
    elif inner.open and not union.open:
        message = f"{name} is open, and {quoted(union.name)} is not"
        hint = "write `open: true`: what one of them keeps, the other cannot refuse"
        yield Diagnostic("union-variant-object", at, message, hint)


@rule("union-variant-once")
def union_variant_once(contract: Contract) -> Findings:
    """An object is a form under one tag and one value only: the tag is a field of it."""
    seen: dict[str, tuple[tuple[str, str, str], Related]] = {}
    for union in _unions(contract):
        for variant in union.variants.values():
            type_ = contract.resolve(variant.type)
            if variant.type.alias is not None or isinstance(type_, UnionType):
                continue
            name, at = variant.type.name, variant.type.at
            related = Related(at, f"{union.tag}: {variant.tag_value} here")
            form = union.tag, union.wire, variant.tag_value
            first, first_at = seen.setdefault(name, (form, related))
            if first != form:
                message = f"{quoted(name)} is already a form under another tag or value"
                hint = "make an object of its own for this form"
                yield Diagnostic("union-variant-once", at, message, hint, related=first_at)
        yield from _twice(union, contract)


def _twice(union: UnionType, contract: Contract) -> Findings:
    """Values, and objects of other contracts, that come again within one union."""
    values: dict[str, Variant] = {}
    foreign: dict[tuple[str, str], Variant] = {}
    for variant in union.variants.values():
        for form in _forms_through(variant, union, contract):
            if (other := values.setdefault(form.tag_value, variant)) is not variant:
                message = f"{quoted(form.tag_value)} is already a form of {quoted(union.name)}"
                related = Related(other.at, "through this")
                at = variant.type.at
                yield Diagnostic("union-variant-once", at, message, related=related)
            if form.is_foreign and form.union is union:
                yield from _foreign(form, foreign)


def _forms_through(variant: Variant, union: UnionType, contract: Contract) -> Iterator[Form]:
    """What one entry of a union brings into it."""
    inner, home = contract.resolve(variant.type), contract.home_of(variant.type)
    if isinstance(inner, UnionType) and home is not None:
        # Else another rule reports it, and here would only be consequences.
        if (inner.tag, inner.wire) == (union.tag, union.wire) and inner is not union:
            yield from forms_of(inner, home)
    else:
        forms = forms_of(union, contract)
        yield from (form for form in forms if form.union is union and form.variant is variant)


def _meet(own: Tag, union: UnionType) -> bool:
    """Whether the tag that an object has would be the one it gets, in Python or in JSON."""
    return own.name == union.tag or own.wire == union.wire


def _foreign(form: Form, seen: dict[tuple[str, str], Variant]) -> Findings:
    at, name = form.variant.type.at, quoted(form.type.name)
    own = own_tag_of(form.type, form.home)
    if own is not None and needs_own_class(form) and _meet(own, form.union):
        message = f"{name} has the {own.name} {quoted(own.value)} where it is declared"
        yield Diagnostic("union-variant-once", at, message, f"write `{own.value}` here, too")
    first = seen.setdefault((form.home.package, form.type.name), form.variant)
    if first is not form.variant:
        message = f"{name} is already a form of {quoted(form.union.name)}"
        hint = "make an object of its own for this form"
        related = Related(first.at, "here")
        yield Diagnostic("union-variant-once", at, message, hint, related=related)
