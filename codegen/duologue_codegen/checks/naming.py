"""Names are written in the case of their kind, mean something to nobody else, and stay retired."""

from __future__ import annotations

import keyword
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from ..diagnostics import Diagnostic, Position, Related, quoted
from ..model import (
    Contract,
    EnumType,
    ObjectType,
    ReservedName,
    UnionType,
)
from ..model.walk import events, fields, methods
from ..names import (
    MAX_NAME_LENGTH,
    MAX_WIRE_NAME_LENGTH,
    MODULES_NEEDED,
    as_yaml,
    field_name_taken,
    is_pascal,
    is_snake,
    method_name_taken,
    pascal,
    snake,
    type_name_taken,
)
from ..reading.contract import package_of
from ..reading.project import Project
from ..values.scalars import MAX_SAFE_INT
from .registry import Findings, project_rule, rule

_PACKAGE: Final = re.compile(
    r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*\.v[1-9][0-9]*((alpha|beta)[1-9][0-9]*)?"
)


@rule("package-path-match")
def package_path_match(contract: Contract) -> Findings:
    """The package is the file's path below the schema folder, and ends in a version."""
    expected = package_of(contract.path)
    if contract.package != expected:
        message = f"package {quoted(contract.package)} lies in {quoted(contract.path)}"
        hint = f"expected {quoted(expected)}, or another path"
        yield Diagnostic("package-path-match", contract.package_at, message, hint)
    elif not _PACKAGE.fullmatch(expected):
        message = f"{quoted(expected)} is no name for a package"
        hint = "lower-case words with dots between, and a version: `chat.rooms.v1`"
        yield Diagnostic("package-path-match", contract.package_at, message, hint)


_MODULES: Final = frozenset({"_contract", "client", "dialogues", "errors", "models", "service"})
"""Modules of a generated package."""


@project_rule("package-name-taken")
def package_name_taken(project: Project) -> Findings:
    """No folder of a package is called like a keyword of Python, or hides a module it needs."""
    packages = {contract.package for contract in project.everything}
    for contract in project.judged:
        parts = contract.package.split(".")
        for part in parts:
            if part in keyword.kwlist:
                message = f"{quoted(part)} is a keyword of Python: nobody could import the package"
                yield _package_taken(contract, message, part)
        if not project.import_root and parts[0] in MODULES_NEEDED:
            message = f"a folder {quoted(parts[0])} would hide the module of that name"
            yield _package_taken(contract, f"{message}: `import_root` is empty", parts[0])
        for end in range(1, len(parts)):
            outer = ".".join(parts[:end])
            if outer in packages and parts[end] in _MODULES:
                message = f"a folder {quoted(parts[end])} would hide that module of {quoted(outer)}"
                yield _package_taken(contract, message, parts[end])


def _package_taken(contract: Contract, message: str, part: str) -> Diagnostic:
    hint = f"rename the folder, for example to {quoted(f'{part}_api')}"
    return Diagnostic("package-name-taken", contract.package_at, message, hint)


@dataclass(frozen=True, slots=True)
class _Named:
    name: str
    what: str
    case: Literal["snake", "Pascal"]
    at: Position
    key: str | None = None
    """What may say that it is called otherwise on the wire: `wire` or `value`."""

    @property
    def on_wire(self) -> str:
        """What to write beside another name, so that this one goes over the wire."""
        return quoted(f"{self.key}: {as_yaml(self.name)}")


def _names(contract: Contract) -> Iterator[_Named]:
    """Every name that an author chooses."""
    for alias, import_ in contract.imports.items():
        yield _Named(alias, "imports", "snake", import_.at)
    for type_ in contract.types.values():
        yield _Named(type_.name, "types", "Pascal", type_.at)
        if isinstance(type_, EnumType):
            for value in type_.values.values():
                yield _Named(value.name, "enum values", "snake", value.at, "value")
        if isinstance(type_, UnionType) and type_.tag:
            yield _Named(type_.tag, "tags", "snake", type_.tag_at, "wire")
    for error in contract.errors.values():
        yield _Named(error.name, "errors", "Pascal", error.at)
    for service in contract.services.values():
        yield _Named(service.name, "services", "Pascal", service.at)
    for dialogue in contract.dialogues.values():
        yield _Named(dialogue.name, "dialogues", "Pascal", dialogue.at)
        for role in dialogue.roles:
            yield _Named(role.name, "roles", "snake", role.at)
    for _, method in methods(contract):
        yield _Named(method.name, "methods", "snake", method.at)
    for _, event in events(contract):
        yield _Named(event.name, "events", "snake", event.at)
    for owned in fields(contract):
        yield _Named(owned.field.name, "fields", "snake", owned.field.at, "wire")


