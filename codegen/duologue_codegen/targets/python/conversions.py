"""A module that leads from one version of a package to another and back, for people to go on with.

Every field is written out, so that type checkers tell what has to change here once the contract of
the new version changes. What only the older version has, and must have, is a function that nobody
but a person can fill in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from ...model import (
    AliasType,
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
    SchemaType,
    TextOf,
    TypeDef,
    TypeExpr,
    UnionType,
)
from ...model.forms import Form, class_of_form, forms_of, needs_own_class
from ...model.walk import alias_circles, meaning
from ...names import snake
from .formatting import format_python
from .view.annotations import ForeignNames, Place, Speller, Style
from .view.inline_classes import inline_classes
from .view.wording import enum_member

_INTRODUCTION: Final = '''\
"""`{old}` and `{new}`: what one of them has, as the other wants it.

Written once by `duologue new-version`, and yours from then on. Whenever the contract of
`{new}` changes, a type checker names the lines that have to change here.
"""
'''


def conversions_module(old: Contract, new: Contract, import_root: str) -> str:
    """The Python of it, formatted. `new` has no type, field or form that `old` has not.

    Raises:
        Unformattable: it is not Python.
    """
    there = _Way(old, new, import_root)
    back = _Way(new, old, import_root)
    body = [*there.functions(), *back.functions()]
    parent = ".".join(filter(None, (import_root, old.package.rpartition(".")[0])))
    modules = sorted((there.source_module, back.source_module))
    imports = [f"from {parent} import {', '.join(modules)}" if parent else f"import {modules[0]}"]
    if not parent:
        imports.append(f"import {modules[1]}")
    imports += [*there.imports(), *back.imports()]
    text = "\n\n".join(
        [_INTRODUCTION.format(old=old.package, new=new.package), "\n".join(imports), *body]
    )
    first_party = (import_root or old.package).partition(".")[0]
    return format_python("conversions.py", text, first_party=(first_party,))


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a person has to say, as a function."""

    name: str
    parameter: str
    """Empty, or `new: v2.Message`."""
    gives: str
    doc: str
    todo: str

    def text(self) -> str:
        return (
            f"def {self.name}({self.parameter}) -> {self.gives}:\n"
            f'    """{self.doc}"""\n'
            f'    raise NotImplementedError("{self.todo}")\n'
        )


