"""What is there is used, and said so that it can grow: rules that a project may do without."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final, TypeAlias

from ..diagnostics import Diagnostic, Position, quoted
from ..model import (
    Contract,
    EnumType,
    ObjectType,
    Ref,
    Scalar,
    ScalarKind,
    SchemaType,
    StreamOf,
    TypeExpr,
    UnionType,
)
from ..model.walk import methods, refs, schema_refs
from ..reading.project import Project
from .registry import Findings, project_rule, rule

_UNSTABLE: Final = re.compile(r"v[0-9]+(alpha|beta)[0-9]+")
_VERSION: Final = re.compile(r"(?P<name>.+)\.v(?P<number>[0-9]+)((alpha|beta)[0-9]+)?")


@rule("import-used", level="warning", may_be_off=True)
def import_used(contract: Contract) -> Findings:
    """Every import is used."""
    used = {ref.alias for ref in refs(contract)}
    for alias, import_ in contract.imports.items():
        if alias not in used:
            message = f"import {quoted(alias)} is not used"
            yield Diagnostic("import-used", import_.at, message, "take it away")


@project_rule("type-used", level="warning", may_be_off=True)
def type_used(project: Project) -> Findings:
    """Every type is used, where the contract has services that could use it."""
    used = {(ref.package, ref.name) for contract in project.everything for ref in refs(contract)}
    for contract in project.judged:
        if not contract.services:
            continue  # its types are for others, perhaps in another project
        named = {
            name
            for type_ in contract.types.values()
            if isinstance(type_, SchemaType)
            for name, _ in schema_refs(type_.schema)
        }
        for type_ in contract.types.values():
            if (contract.package, type_.name) not in used and type_.name not in named:
                message = f"type {quoted(type_.name)} is not used"
                hint = "take it away, or use it in a method, an event or another type"
                yield Diagnostic("type-used", type_.at, message, hint)


@rule("error-used", level="warning", may_be_off=True)
def error_used(contract: Contract) -> Findings:
    """Every error may be raised by a method."""
    raised = {ref.name for service in contract.services.values() for ref in service.errors}
    raised |= {ref.name for _, method in methods(contract) for ref in method.errors}
    for error in contract.errors.values():
        if error.name not in raised and contract.services:
            message = f"no method raises {quoted(error.name)}"
            hint = "name it under `errors` of a method or a service, or take it away"
            yield Diagnostic("error-used", error.at, message, hint)


@rule("payload-is-object", level="warning", may_be_off=True, on_demand=True)
def payload_is_object(contract: Contract) -> Findings:
    """What a method returns, sends or yields can grow: it is an object, bytes or a truth value."""
    for service, method in methods(contract):
        for word, expr in (
            ("returns", method.returns),
            ("sends", method.sends),
            ("yields", method.yields),
        ):
            if (
                expr is not None
                and not isinstance(expr, StreamOf)
                and not _can_grow(expr, contract)
            ):
                message = f"{quoted(f'{service.name}.{method.name}')} {word} what cannot grow"
                hint = "an object can get fields later: name a type with `fields`"
                yield Diagnostic("payload-is-object", expr.at, message, hint)


def _can_grow(expr: TypeExpr, contract: Contract) -> bool:
    if isinstance(expr, Scalar):
        return expr.kind in {ScalarKind.BYTES, ScalarKind.BOOL, ScalarKind.JSON}
    if not isinstance(expr, Ref):
        return False
    match contract.resolve(expr):
        case ObjectType() | UnionType() | None:
            return True
        case SchemaType(schema=schema):
            return schema.get("properties") is not None or schema.get("oneOf") is not None
        case _:
            return False


@rule("reserved-sorted", level="warning", may_be_off=True)
def reserved_sorted(contract: Contract) -> Findings:
    """Reserved ids and names are in order, so that two who add one do not meet."""
    for words in _reserved(contract):
        for (before, _), (after, at) in pairwise(words):
            if after < before:
                message = f"{quoted(_shown(after))} stands behind {quoted(_shown(before))}"
                yield Diagnostic("reserved-sorted", at, message, "sort them")
                break


_Word: TypeAlias = tuple[int, str]
"""A number, or 0 and a name."""


def _shown(word: _Word) -> str:
    return word[1] or str(word[0])


def _reserved(contract: Contract) -> Iterator[list[tuple[_Word, Position]]]:
    for service in contract.services.values():
        yield [((each.id, ""), each.at) for each in service.reserved_ids]
        yield [((0, each.name), each.at) for each in service.reserved_names]
    for error in contract.errors.values():
        yield [((0, each.name), each.at) for each in error.reserved]
    for type_ in contract.types.values():
        if isinstance(type_, ObjectType | UnionType):
            yield [((0, each.name), each.at) for each in type_.reserved]
        elif isinstance(type_, EnumType):
            yield [(_value(each.name, type_.of_numbers), each.at) for each in type_.reserved]


def _value(word: str, is_number: bool) -> _Word:
    return (int(word), "") if is_number and word.lstrip("-").isdecimal() else (0, word)


@project_rule("stable-no-import-unstable", level="warning", may_be_off=True)
def stable_no_import_unstable(project: Project) -> Findings:
    """A stable contract imports no alpha and no beta: they may break at any time."""
    for contract in project.judged:
        if _is_unstable(contract.package):
            continue
        for import_ in contract.imports.values():
            imported = import_.path.removesuffix(".yaml").replace("/", ".")
            if _is_unstable(imported):
                message = f"{quoted(contract.package)} is stable, and {quoted(imported)} is not"
                hint = "import a stable one, or be an alpha or a beta as well"
                yield Diagnostic("stable-no-import-unstable", import_.path_at, message, hint)


def _is_unstable(package: str) -> bool:
    return _UNSTABLE.fullmatch(package.rpartition(".")[2]) is not None


@project_rule("version-suffix", level="warning", may_be_off=True)
def version_suffix(project: Project) -> Findings:
    """Versions of a package are counted: none is left out below the one that is there."""
    there: dict[str, set[int]] = {}
    for contract in project.everything:
        if found := _VERSION.fullmatch(contract.package):
            there.setdefault(found["name"], set()).add(int(found["number"]))
    for contract in project.judged:
        found = _VERSION.fullmatch(contract.package)
        if found is None:
            continue
        number = int(found["number"])
        below = [each for each in there[found["name"]] if each < number]
        if below and max(below) < number - 1:
            message = f"version {number} of {quoted(found['name'])} follows version {max(below)}"
            hint = f"the next one is {quoted(f'v{max(below) + 1}')}"
            yield Diagnostic("version-suffix", contract.package_at, message, hint)
