"""What is different between two versions of contracts, as values. Whether it matters, rules say.

Every change has two places: `at` in the new contracts and `was` in the old ones. What is only in
one of them is told at the place where the other would have it: its type, its method, its service.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from ..diagnostics import Position
from ..model import EnumValue, Field
from .ways import Flow, Way

CallableKind: TypeAlias = Literal["method", "event"]
ThingKind: TypeAlias = Literal["field", "value", "form", "id", "name"]


@dataclass(frozen=True, kw_only=True)
class Change:
    """One difference."""

    package: str
    """The package of the new contracts in which it stands, or the old one that is gone."""
    at: Position
    was: Position
    flows: tuple[Flow, ...] = ()
    """The ways that values take in which this is. Empty when nothing that travels holds it."""


# ---- of values -----------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class FieldAdded(Change):
    """An object, params or an error has a field more."""

    what: str
    field: Field


@dataclass(frozen=True, kw_only=True)
class FieldRemoved(Change):
    """An object, params or an error has a field less."""

    what: str
    field: Field
    heir: Field | None = None
    """A new field that is just like it but for its name: it was renamed."""


@dataclass(frozen=True, kw_only=True)
class FieldNameChanged(Change):
    """A field has another name in code, and the same key on the wire."""

    what: str
    old: Field
    new: Field


@dataclass(frozen=True, kw_only=True)
class PresenceChanged(Change):
    """A field may be left out or be null, and might not before; or the reverse."""

    what: str
    old: Field
    new: Field
    refused: frozenset[Way]
    absent: bool
    """It is about leaving the field out, not about null."""


@dataclass(frozen=True, kw_only=True)
class DefaultChanged(Change):
    """A field that is left out means something else."""

    what: str


@dataclass(frozen=True, kw_only=True)
class NullChanged(Change):
    """What is no field, such as a result or the items of a list, may be null, or no more."""

    what: str
    may_be_null: bool


@dataclass(frozen=True, kw_only=True)
class TypeReplaced(Change):
    """Something has another type."""

    what: str
    old: str
    new: str
    refused: frozenset[Way]


@dataclass(frozen=True, kw_only=True)
class BoundsChanged(Change):
    """Something has other constraints, of the same type."""

    what: str
    old: str
    new: str
    refused: frozenset[Way]


@dataclass(frozen=True, kw_only=True)
class AlternativeAdded(Change):
    """One more type is among those of `A or B`."""

    what: str
    alternative: str


@dataclass(frozen=True, kw_only=True)
class AlternativeRemoved(Change):
    """One type less is among those of `A or B`."""

    what: str
    alternative: str


@dataclass(frozen=True, kw_only=True)
class EnumValueAdded(Change):
    """An enum has a value more."""

    owner: str
    value: EnumValue
    is_open: bool
    """Both versions are."""


@dataclass(frozen=True, kw_only=True)
class EnumValueRemoved(Change):
    """An enum has a value less."""

    owner: str
    value: EnumValue
    is_open: bool
    """Both versions are."""


@dataclass(frozen=True, kw_only=True)
class EnumMemberRenamed(Change):
    """A value of an enum has another name in code."""

    owner: str
    old: str
    new: str


@dataclass(frozen=True, kw_only=True)
class FormAdded(Change):
    """A union has a form more."""

    owner: str
    tag_value: str
    is_open: bool
    """Both versions are."""


@dataclass(frozen=True, kw_only=True)
class FormRemoved(Change):
    """A union has a form less."""

    owner: str
    tag_value: str
    is_open: bool
    """Both versions are."""


@dataclass(frozen=True, kw_only=True)
class TagChanged(Change):
    """The tag of a union or of an object has another key or another value."""

    owner: str
    old: str
    new: str
    refused: frozenset[Way]


@dataclass(frozen=True, kw_only=True)
class OpennessChanged(Change):
    """An enum or a union was closed and is open, or the reverse."""

    owner: str
    is_open: bool


@dataclass(frozen=True, kw_only=True)
class UnknownFieldsChanged(Change):
    """An object kept the fields that a build does not know, and drops them now; or the reverse."""

    owner: str
    kept: bool


@dataclass(frozen=True, kw_only=True)
class TypeGone(Change):
    """There is no type of this name any more."""

    name: str
    heir: str | None
    """A new one that stands where it stood."""


@dataclass(frozen=True, kw_only=True)
class NameFreed(Change):
    """What was reserved is not any more, or what is gone was never reserved."""

    owner: str
    kind: ThingKind
    name: str
    was_reserved: bool


# ---- of services ---------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class PackageGone(Change):
    """There is no such contract any more."""


@dataclass(frozen=True, kw_only=True)
class ServiceGone(Change):
    """A contract has a service less."""

    name: str
    heir: str | None
    """A new service with the same ids: it was renamed."""


@dataclass(frozen=True, kw_only=True)
class ServiceMoved(Change):
    """The numbers of a service on the wire begin elsewhere."""

    name: str
    old: int
    new: int


@dataclass(frozen=True, kw_only=True)
class CallableAdded(Change):
    """A service has a method or an event more."""

    service: str
    kind: CallableKind
    name: str
    id: int
    deprecated: bool


@dataclass(frozen=True, kw_only=True)
class CallableRemoved(Change):
    """A service has a method or an event less."""

    service: str
    kind: CallableKind
    name: str
    id: int
    deprecated: bool


@dataclass(frozen=True, kw_only=True)
class CallableRenamed(Change):
    """A method or an event has another name, and the same id."""

    service: str
    old: str
    new: str


@dataclass(frozen=True, kw_only=True)
class IdChanged(Change):
    """A method or an event has another id, and the same name."""

    service: str
    name: str
    old: int
    new: int


@dataclass(frozen=True, kw_only=True)
class IdReused(Change):
    """An id that was reserved is that of something new."""

    service: str
    name: str
    id: int


@dataclass(frozen=True, kw_only=True)
class KindChanged(Change):
    """A method is called in another manner, or became an event."""

    what: str
    old: str
    new: str


@dataclass(frozen=True, kw_only=True)
class ResultChanged(Change):
    """A method returns something now, or nothing any more, or a stream of another kind."""

    what: str
    old: str
    new: str
    refused: frozenset[Way]


@dataclass(frozen=True, kw_only=True)
class ParamsNameChanged(Change):
    """The class of a method's params, or of an event, is another one."""

    what: str
    old: str
    new: str