@rule("name-case")
def name_case(contract: Contract) -> Findings:
    """Types, errors, services and dialogues are written `LikeThis`, all other names `like_this`."""
    for named in _names(contract):
        if len(named.name) > MAX_NAME_LENGTH:
            message = f"{quoted(named.name)} has {len(named.name)} characters"
            yield Diagnostic("name-case", named.at, message, f"at most {MAX_NAME_LENGTH}")
            continue
        is_right, example, turn = {
            "snake": (is_snake, "like_this", snake),
            "Pascal": (is_pascal, "LikeThis", pascal),
        }[named.case]
        if is_right(named.name) or named.name.startswith("_"):
            continue  # a leading underscore is reported as a reserved name
        better = turn(named.name)
        is_ascii = named.name.isascii() and is_right(better)
        hint = f"write {quoted(better)}" if is_ascii else "letters and digits of ASCII"
        if is_ascii and named.key is not None:
            hint += f", with {named.on_wire} if that is what goes over the wire"
        message = f"{quoted(named.name)}: {named.what} are written {quoted(example)}"
        yield Diagnostic("name-case", named.at, message, hint)


@rule("wire-value-plain")
def wire_value_plain(contract: Contract) -> Findings:
    """What goes over the wire as a name or a value is short and printable."""
    for text, at, limit in _wire_values(contract):
        if not text or not text.isprintable() or len(text) > limit:
            message = f"{quoted(text)} is no value for the wire"
            hint = f"1 to {limit} printable characters"
            yield Diagnostic("wire-value-plain", at, message, hint)
    for type_ in contract.types.values():
        for value in type_.values.values() if isinstance(type_, EnumType) else ():
            if isinstance(value.value, int) and abs(value.value) > MAX_SAFE_INT:
                message = f"{quoted(str(value.value))} is no value for the wire"
                hint = "numbers lie between ±(2^53 - 1): not every language has greater ones"
                yield Diagnostic("wire-value-plain", value.at, message, hint)


def _wire_values(contract: Contract) -> Iterator[tuple[str, Position, int]]:
    for type_ in contract.types.values():
        if isinstance(type_, EnumType):
            for value in type_.values.values():
                if isinstance(value.value, str):
                    yield value.value, value.at, MAX_NAME_LENGTH
        elif isinstance(type_, UnionType):
            forms = type_.variants.values()
            yield from ((form.tag_value, form.at, MAX_NAME_LENGTH) for form in forms)
            if type_.stated_wire is not None:
                yield type_.stated_wire, type_.tag_at, MAX_WIRE_NAME_LENGTH
    for error in contract.errors.values():
        if error.code_at != error.at:
            yield error.code, error.code_at, MAX_NAME_LENGTH
    for owned in fields(contract):
        if owned.field.stated_wire is not None:
            at = owned.field.wire_at or owned.field.at
            yield owned.field.stated_wire, at, MAX_WIRE_NAME_LENGTH


@rule("name-not-reserved-by-python")
def name_not_reserved_by_python(contract: Contract) -> Findings:
    """No name is one that Python, pydantic or the generated code need for themselves."""
    for named in _names(contract):
        taken = _taken_by(named)
        if taken is not None:
            hint = f"write {quoted(_better(named))}, for example"
            if named.key is not None:
                hint = f"write {quoted(_better(named))}, for example, with {named.on_wire}"
            message = f"{quoted(named.name)} is taken: {taken}"
            yield Diagnostic("name-not-reserved-by-python", named.at, message, hint)


def _taken_by(named: _Named) -> str | None:
    taken = None
    if named.case == "Pascal":
        taken = type_name_taken(named.name)
    elif named.what == "methods":
        taken = method_name_taken(named.name)
    elif named.what in {"fields", "tags"}:
        taken = field_name_taken(named.name)
    if taken is None and named.name.startswith("_"):
        return "names begin with a letter"
    return taken


def _better(named: _Named) -> str:
    bare = named.name.strip("_")
    if named.case == "Pascal":
        return f"{bare}Item"
    if named.what == "methods":
        return f"{bare}_it"
    bare = bare.removeprefix("model_")
    if bare and field_name_taken(bare) is None:
        return bare
    return f"{bare}_name" if bare == "class" else f"{bare or 'the'}_value"


@rule("reserved-name-reused")
def reserved_name_reused(contract: Contract) -> Findings:
    """A reserved name is not used again."""
    for type_ in contract.types.values():
        match type_:
            case ObjectType(fields=own, reserved=reserved):
                used = {field.wire: field.wire_at or field.at for field in own.values()}
            case EnumType(values=own, reserved=reserved):
                used = {str(value.value): value.at for value in own.values()}
            case UnionType(variants=own, reserved=reserved):
                used = {tag: variant.at for tag, variant in own.items()}
            case _:
                continue
        yield from _reused(used.items(), reserved)
    for error in contract.errors.values():
        used_keys = ((one.wire, one.wire_at or one.at) for one in error.fields.values())
        yield from _reused(used_keys, error.reserved)
    for service in contract.services.values():
        used_names = ((one.name, one.at) for one in service.numbered)
        yield from _reused(used_names, service.reserved_names)


def _reused(
    used: Iterable[tuple[str, Position]] | Collection[tuple[str, Position]],
    reserved: Iterable[ReservedName],
) -> Findings:
    retired = {one.name: one.at for one in reserved}
    for name, at in used:
        if name in retired:
            related = Related(retired[name], "reserved here")
            message = f"{quoted(name)} is reserved"
            hint = "take another name: an older peer may still know this one"
            yield Diagnostic("reserved-name-reused", at, message, hint, related=related)
