"""Two versions of a block of fields: of an object, of params, of an error, of an event."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ..diagnostics import Position, quoted
from ..model import Contract, Field, OptionalOf
from ..model.canonical import expression_text
from ..model.type_expressions import without_optional
from .changes import (
    Change,
    DefaultChanged,
    FieldAdded,
    FieldNameChanged,
    FieldRemoved,
    PresenceChanged,
)
from .types import Found, Typed, takes_null, type_changes
from .ways import Way

_Beside: TypeAlias = Literal["absent", "null"]
"""What may be there, or come, in place of a value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """The fields of something, and where it stands."""

    fields: Mapping[str, Field]
    home: Contract
    name: str
    """Of what they are fields: `Member`."""
    of_call: str = ""
    """What a field is of a method or an event: a `param`. Empty in a type or an error."""
    at: Position
    positional: bool = False
    """They go over the wire by their places."""

    def what(self, field: Field) -> str:
        """A field as a finding calls it."""
        if self.of_call:
            return f"{self.of_call} {quoted(field.name)} of {quoted(self.name)}"
        return quoted(f"{self.name}.{field.name}")

    def by_wire(self) -> dict[str, Field]:
        """The fields by what tells them apart on the wire."""
        if self.positional:
            return {str(place): field for place, field in enumerate(self.fields.values())}
        return {field.wire: field for field in self.fields.values()}


def field_changes(old: Block, new: Block) -> Found:
    """The differences between two versions of the same fields."""
    before, after = old.by_wire(), new.by_wire()
    removed = {key: field for key, field in before.items() if key not in after}
    added = {key: field for key, field in after.items() if key not in before}
    package = new.home.package
    heirs = {} if old.positional else _heirs(removed, added)
    for key, field in removed.items():
        yield FieldRemoved(
            package=package,
            at=heirs[key].at if key in heirs else new.at,
            was=field.at,
            what=old.what(field),
            field=field,
            heir=heirs.get(key),
        )
    inherited = {field.wire for field in heirs.values()}
    for field in added.values():
        if field.wire not in inherited or old.positional:
            yield FieldAdded(
                package=package, at=field.at, was=old.at, what=new.what(field), field=field
            )
    for key, field in after.items():
        if key in before:
            yield from _changes_of(before[key], field, old, new)


def _heirs(removed: Mapping[str, Field], added: Mapping[str, Field]) -> dict[str, Field]:
    """New fields that are old ones under another name, as far as that is beyond doubt."""
    found: dict[str, Field] = {}
    for key, field in removed.items():
        alike = [one for one in added.values() if _alike(field, one)]
        same_name = [one for one in alike if one.name == field.name]
        rivals = [one for one in removed.values() if _alike(one, field)]
        if same_name:
            found[key] = same_name[0]
        elif len(alike) == 1 and len(rivals) == 1:
            found[key] = alike[0]
    return found


def _alike(one: Field, other: Field) -> bool:
    return (
        expression_text(one.type) == expression_text(other.type)
        and one.constraints == other.constraints
        and one.required == other.required
    )


def _changes_of(before: Field, after: Field, old: Block, new: Block) -> Found:
    package, what = new.home.package, new.what(after)
    if before.name != after.name:
        yield FieldNameChanged(
            package=package, at=after.at, was=before.at, what=what, old=before, new=after
        )
    yield from _presence_changes(before, after, old, new)
    if not before.required and not after.required and _default(before) != _default(after):
        yield DefaultChanged(
            package=package,
            at=after.at if after.default is None else after.default.at,
            was=before.at if before.default is None else before.default.at,
            what=what,
        )
    yield from type_changes(
        Typed(without_optional(before.type), old.home, before.constraints),
        Typed(without_optional(after.type), new.home, after.constraints),
        what,
        package,
    )


def _default(field: Field) -> object:
    # As text, since in Python `true` is 1.
    return None if field.default is None else repr(field.default.data)


def _presence_changes(before: Field, after: Field, old: Block, new: Block) -> Iterator[Change]:
    forth = _sent(before, old.home) - _taken(after, new.home)
    back = _sent(after, new.home) - _taken(before, old.home)
    absent = {way for way, left in ((Way.FORTH, forth), (Way.BACK, back)) if "absent" in left}
    null = {way for way, left in ((Way.FORTH, forth), (Way.BACK, back)) if "null" in left}
    for refused, is_absent in ((absent, True), (null - absent, False)):
        if refused:
            yield PresenceChanged(
                package=new.home.package,
                at=after.type.at,
                was=before.type.at,
                what=new.what(after),
                old=before,
                new=after,
                refused=frozenset(refused),
                absent=is_absent,
            )


def _sent(field: Field, home: Contract) -> set[_Beside]:
    """What a sender may give in place of a value."""
    found = _taken(field, home)
    return found - {"null"} if field.omit_null else found


def _taken(field: Field, home: Contract) -> set[_Beside]:
    """What a receiver takes in place of a value."""
    found: set[_Beside] = set() if field.required else {"absent"}
    if isinstance(field.type, OptionalOf) or takes_null(field.type, home):
        found.add("null")
    return found
