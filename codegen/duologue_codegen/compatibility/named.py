"""Two versions of a named type: objects, enums, unions, aliases, raw schemas."""

from __future__ import annotations

from collections.abc import Iterator

from ..diagnostics import quoted
from ..model import (
    AliasType,
    EnumType,
    ObjectType,
    SchemaType,
    UnionType,
)
from ..model.forms import forms_of, own_tag_of
from ..model.walk import schema_refs
from ..text.tree import Data
from .changes import (
    Change,
    EnumMemberRenamed,
    EnumValueAdded,
    EnumValueRemoved,
    FormAdded,
    FormRemoved,
    NameFreed,
    OpennessChanged,
    TagChanged,
    ThingKind,
    TypeReplaced,
    UnknownFieldsChanged,
)
from .fields import Block, field_changes
from .types import Found, Named, NamedPair, Typed, whole_changes
from .ways import Way

_FOR_PEOPLE = frozenset({"description", "examples", "deprecated", "title"})


def named_changes(pair: NamedPair) -> Found:
    """The differences between two versions of a named type."""
    old, new = pair.old.type, pair.new.type
    match old, new:
        case ObjectType(), ObjectType():
            yield from _object_changes(old, new, pair)
        case EnumType(), EnumType():
            yield from _enum_changes(old, new, pair)
        case UnionType(), UnionType():
            yield from _union_changes(old, new, pair)
        case AliasType(), AliasType():
            yield from whole_changes(
                Typed(old.type, pair.old.home, old.constraints),
                Typed(new.type, pair.new.home, new.constraints),
                quoted(new.name),
                pair.new.home.package,
            )
        case SchemaType(), SchemaType():
            yield from _schema_changes(old, new, pair)
        case _:
            yield _replaced(pair, _kind(pair.old), _kind(pair.new))


def _kind(named: Named) -> str:
    match named.type:
        case ObjectType():
            return "an object"
        case EnumType():
            return "an enum"
        case UnionType():
            return "a union"
        case AliasType():
            return "an alias"
        case SchemaType():
            return "a raw schema"


def _replaced(pair: NamedPair, old: str, new: str) -> TypeReplaced:
    return TypeReplaced(
        package=pair.new.home.package,
        at=pair.new.type.at,
        was=pair.old.type.at,
        what=quoted(pair.new.type.name),
        old=old,
        new=new,
        refused=frozenset(Way),
    )


# ---- objects -------------------------------------------------------------------------------------


def _object_changes(old: ObjectType, new: ObjectType, pair: NamedPair) -> Found:
    package = pair.new.home.package
    before = Block(fields=old.fields, home=pair.old.home, name=old.name, at=old.at)
    after = Block(fields=new.fields, home=pair.new.home, name=new.name, at=new.at)
    yield from field_changes(before, after)
    yield from _tag_changes(old, new, pair)
    if old.keeps_unknown != new.keeps_unknown:
        yield UnknownFieldsChanged(
            package=package, at=new.at, was=old.at, owner=new.name, kept=new.keeps_unknown
        )
    gone = {field.wire for field in old.fields.values()}
    gone -= {field.wire for field in new.fields.values()}
    yield from freed(pair, {one.name for one in old.reserved}, gone, "field")


def _tag_changes(old: ObjectType, new: ObjectType, pair: NamedPair) -> Iterator[Change]:
    """The tag that an object has as a form of a union is a field of it, with one value."""
    before, after = own_tag_of(old, pair.old.home), own_tag_of(new, pair.new.home)
    refused: set[Way] = set()
    if before is not None and after is not None and before.wire == after.wire:
        refused = set(Way) if before.value != after.value else set()
    else:
        wires = {field.wire for field in old.fields.values()}
        if after is not None and after.wire in wires:
            refused.add(Way.FORTH)
        wires = {field.wire for field in new.fields.values()}
        if before is not None and before.wire in wires:
            refused.add(Way.BACK)
    if refused:
        yield TagChanged(
            package=pair.new.home.package,
            at=new.at,
            was=old.at,
            owner=new.name,
            old="no tag" if before is None else f"{before.wire}: {before.value}",
            new="no tag" if after is None else f"{after.wire}: {after.value}",
            refused=frozenset(refused),
        )


# ---- enums and unions ----------------------------------------------------------------------------


