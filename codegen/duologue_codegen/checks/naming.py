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
    MODULES_NEEDED,
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


_MODULES: Final = frozenset({"_contract", "client", "errors", "models", "service"})
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


def _names(contract: Contract) -> Iterator[_Named]:
    """Every name that an author chooses."""
    for alias, import_ in contract.imports.items():
        yield _Named(alias, "imports", "snake", import_.at)
    for type_ in contract.types.values():
        yield _Named(type_.name, "types", "Pascal", type_.at)
        if isinstance(type_, EnumType):
            for value in type_.values.values():
                yield _Named(value.name, "enum values", "snake", value.at)
        if isinstance(type_, UnionType) and type_.tag:
            yield _Named(type_.tag, "tags", "snake", type_.tag_at)
    for error in contract.errors.values():
        yield _Named(error.name, "errors", "Pascal", error.at)
    for service in contract.services.values():
        yield _Named(service.name, "services", "Pascal", service.at)
    for _, method in methods(contract):
        yield _Named(method.name, "methods", "snake", method.at)
    for _, event in events(contract):
        yield _Named(event.name, "events", "snake", event.at)
    for owned in fields(contract):
        yield _Named(owned.field.name, "fields", "snake", owned.field.at)


@rule("name-case")
def name_case(contract: Contract) -> Findings:
    """Types, errors and services are written `LikeThis`, all other names `like_this`."""
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
        message = f"{quoted(named.name)}: {named.what} are written {quoted(example)}"
        yield Diagnostic("name-case", named.at, message, hint)


@rule("wire-value-plain")
def wire_value_plain(contract: Contract) -> Findings:
    """Values of enums and tags, and codes of errors, are short and printable."""
    for text, at in _wire_values(contract):
        if not text or not text.isprintable() or len(text) > MAX_NAME_LENGTH:
            message = f"{quoted(text)} is no value for the wire"
            hint = f"1 to {MAX_NAME_LENGTH} printable characters"
            yield Diagnostic("wire-value-plain", at, message, hint)


def _wire_values(contract: Contract) -> Iterator[tuple[str, Position]]:
    for type_ in contract.types.values():
        if isinstance(type_, EnumType):
            yield from ((value.value, value.at) for value in type_.values.values())
        elif isinstance(type_, UnionType):
            yield from ((value.tag_value, value.at) for value in type_.variants.values())
    for error in contract.errors.values():
        if error.code_at != error.at:
            yield error.code, error.code_at


@rule("name-not-reserved-by-python")
def name_not_reserved_by_python(contract: Contract) -> Findings:
    """No name is one that Python, pydantic or the generated code need for themselves."""
    for named in _names(contract):
        taken, better = None, ""
        if named.case == "Pascal":
            taken, better = type_name_taken(named.name), f"{named.name}Item"
        elif named.what == "methods":
            taken, better = method_name_taken(named.name), f"{named.name.strip('_')}_it"
        elif named.what == "tags":
            taken, better = field_name_taken(named.name), "kind"
        if named.name.startswith("_") and taken is None:
            taken, better = "names begin with a letter", named.name.strip("_")
        if taken is not None and named.what != "fields":
            yield _taken(named.name, named.at, taken, better)
    for owned in fields(contract):
        name, in_params = owned.field.name, owned.in_params
        taken = field_name_taken(name, in_params=in_params)
        if taken is not None:
            yield _taken(name, owned.field.at, taken, _better_field(name, in_params=in_params))


def _taken(name: str, at: Position, taken: str, better: str) -> Diagnostic:
    hint = f"write {quoted(better)}, for example"
    message = f"{quoted(name)} is taken: {taken}"
    return Diagnostic("name-not-reserved-by-python", at, message, hint)


def _better_field(name: str, *, in_params: bool) -> str:
    bare = name.strip("_")
    for prefix in ("model_", "parse_"):
        bare = bare.removeprefix(prefix)
    if bare and field_name_taken(bare, in_params=in_params) is None:
        return bare
    return f"{bare}_name" if bare == "class" else f"{bare or 'the'}_value"


@rule("reserved-name-reused")
def reserved_name_reused(contract: Contract) -> Findings:
    """A reserved name is not used again."""
    for type_ in contract.types.values():
        match type_:
            case ObjectType(fields=own, reserved=reserved):
                used = {field.name: field.at for field in own.values()}
            case EnumType(values=own, reserved=reserved):
                used = {value.value: value.at for value in own.values()}
            case UnionType(variants=own, reserved=reserved):
                used = {tag: variant.at for tag, variant in own.items()}
            case _:
                continue
        yield from _reused(used.items(), reserved)
    for error in contract.errors.values():
        yield from _reused(((one.name, one.at) for one in error.fields.values()), error.reserved)
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
