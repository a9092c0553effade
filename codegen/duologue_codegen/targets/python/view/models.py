"""What stands in a generated models.py: every class and alias, spelled out and in order."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ....text.tree import Data

Measure: TypeAlias = Literal["value", "length"]
"""What bounds speak of: a number, or how long or how many."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """The constraints of one field or alias."""

    measure: Measure = "value"
    minimum: int | float | None = None
    maximum: int | float | None = None
    above: int | float | None = None
    below: int | float | None = None
    multiple_of: int | float | None = None
    pattern: str | None = None


NO_BOUNDS = Bounds()


@dataclass(frozen=True, slots=True, kw_only=True)
class Default:
    """What a field has when nobody gives it one."""

    data: Data
    """As JSON."""
    text: str
    """As Python: `Role.MEMBER`."""
    enum: str | None = None
    """The name of the enum that it is a member of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldModel:
    """One field of a class."""

    name: str
    annotation: str
    """Its type, without constraints: `SafeInt | None`."""
    needs: frozenset[str]
    """The names of this module's own types in `annotation`."""
    default: Default | None = None
    may_be_absent: bool = False
    """Absent is different from every value: `| MISSING = MISSING`."""
    bounds: Bounds = NO_BOUNDS
    examples: tuple[Data, ...] = ()
    deprecated: str | None = None
    doc: str = ""
    wire: str | None = None
    """Its key in JSON, where that is not its name."""

    @property
    def required(self) -> bool:
        """Whether every sender must give it."""
        return self.default is None and not self.may_be_absent


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassModel:
    """A pydantic class."""

    name: str
    fields: tuple[FieldModel, ...]
    base: str | None = None
    """What it inherits from; None for the usual base."""
    keeps_unknown: bool = False
    doc: str = ""

    @property
    def needs_first(self) -> frozenset[str]:
        """Names that must be defined before it: the enums of its defaults."""
        return frozenset(
            each.default.enum
            for each in self.fields
            if each.default is not None and each.default.enum is not None
        )

    @property
    def needs(self) -> frozenset[str]:
        """Names it mentions; pydantic waits for those that come later."""
        return frozenset[str]().union(*(each.needs for each in self.fields))


@dataclass(frozen=True, slots=True, kw_only=True)
class EnumMember:
    """One value of an enum."""

    name: str
    value: str | int
    doc: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnumModel:
    """A StrEnum, or one of numbers."""

    name: str
    members: tuple[EnumMember, ...]
    number_base: str | None = None
    """The base class of one of numbers."""
    doc: str = ""
    needs_first: frozenset[str] = frozenset()
    needs: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Circle:
    """Aliases that need each other, so that none of them can be read first.

    What they mean stands in quotes, once for type checkers and once for Python: pyright knows
    nothing of a `TypeAliasType` that it meets through a class of another file, if it is recursive.
    """

    names: frozenset[str]
    type_checking: str
    """What models.py calls `typing.TYPE_CHECKING`."""
    type_alias: str
    """What it calls `typing.TypeAlias`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AliasModel:
    """Another name for a type, a union among them."""

    name: str
    annotation: str
    needs: frozenset[str]
    circle: Circle | None = None
    """Set when it leads back to itself through nothing but aliases."""
    bounds: Bounds = NO_BOUNDS
    examples: tuple[Data, ...] = ()
    doc: str = ""

    @property
    def needs_first(self) -> frozenset[str]:
        """Names that must be defined before it: an alias is made when the module is read."""
        return self.needs if self.circle is None else self.needs - self.circle.names


TypeModel: TypeAlias = ClassModel | EnumModel | AliasModel


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelsView:
    """A whole models.py."""

    types: tuple[TypeModel, ...]
    """In an order in which the module can be read."""
    imports: tuple[str, ...]
    """Import statements that the annotations need."""
    taken: frozenset[str]
    """Names that mean something in the module: what is imported besides gets other ones."""

    def local_name(self, name: str) -> str:
        """What the imported `name` is called in the module."""
        return free_name(name, self.taken)


def free_name(name: str, taken: Collection[str]) -> str:
    """`name`, or with underscores behind it when it is taken: no name of a contract ends so."""
    while name in taken:
        name += "_"
    return name


class EndlessAlias(ValueError):
    """Aliases that mean each other. The checks let none through."""


def in_reading_order(types: list[TypeModel]) -> tuple[TypeModel, ...]:
    """`types` so that the module can be read.

    The order given is kept as far as that goes: always the first type is taken of which nothing is
    missing. A circle of types that mention each other is opened at the first that can be defined
    before the others, and finished before anything else is taken.

    Raises:
        EndlessAlias: none can be.
    """
    waiting = {each.name: each for each in types}
    ordered: list[TypeModel] = []
    circle: set[str] = set()
    while waiting:
        missing = {
            name: ((each.needs | each.needs_first) & waiting.keys()) - {name}
            for name, each in waiting.items()
        }
        circle &= waiting.keys()
        chosen = next(
            (name for name in missing if name in (circle or waiting) and not missing[name]), None
        )
        if chosen is None:
            chosen, circle = _opening(waiting, missing, circle or set(waiting))
        ordered.append(waiting.pop(chosen))
    return tuple(ordered)


def _opening(
    waiting: Mapping[str, TypeModel], missing: Mapping[str, frozenset[str]], among: set[str]
) -> tuple[str, set[str]]:
    """A type `among` those that wait which can be defined now, and what it is in a circle with."""
    ahead = {name: _reachable(name, missing) for name in among}
    for name in (name for name in waiting if name in among):
        is_possible = not waiting[name].needs_first & waiting.keys() - {name}
        if is_possible and all(name in _reachable(other, missing) for other in ahead[name]):
            return name, ahead[name]
    raise EndlessAlias(", ".join(waiting))


def _reachable(start: str, missing: Mapping[str, frozenset[str]]) -> set[str]:
    found: set[str] = set()
    ahead = [start]
    while ahead:
        fresh = missing[ahead.pop()] - found
        found |= fresh
        ahead += fresh
    return found