class _Way:
    """From `source` to `target`, two versions of one package."""

    def __init__(self, source: Contract, target: Contract, import_root: str) -> None:
        self._source = source
        self._target = target
        self.source_module = source.package.rpartition(".")[2]
        self._to = target.package.rpartition(".")[2]
        self._from = self.source_module
        self._speller = Speller(
            target, ForeignNames(target, frozenset(), import_root), Place("", f"{self._to}.")
        )
        self._reader = Speller(
            source, ForeignNames(source, frozenset(), import_root), Place("", f"{self._from}.")
        )
        self._circles = alias_circles(source)
        self._wanted: list[_Wanted] = []

    def imports(self) -> Iterator[str]:
        """The statements that its functions need."""
        yield from self._speller.lines()
        yield from self._reader.lines()

    def functions(self) -> list[str]:
        """All functions, those first that a person has to fill in."""
        made = [*self._of_types(), *self._of_services(), *self._of_errors()]
        return [*(each.text() for each in self._wanted), *made]

    # ---- what there is to convert ----------------------------------------------------------------

    def _of_types(self) -> Iterator[str]:
        for name, target in self._target.types.items():
            source = self._source.types.get(name)
            if source is None or not self._needs_type(source):
                continue
            match source, target:
                case ObjectType(), ObjectType():
                    yield self._object(name, source, target)
                case EnumType(), EnumType():
                    yield self._enum(source, target)
                case UnionType(), UnionType():
                    yield self._union(source, target)
                case AliasType(), AliasType():
                    body = f"    return {self._converted(source.type, 'given', 0)}\n"
                    yield self._function(name, body)
                case _:
                    yield self._function(name, self._through_json(name))

    def _of_services(self) -> Iterator[str]:
        sources = {one.name: one.fields for one in inline_classes(self._source)}
        for one in inline_classes(self._target):
            if one.name in sources:
                made = self._made(one.name, sources[one.name], one.fields, "given")
                yield self._function(one.name, made)

    def _of_errors(self) -> Iterator[str]:
        for name, target in self._target.errors.items():
            if source := self._source.errors.get(name):
                made = self._made(name, source.fields, target.fields, "given.data")
                yield self._function(name, made)

    # ---- functions -------------------------------------------------------------------------------

    def _function(self, name: str, body: str) -> str:
        takes, gives = f"{self._from}.{name}", f"{self._to}.{name}"
        return f"def {self._name(name)}(given: {takes}) -> {gives}:\n{body}"

    def _name(self, name: str) -> str:
        return f"{snake(name)}_to_{self._to}"

    def _object(self, name: str, source: ObjectType, target: ObjectType) -> str:
        extra = ["**(given.model_extra or {})"] if target.keeps_unknown else []
        return self._function(name, self._made(name, source.fields, target.fields, "given", *extra))

    def _made(
        self,
        name: str,
        source: Mapping[str, Field],
        target: Mapping[str, Field],
        read: str,
        *more: str,
    ) -> str:
        """The body that makes an object of another one's fields."""
        arguments: list[str] = []
        for field in target.values():
            if field.name in source:
                value = self._field(source[field.name], f"{read}.{field.name}")
                arguments.append(f"{field.name}={value}")
            elif field.required:
                arguments.append(f"{field.name}={self._missing_field(name, field)}(given)")
        return f"    return {self._to}.{name}({', '.join([*arguments, *more])})\n"

    def _field(self, field: Field, value: str) -> str:
        if not self._needs(field.type):
            return value
        made = self._converted(field.type, value, 0)
        if field.explicit_presence:
            missing = self._reader.need("pydantic", "MISSING")
            return f"{missing} if {value} is {missing} else {made}"
        return made

    def _missing_field(self, owner: str, field: Field) -> str:
        name = f"{snake(owner)}_{field.name}"
        self._wanted.append(
            _Wanted(
                name,
                f"given: {self._from}.{owner}",
                self._speller.spell(field.type, Style.PLAIN),
                f"What `{field.name}` of {self._to} is; {self._from} has nothing of it.",
                f"say what {owner}.{field.name} is for {self._to}",
            )
        )
        return name

    def _enum(self, source: EnumType, target: EnumType) -> str:
        lines = ["    match given:"]
        for value in source.values.values():
            member = f"{source.name}.{enum_member(value.name)}"
            lines.append(f"        case {self._from}.{member}:")
            if value.name in target.values:
                lines.append(f"            return {self._to}.{member}")
            elif target.open:
                lines.append("            return given.value")
            else:
                lines.append(f"            return {self._missing_member(target, member)}()")
        takes, gives = f"{self._from}.{source.name}", f"{self._to}.{source.name}"
        if source.open:
            other = "int" if source.of_numbers else "str"
            takes, gives = f"{takes} | {other}", f"{gives} | {other}"
            lines += ["        case _:", "            return given"]
        body = "\n".join(lines)
        return f"def {self._name(source.name)}(given: {takes}) -> {gives}:\n{body}\n"

    def _missing_member(self, enum: EnumType, member: str) -> str:
        name = f"{snake(enum.name)}_for_{member.rpartition('.')[2].lower()}"
        self._wanted.append(
            _Wanted(
                name,
                "",
                f"{self._to}.{enum.name}",
                f"What {self._to} has in place of `{member}`.",
                f"say what takes the place of {member} in {self._to}",
            )
        )
        return name

    def _union(self, source: UnionType, target: UnionType) -> str:
        kept = {class_of_form(form) for form in forms_of(target, self._target)}
        lines = ["    match given:"]
        passes = source.open
        for form in forms_of(source, self._source):
            if not self._is_own(form):
                passes = True
                continue
            class_ = class_of_form(form)
            lines.append(f"        case {self._from}.{class_}():")
            if class_ not in kept:
                lines.append(f"            return {self._missing_form(target, class_)}(given)")
            elif needs_own_class(form):
                fields = ", ".join(f"{each}=given.{each}" for each in form.type.fields)
                lines.append(f"            return {self._to}.{class_}({fields})")
            else:
                lines.append(f"            return {self._name(class_)}(given)")
        if passes:
            lines += ["        case _:", "            return given"]
        return self._function(source.name, "\n".join(lines) + "\n")

    def _missing_form(self, union: UnionType, class_: str) -> str:
        name = f"{snake(union.name)}_for_{snake(class_)}"
        self._wanted.append(
            _Wanted(
                name,
                f"given: {self._from}.{class_}",
                f"{self._to}.{union.name}",
                f"What {self._to} has in place of a `{class_}`.",
                f"say what takes the place of {class_} in {self._to}",
            )
        )
        return name

    def _is_own(self, form: Form) -> bool:
        """Whether this package makes its class."""
        home = form.union_home if needs_own_class(form) else form.home
        return home.package == self._source.package

    def _through_json(self, name: str) -> str:
        """For raw schemas, whose classes are not looked into here."""
        adapter = self._reader.need("pydantic", "TypeAdapter")
        takes, gives = f"{self._from}.{name}", f"{self._to}.{name}"
        return (
            f"    data = {adapter}[{takes}]({takes}).dump_json(given, by_alias=True)\n"
            f"    return {adapter}[{gives}]({gives}).validate_json(data)\n"
        )

    # ---- values ----------------------------------------------------------------------------------

    def _needs(self, expression: TypeExpr) -> bool:
        """Whether a value of it is another one in the target."""
        match expression:
            case Scalar():
                return False
            case OptionalOf(of=inner) | ListOf(of=inner) | TextOf(of=inner):
                return self._needs(inner)
            case MapOf(key=key, value=value):
                return self._needs(value) or (key is not None and self._needs(key))
            case OneOf(forms=forms):
                return any(self._needs(form) for form in forms)
            case Ref(package=package, name=name):
                if package != self._source.package:
                    return False
                type_ = self._source.types.get(name)
                return type_ is not None and self._needs_type(type_)

    def _needs_type(self, type_: TypeDef) -> bool:
        match type_:
            case AliasType():
                return type_.name in self._circles or self._needs(type_.type)
            case SchemaType():
                return not type_.is_bytes
            case UnionType():
                return any(self._is_own(form) for form in forms_of(type_, self._source))
            case ObjectType() | EnumType():
                return True

    def _converted(self, expression: TypeExpr, value: str, depth: int) -> str:
        """A Python expression of what `value` is in the target."""
        if not self._needs(expression):
            return value
        each = f"each{depth or ''}"
        match expression:
            case OptionalOf(of=inner):
                return f"None if {value} is None else {self._converted(inner, value, depth)}"
            case TextOf(of=inner):
                return self._converted(inner, value, depth)
            case ListOf(of=inner):
                return f"[{self._converted(inner, each, depth + 1)} for {each} in {value}]"
            case MapOf(key=key, value=inner):
                name = f"key{depth or ''}"
                as_key = name if key is None else self._converted(key, name, depth + 1)
                held = self._converted(inner, each, depth + 1)
                return f"{{{as_key}: {held} for {name}, {each} in {value}.items()}}"
            case OneOf(forms=forms):
                made = value
                for form in forms:
                    if self._needs(form):
                        as_form = self._converted(form, value, depth)
                        made = f"({as_form}) if {self._test(form, value)} else {made}"
                return made
            case Ref(name=name):
                return f"{self._name(name)}({value})"
            case Scalar():
                return value

    def _test(self, form: TypeExpr, value: str) -> str:
        """Whether `value`, one of several types that JSON tells apart, is this one."""
        found, _ = meaning(form, self._source) or (form, self._source)
        return f"isinstance({value}, {self._classes(found)})"

    def _classes(self, found: TypeExpr) -> str:
        match found:
            case ListOf():
                return "list"
            case MapOf():
                return "dict"
            case Ref(name=name):
                type_ = self._source.types.get(name)
                if isinstance(type_, UnionType):
                    classes = (
                        self._reader.class_(
                            (form.union_home if needs_own_class(form) else form.home).package,
                            class_of_form(form),
                        )
                        for form in forms_of(type_, self._source)
                    )
                    unknown = [self._reader.need("duologue.typed", "Unknown")] if type_.open else []
                    return " | ".join([*classes, *unknown])
                if isinstance(type_, EnumType) and type_.open:
                    return f"{self._from}.{name} | {'int' if type_.of_numbers else 'str'}"
                return f"{self._from}.{name}"
            case _:
                return "object"
