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
    WHOLE_NUMBERS,
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
from ....model.walk import stands_for_number
from ....names import pascal, words
from .models import free_name


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
    ScalarKind.UINT32: _Spelling("UInt32", "duologue.typed"),
    ScalarKind.UINT64: _Spelling("UInt64", "duologue.typed"),
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
    **dict.fromkeys(WHOLE_NUMBERS, _Spelling("int")),
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


def open_enum(ref: Ref, home: Contract) -> EnumType | None:
    """The enum that `ref`, written in `home`, means, if it keeps values it does not know."""
    target = home.resolve(ref)
    return target if isinstance(target, EnumType) and target.open else None


class Speller:
    """Spells types for one file and remembers in `imports` what that takes."""

    def __init__(
        self,
        contract: Contract,
        foreign: ForeignNames,
        place: Place,
        members: Collection[str] = (),
    ) -> None:
        """`members`: what else the file defines, in its classes as well: annotations stand in
        their bodies."""
        self.taken = foreign.imported_names.union(members)
        """What the names of a contract mean in the file. Whatever is imported has other names."""
        if not place.prefix:
            self.taken |= foreign.own_names
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
            case OptionalOf(of=OneOf() as one_of):
                return self._spell_one_of(one_of, style, home, nullable=True)
            case OptionalOf(of=TextOf() as text_of) if style is Style.VALUE:
                # pyright cannot join an `Annotated[...]` and None where a value stands.
                optional = self.need("typing", "Optional")
                return f"{optional}[{self.spell(text_of, style, home=home)}]"
            case OptionalOf(of=inner):
                enum = open_enum(inner, home) if isinstance(inner, Ref) else None
                if isinstance(inner, Ref) and enum is not None and style is Style.VALUE:
                    # As above.
                    return self._in_order(f"{self._open_enum(inner, enum, style, home)} | None")
                return f"{self.spell(inner, style, home=home)} | None"
            case ListOf(of=item):
                return f"{self.builtin('list')}[{self.spell(item, style, home=home)}]"
            case MapOf(key=key, value=value):
                of_key = self._spell_key(key, style, home)
                return f"{self.builtin('dict')}[{of_key}, {self.spell(value, style, home=home)}]"
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
        if nullable:
            forms.append("None")
        if style is Style.PLAIN:
            return " | ".join(forms)
        if len(forms) > 2:
            # `OneOf` goes by their order, and `A | B | C` loses it: `typing` remembers `A | B` and
            # `B | A` as the same, and gives for either of them the one that it met first.
            union = f"{self.need('typing', 'Union')}[{', '.join(forms)}]"
        else:
            union = " | ".join(forms)
        kinds = ", ".join(f'"{json_kind(form, home)}"' for form in one_of.forms)
        mark = f"{self.need('duologue.typed', 'OneOf')}({kinds})"
        return f"{self.need('typing', 'Annotated')}[{union}, {mark}]"

    def _spell_key(self, key: Scalar | Ref | None, style: Style, home: Contract) -> str:
        """The key of a map: a number is written as its digits there, and read from nothing else."""
        if key is None:
            return self.builtin("str")
        spelled = self.spell(key, style, home=home)
        if style is Style.PLAIN or not stands_for_number(key, home):
            return spelled
        annotated = self.need("typing", "Annotated")
        return f"{annotated}[{spelled}, {self.need('duologue.typed', 'NumberKey')}()]"

    def _spell_ref(self, ref: Ref, style: Style, home: Contract) -> str:
        enum = open_enum(ref, home)
        if enum is None:
            return self.name(ref, home=home)
        if style is Style.CHECKED:
            form = "OpenNumberEnum" if enum.of_numbers else "OpenEnum"
            return f"{self.need('duologue.typed', form)}[{self.name(ref, home=home)}]"
        union = self._open_enum(ref, enum, style, home)
        return union if style is Style.PLAIN else self._in_order(union)

    def _open_enum(self, ref: Ref, enum: EnumType, style: Style, home: Contract) -> str:
        """The members, and whatever else may come."""
        kind = ScalarKind.INT if enum.of_numbers else ScalarKind.STRING
        other = self._take((_PLAIN if style is Style.PLAIN else _CHECKED)[kind])
        return f"{self.name(ref, home=home)} | {other}"

    def _in_order(self, union: str) -> str:
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
        local = free_name(name, self.taken)
        self.imports[Import(module, name, "" if local == name else local)] = None
        return local

    def builtin(self, name: str) -> str:
        """What Python's own `name` is called here: `list`, unless a field or method is."""
        return self.need("builtins", name) if name in self.taken else name

    def lines(self) -> tuple[str, ...]:
        """The import statements so far, in a fixed order."""
        return tuple(each.line for each in sorted(self.imports))

    def _take(self, spelling: _Spelling) -> str:
        if spelling.module:
            return self.need(spelling.module, spelling.name)
        return self.builtin(spelling.name)


_DIALOGUE_TYPES: Final = "dialogues_types"
"""What only type checkers need of dialogues.py: the rest would load what not everybody uses."""

_FRAMEWORK: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "errors": (("typing", "Final"), ("typing", "TypeAlias"), ("duologue", "ContractError")),
    "client": (("duologue.typed", "Client"), ("typing_extensions", "deprecated")),
    "service": (
        ("abc", "ABC"),
        ("abc", "abstractmethod"),
        ("duologue.typed", "Service"),
        ("duologue.typed", "unimplemented"),
    ),
    "dialogues": (("duologue", "Dialogue"), ("typing", "TYPE_CHECKING")),
    _DIALOGUE_TYPES: (
        ("collections.abc", "Sequence"),
        ("contextlib", "AbstractAsyncContextManager"),
        ("typing", "Self"),
        ("typing", "Unpack"),
        ("duologue", "ConnectOptions"),
        ("duologue", "DialOptions"),
        ("duologue", "Listener"),
        ("duologue", "ListenOptions"),
        ("duologue", "Server"),
        ("duologue", "ServeOptions"),
        ("duologue.typed", "Peer"),
    ),
    "_contract": (
        ("typing", "Final"),
        ("duologue.typed", "DeclaredError"),
        ("duologue.typed", "ServiceContract"),
    ),
}
"""What the templates of each file import for themselves. Ruff takes out what goes unused."""


class Spellers:
    """The spellers of the files beside models.py."""

    def __init__(
        self, contract: Contract, foreign: ForeignNames, constants: Collection[str]
    ) -> None:
        """`constants`: what `_contract.py` defines."""
        methods = {name for service in contract.services.values() for name in service.methods}
        self.errors = Speller(contract, foreign, BESIDE_MODELS)
        self.client = Speller(contract, foreign, BESIDE_MODELS, methods)
        self.service = Speller(contract, foreign, BESIDE_MODELS, methods)
        self.contract = Speller(contract, foreign, BY_MODULE, constants)
        """Of `_contract.py`."""
        self._by_file = {
            "errors": self.errors,
            "client": self.client,
            "service": self.service,
            "_contract": self.contract,
            "dialogues": Speller(contract, foreign, BESIDE_MODELS),
            _DIALOGUE_TYPES: Speller(contract, foreign, BESIDE_MODELS),
        }
        self.names: dict[str, dict[str, str]] = {
            file: {name: self._by_file[file].need(module, name) for module, name in needed}
            for file, needed in _FRAMEWORK.items()
        }
        """What each file calls what its template imports, by the file's name without its ending."""

    @property
    def imports(self) -> dict[str, tuple[str, ...]]:
        """Import statements, by the file's name without its ending."""
        return {file: speller.lines() for file, speller in self._by_file.items()}