def _enum_changes(old: EnumType, new: EnumType, pair: NamedPair) -> Found:
    if old.of_numbers != new.of_numbers:
        kinds = ("numbers" if one.of_numbers else "texts" for one in (old, new))
        yield _replaced(pair, *(f"an enum of {kind}" for kind in kinds))
        return
    package = pair.new.home.package
    before = {value.value: value for value in old.values.values()}
    after = {value.value: value for value in new.values.values()}
    is_open = old.open and new.open
    for key, value in before.items():
        if (heir := after.get(key)) is None:
            yield EnumValueRemoved(
                package=package,
                at=new.at,
                was=value.at,
                owner=new.name,
                value=value,
                is_open=is_open,
            )
        elif heir.name != value.name:
            yield EnumMemberRenamed(
                package=package,
                at=heir.at,
                was=value.at,
                owner=new.name,
                old=value.name,
                new=heir.name,
            )
    for key, value in after.items():
        if key not in before:
            yield EnumValueAdded(
                package=package,
                at=value.at,
                was=old.at,
                owner=new.name,
                value=value,
                is_open=is_open,
            )
    yield from _openness_changes(old, new, pair)
    gone = {str(value) for value in before.keys() - after.keys()}
    yield from freed(pair, {one.name for one in old.reserved}, gone, "value")


def _openness_changes(
    old: EnumType | UnionType, new: EnumType | UnionType, pair: NamedPair
) -> Iterator[Change]:
    if old.open != new.open:
        yield OpennessChanged(
            package=pair.new.home.package,
            at=new.open_at or new.at,
            was=old.open_at or old.at,
            owner=new.name,
            is_open=new.open,
        )


def _union_changes(old: UnionType, new: UnionType, pair: NamedPair) -> Found:
    package = pair.new.home.package
    if old.wire != new.wire:
        yield TagChanged(
            package=package,
            at=new.tag_at,
            was=old.tag_at,
            owner=new.name,
            old=old.wire,
            new=new.wire,
            refused=frozenset(Way),
        )
        return
    before = {form.tag_value: form for form in forms_of(old, pair.old.home)}
    after = {form.tag_value: form for form in forms_of(new, pair.new.home)}
    is_open = old.open and new.open
    for tag_value, form in before.items():
        if (heir := after.get(tag_value)) is None:
            yield FormRemoved(
                package=package,
                at=new.at,
                was=form.variant.at,
                owner=new.name,
                tag_value=tag_value,
                is_open=is_open,
            )
        else:
            yield NamedPair(Named(form.type, form.home), Named(heir.type, heir.home))
    for tag_value, form in after.items():
        if tag_value not in before:
            yield FormAdded(
                package=package,
                at=form.variant.at,
                was=old.at,
                owner=new.name,
                tag_value=tag_value,
                is_open=is_open,
            )
    yield from _openness_changes(old, new, pair)
    own_gone = set(old.variants) - set(new.variants)
    yield from freed(pair, {one.name for one in old.reserved}, own_gone, "form")


# ---- what must not come back ---------------------------------------------------------------------


def freed(pair: NamedPair, reserved: set[str], gone: set[str], kind: ThingKind) -> Iterator[Change]:
    """Names that nothing keeps from getting a new meaning any more."""
    old, new = pair.old.type, pair.new.type
    kept = set[str]()
    if not isinstance(new, AliasType | SchemaType):
        kept = {one.name for one in new.reserved}
    for names, was_reserved in ((reserved - kept, True), (gone - kept, False)):
        for name in sorted(names):
            yield NameFreed(
                package=pair.new.home.package,
                at=new.at,
                was=old.at,
                owner=new.name,
                kind=kind,
                name=name,
                was_reserved=was_reserved,
            )


# ---- raw schemas ---------------------------------------------------------------------------------


def _schema_changes(old: SchemaType, new: SchemaType, pair: NamedPair) -> Found:
    if _meaning(old.schema.data) != _meaning(new.schema.data):
        yield _replaced(pair, "another raw schema", "this one")
        return
    for name, _ in schema_refs(new.schema):
        before, after = pair.old.home.types.get(name), pair.new.home.types.get(name)
        if before is not None and after is not None:
            yield NamedPair(Named(before, pair.old.home), Named(after, pair.new.home))


def _meaning(schema: Data, *, is_names: bool = False) -> Data:
    """A raw schema without what only people read."""
    if isinstance(schema, list):
        return [_meaning(item) for item in schema]
    if not isinstance(schema, dict):
        return repr(schema)
    return {
        key: _meaning(value, is_names=key == "properties" and not is_names)
        for key, value in schema.items()
        if is_names or key not in _FOR_PEOPLE
    }