@dataclass(frozen=True, kw_only=True)
class EventKeyChanged(Change):
    """One subscribes to an event by another field, by one at all, or by none any more."""

    what: str
    old: str | None
    """The key, as on the wire."""
    new: str | None


@dataclass(frozen=True, kw_only=True)
class ReplayLowered(Change):
    """Less of an event is kept for those who come late."""

    what: str
    old: int
    new: int


@dataclass(frozen=True, kw_only=True)
class BufferChanged(Change):
    """A slow subscriber meets something else."""

    what: str
    old: str
    new: str


@dataclass(frozen=True, kw_only=True)
class CancelChanged(Change):
    """A call that is cancelled runs on, and did not before; or the reverse."""

    what: str
    runs_on: bool


@dataclass(frozen=True, kw_only=True)
class EffectChanged(Change):
    """How often a method may be called for the same thing."""

    what: str
    old: str
    new: str


@dataclass(frozen=True, kw_only=True)
class RaisesChanged(Change):
    """A method may raise another set of errors."""

    what: str
    added: tuple[str, ...]
    removed: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ErrorGone(Change):
    """A contract declares an error less, by name."""

    name: str


@dataclass(frozen=True, kw_only=True)
class ErrorCodeChanged(Change):
    """An error has another code, and the same name."""

    name: str
    old: str
    new: str


@dataclass(frozen=True, kw_only=True)
class RetryChanged(Change):
    """An error says something else of calling again."""

    name: str
    old: str
    new: str
