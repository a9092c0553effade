"""How the types of a contract are spelled in Python, and what the spelling needs imported.

Every file has a `Speller` of its own, which collects that file's imports. The spellings:

* `checked`, for what pydantic reads: `SafeInt`, `AwareDatetime`, `OpenEnum[Role]`;
* `value`, the same where an expression stands: mypy knows `OpenEnum[Role]` in annotations only;
* `plain`, for what people read in signatures: `int`, `datetime`, `Role | str`.

Type checkers see the same type in all.

A name that is imported and means something else in the file gets an underscore behind it: beside a
field `time`, annotations say `time_`. No name of a contract ends so.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple

from ....model import (
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
    TypeExpr,
)
from ....model.json_kinds import json_kind
from ....names import pascal, words


class Import(NamedTuple):
    """One imported name; `alias` is empty when it keeps its name."""

    module: str
    name: str
    alias: str = ""

    @property
    def line(self) -> str:
        """The statement."""
        renamed = f" as {self.alias}" if self.alias else ""
        return f"from {self.module} import {self.name}{renamed}"


class Style(Enum):
    """Which of the spellings is wanted."""

    CHECKED = "checked"
    VALUE = "value"
    PLAIN = "plain"


class _Spelling(NamedTuple):
    name: str
    module: str = ""
    """Empty for what is built in."""


_CHECKED: Final[Mapping[ScalarKind, _Spelling]] = {
    ScalarKind.STRING: _Spelling("str"),
    ScalarKind.INT: _Spelling("SafeInt", "duologue.typed"),
    ScalarKind.INT32: _Spelling("Int32", "duologue.typed"),
    ScalarKind.INT64: _Spelling("Int64", "duologue.typed"),
    ScalarKind.FLOAT: _Spelling("float"),
    ScalarKind.BOOL: _Spelling("bool"),
    ScalarKind.BYTES: _Spelling("bytes"),
    ScalarKind.DATETIME: _Spelling("AwareDatetime", "pydantic"),
    ScalarKind.DATE: _Spelling("date", "datetime"),
    ScalarKind.TIME: _Spelling("time", "datetime"),
    ScalarKind.DURATION: _Spelling("timedelta", "datetime"),
    ScalarKind.UUID: _Spelling("UUID", "uuid"),
    ScalarKind.DECIMAL: _Spelling("Decimal", "decimal"),
    ScalarKind.URL: _Spelling("Url", "duologue.typed"),
    ScalarKind.JSON: _Spelling("Json", "duologue.typed"),
}

_PLAIN: Final[Mapping[ScalarKind, _Spelling]] = {
    **_CHECKED,
    ScalarKind.INT: _Spelling("int"),
    ScalarKind.INT32: _Spelling("int"),
    ScalarKind.INT64: _Spelling("int"),
    ScalarKind.DATETIME: _Spelling("datetime", "datetime"),
    ScalarKind.URL: _Spelling("str"),
    ScalarKind.JSON: _Spelling("JsonValue", "pydantic"),
}


class ForeignName(NamedTuple):
    """A type of another contract, as the files of this package call it."""

    module: str
    name: str
    local_name: str

    @property
    def import_(self) -> Import:
        """What brings it in."""
        return Import(
            self.module, self.name, "" if self.name == self.local_name else self.local_name
        )


def _imported_type_names(contract: Contract) -> Iterator[str]:
    seen: set[str] = set()
    waiting = [contract]
    while waiting:
        for each in waiting.pop().imports.values():
            if each.contract is not None and each.path not in seen:
                seen.add(each.path)
                waiting.append(each.contract)
                yield from each.contract.types


class ForeignNames:
    """What imported types are called in one package.

    They keep their names. Where that name is the package's own, or that of an earlier import, the
    import alias goes in front: `common.User` becomes `CommonUser`.
    """

    def __init__(self, contract: Contract, own_names: frozenset[str], import_root: str) -> None:
        self.own_names = own_names
        self.imported_names = frozenset(_imported_type_names(contract))
        """What the types of imported contracts are called there."""
        self._taken = set(own_names)
        self._import_root = import_root
        self._aliases = {
            each.contract.package: alias
            for alias, each in contract.imports.items()
            if each.contract is not None
        }
        self._names: dict[tuple[str, str], ForeignName] = {}

    def of(self, package: str, name: str) -> ForeignName:
        """The name of a type of another package; the same one whenever it is asked for."""
        found = self._names.get((package, name))
        if found is None:
            local_name = name
            if local_name in self._taken:
                local_name = pascal("_".join(words(self._aliases.get(package, package)))) + name
            while local_name in self._taken:
                local_name += "_"
            self._taken.add(local_name)
            module = ".".join(filter(None, (self._import_root, package, "models")))
            found = self._names[package, name] = ForeignName(module, name, local_name)
        return found


@dataclass(frozen=True)
class Place:
    """How a file calls the types of its own package."""

    module: str
    """What they are imported from, one by one; empty inside models.py and for a prefix."""
    prefix: str = ""
    """`m.` where the file imports the whole module instead."""


IN_MODELS: Final = Place("")
BESIDE_MODELS: Final = Place(".models")
BY_MODULE: Final = Place("", "m.")


def is_open_enum(ref: Ref, home: Contract) -> bool:
    """Whether `ref`, written in `home`, is an enum that keeps values it does not know."""
    target = home.resolve(ref)
    return isinstance(target, EnumType) and target.open


class Speller:
    """Spells types for one file and remembers in `imports` what that takes."""

    def __init__(
        self,
        contract: Contract,
        foreign: ForeignNames,
        place: Place,
        members: Collection[str] = (),
    ) -> None:
        """`members`: what the classes of the file define, in whose bodies annotations stand."""
        self._taken = foreign.imported_names.union(members)
        if not place.prefix:
            self._taken |= foreign.own_names
        self._contract = contract
        self._foreign = foreign
        self._place = place
        self.imports: dict[Import, None] = {}
        """Used as an ordered set."""

    def spell(self, expression: TypeExpr, style: Style, *, home: Contract | None = None) -> str:
        """The Python type of `expression`, which was written in `home` (this contract if None)."""
        home = home or self._contract
        match expression:
            case Scalar(kind=kind):
                return self._take((_PLAIN if style is Style.PLAIN else _CHECKED)[kind])
            case OptionalOf(of=Ref() as ref) if style is Style.VALUE and is_open_enum(ref, home):
                # pyright cannot join an `Annotated[...]` and None where a value stands.
                return self._open_enum_value(f"{self.name(ref, home=home)} | str | None")
            case OptionalOf(of=OneOf() as one_of):
                return self._spell_one_of(one_of, style, home, nullable=True)
            case OptionalOf(of=TextOf() as text_of) if style is Style.VALUE:
                # As above.
                optional = self.need("typing", "Optional")
                return f"{optional}[{self.spell(text_of, style, home=home)}]"
            case OptionalOf(of=inner):
                return f"{self.spell(inner, style, home=home)} | None"
            case ListOf(of=item):
                return f"list[{self.spell(item, style, home=home)}]"
            case MapOf(key=key, value=value):
                of_key = "str" if key is None else self.spell(key, style, home=home)
                return f"dict[{of_key}, {self.spell(value, style, home=home)}]"
            case TextOf(of=inner):
                held = self.spell(inner, style, home=home)
                if style is Style.PLAIN:
                    return held
                mark = f"{self.need('duologue.typed', 'JsonText')}()"
                return f"{self.need('typing', 'Annotated')}[{held}, {mark}]"
            case OneOf():
                return self._spell_one_of(expression, style, home)
            case Ref():
                return self._spell_ref(expression, style, home)

    def _spell_one_of(
        self, one_of: OneOf, style: Style, home: Contract, *, nullable: bool = False
    ) -> str:
        forms = [self.spell(form, style, home=home) for form in one_of.forms]
        union = " | ".join([*forms, "None"] if nullable else forms)
        if style is Style.PLAIN:
            return union
        kinds = ", ".join(f'"{json_kind(form, home)}"' for form in one_of.forms)
        mark = f"{self.need('duologue.typed', 'OneOf')}({kinds})"
        return f"{self.need('typing', 'Annotated')}[{union}, {mark}]"

    def _spell_ref(self, ref: Ref, style: Style, home: Contract) -> str:
        name = self.name(ref, home=home)
        if not is_open_enum(ref, home):
            return name
        match style:
            case Style.PLAIN:
                return f"{name} | str"
            case Style.VALUE:
                return self._open_enum_value(f"{name} | str")
            case Style.CHECKED:
                return f"{self.need('duologue.typed', 'OpenEnum')}[{name}]"

    def _open_enum_value(self, union: str) -> str:
        annotated, field = self.need("typing", "Annotated"), self.need("pydantic", "Field")
        return f'{annotated}[{union}, {field}(union_mode="left_to_right")]'

    def name(self, ref: Ref, *, home: Contract | None = None) -> str:
        """The bare name of the type that `ref`, written in `home`, points at."""
        target = (home or self._contract).home_of(ref)
        return self.class_(ref.package if target is None else target.package, ref.name)

    def class_(self, package: str, name: str) -> str:
        """What the class or alias `name` of the models of `package` is called here."""
        if package == self._contract.package:
            return self.own(name)
        foreign = self._foreign.of(package, name)
        self.imports[foreign.import_] = None
        return foreign.local_name

    def own(self, name: str) -> str:
        """The name, in this file, of a class or alias of this package's models."""
        if self._place.module:
            self.imports[Import(self._place.module, name)] = None
        return f"{self._place.prefix}{name}"

    def need(self, module: str, name: str) -> str:
        """What `name`, imported from `module`, is called here."""
        local = name
        while local in self._taken:
            local += "_"
        self.imports[Import(module, name, "" if local == name else local)] = None
        return local

    def lines(self) -> tuple[str, ...]:
        """The import statements so far, in a fixed order."""
        return tuple(each.line for each in sorted(self.imports))

    def _take(self, spelling: _Spelling) -> str:
        return self.need(spelling.module, spelling.name) if spelling.module else spelling.name


class Spellers:
    """The spellers of the files beside models.py."""

    def __init__(self, contract: Contract, foreign: ForeignNames) -> None:
        methods = {name for service in contract.services.values() for name in service.methods}
        self.errors = Speller(contract, foreign, BESIDE_MODELS)
        self.client = Speller(contract, foreign, BESIDE_MODELS, methods)
        self.service = Speller(contract, foreign, BESIDE_MODELS, methods)
        self.contract = Speller(contract, foreign, BY_MODULE)
        """Of `_contract.py`."""

    @property
    def imports(self) -> dict[str, tuple[str, ...]]:
        """Import statements, by the file's name without its ending."""
        return {
            "errors": self.errors.lines(),
            "client": self.client.lines(),
            "service": self.service.lines(),
            "_contract": self.contract.lines(),
        }
