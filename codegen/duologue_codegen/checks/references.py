"""Everything named exists, is of the kind that is needed there, and can be built."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ..diagnostics import Diagnostic, quoted
from ..model import (
    WHOLE_NUMBERS,
    AliasType,
    Contract,
    EnumType,
    MapOf,
    ObjectType,
    OptionalOf,
    Ref,
    Scalar,
    ScalarKind,
    UnionType,
)
from ..model.circles import circles
from ..model.walk import events, expressions, meaning, methods, parts, refs
from ..reading.expressions import KEYS
from ..reading.project import Project
from ..spelling import nearest
from .registry import Findings, project_rule, rule
from .type_kinds import kind_of_type

_ELSEWHERE: Final = {
    "any": "json",
    "array": "list of T",
    "bigint": "int64",
    "boolean": "bool",
    "dict": "map of T",
    "double": "float",
    "integer": "int",
    "list": "list of T",
    "long": "int64",
    "map": "map of T",
    "none": "optional T",
    "null": "optional T",
    "number": "float",
    "object": "json",
    "str": "string",
    "text": "string",
    "timestamp": "datetime",
    "uint": "uint32",
    "unsigned": "uint32",
    "uri": "url",
}
"""What other languages call our types."""


@rule("known-types")
def known_types(contract: Contract) -> Findings:
    """Every type that is named exists."""
    for ref in refs(contract):
        if ref.alias is not None and ref.alias not in contract.imports:
            message = f"nothing is imported as {quoted(ref.alias)}"
            yield Diagnostic("known-types", ref.at, message, _import_hint(ref, contract))
        elif contract.home_of(ref) is not None and contract.resolve(ref) is None:
            yield _unknown_type(ref, contract)


def _import_hint(ref: Ref, contract: Contract) -> str:
    meant = nearest(ref.alias or "", contract.imports)
    return f"did you mean {quoted(meant)}?" if meant else "add it to `imports`"


def _unknown_type(ref: Ref, contract: Contract) -> Diagnostic:
    home = contract.home_of(ref) or contract
    where = "" if ref.alias is None else f" in {quoted(home.path)}"
    message = f"no type named {quoted(ref.name)}{where}"
    scalars = [kind.value for kind in ScalarKind] if ref.alias is None else []
    meant = nearest(ref.name, (*home.types, *scalars))
    hint = ""
    if ref.alias is None and ref.name in _ELSEWHERE:
        hint = f"write {quoted(_ELSEWHERE[ref.name])}"
    elif ref.alias is None and (alias := _imported_as(ref.name, contract)) is not None:
        hint = f"did you mean {quoted(f'{alias}.{ref.name}')}?"
    elif meant is not None:
        known = home.types.get(meant)
        line = f" (line {known.at.line})" if known is not None and ref.alias is None else ""
        full = meant if ref.alias is None else f"{ref.alias}.{meant}"
        hint = f"did you mean {quoted(full)}{line}?"
    return Diagnostic("known-types", ref.at, message, hint)


def _imported_as(name: str, contract: Contract) -> str | None:
    for alias, import_ in contract.imports.items():
        if import_.contract is not None and name in import_.contract.types:
            return alias
    return None


@rule("known-errors")
def known_errors(contract: Contract) -> Findings:
    """Every error that is named is declared in the same contract."""
    for service in contract.services.values():
        lists = [service.errors, *(method.errors for method in service.methods.values())]
        for ref in (ref for list_ in lists for ref in list_):
            if ref.name in contract.errors:
                continue
            meant = nearest(ref.name, contract.errors)
            hint = f"did you mean {quoted(meant)}?" if meant else "declare it under `errors`"
            if "." in ref.name:
                hint = "errors cannot be imported: declare it here"
            message = f"no error named {quoted(ref.name)}"
            yield Diagnostic("known-errors", ref.at, message, hint)


@project_rule("import-cycle")
def import_cycle(project: Project) -> Findings:
    """No contract imports itself, directly or through others."""
    by_path = {contract.path: contract for contract in project.judged}
    graph = {
        path: [import_.path for import_ in contract.imports.values()]
        for path, contract in by_path.items()
    }
    for circle in circles(graph):
        first = by_path[circle[0]]
        import_ = next(one for one in first.imports.values() if one.path in circle)
        others = ", ".join(quoted(path) for path in circle)
        message = f"{quoted(first.path)} imports itself"
        hint = f"the circle: {others}" if len(circle) > 1 else "leave the import out"
        yield Diagnostic("import-cycle", import_.path_at, message, hint)


@rule("params-inline-or-object")
def params_inline_or_object(contract: Contract) -> Findings:
    """Params, and what events carry, are fields or the name of an object type."""
    for _, event in events(contract):
        if not isinstance(event.payload, Ref):
            continue
        type_ = contract.resolve(event.payload)
        if type_ is not None and not isinstance(type_, ObjectType):
            message = (
                f"{quoted(event.payload.name)} is {kind_of_type(type_)}, and events carry an object"
            )
            hint = "write `fields`, such as `fields: {value: …}`"
            yield Diagnostic("params-inline-or-object", event.payload.at, message, hint)
    for _, method in methods(contract):
        if not isinstance(method.params, Ref):
            continue
        type_ = contract.resolve(method.params)
        if type_ is not None and not isinstance(type_, ObjectType):
            message = (
                f"{quoted(method.params.name)} is {kind_of_type(type_)}, and params are an object"
            )
            hint = "write fields, such as `params: {value: …}`"
            yield Diagnostic("params-inline-or-object", method.params.at, message, hint)
        elif method.positional and (union := _union_of(method.params, contract)) is not None:
            name, tag = quoted(method.params.name), quoted(union.tag)
            message = f"{name} is a form of {quoted(union.name)}: {tag} would be an argument"
            hint = "write the fields that are arguments"
            yield Diagnostic("params-inline-or-object", method.params.at, message, hint)
        elif method.positional and isinstance(type_, ObjectType) and type_.keeps_unknown:
            name = quoted(method.params.name)
            message = f"{name} keeps unknown fields, and an argument has no name"
            hint = "write the fields that are arguments"
            yield Diagnostic("params-inline-or-object", method.params.at, message, hint)


def _union_of(ref: Ref, contract: Contract) -> UnionType | None:
    """The first union that gives the type a tag where it is declared."""
    target, home = contract.resolve(ref), contract.home_of(ref)
    if home is None:
        return None
    forms = ((union, one.type) for union in _unions(home) for one in union.variants.values())
    return next((union for union, form in forms if home.resolve(form) is target), None)


@rule("map-key")
def map_key(contract: Contract) -> Findings:
    """The keys of a map are text or whole numbers: scalars, aliases of them, or enums."""
    for expression in expressions(contract):
        for part in parts(expression):
            if not isinstance(part, MapOf) or not isinstance(part.key, Ref):
                continue
            found = meaning(part.key, contract)
            if found is None:
                continue
            key, home = found
            is_enum = isinstance(key, Ref) and isinstance(home.resolve(key), EnumType)
            is_scalar = isinstance(key, Scalar) and key.kind in {ScalarKind.STRING, *WHOLE_NUMBERS}
            if not is_enum and not is_scalar:
                message = f"{quoted(part.key.name)} cannot be the key of a map"
                yield Diagnostic("map-key", part.key.at, message, f"a key is {KEYS}")


@rule("alias-not-optional")
def alias_not_optional(contract: Contract) -> Findings:
    """An alias is not optional by itself: `optional` stands where the alias is used."""
    for type_ in contract.types.values():
        if isinstance(type_, AliasType) and isinstance(type_.type, OptionalOf):
            message = f"alias {quoted(type_.name)} is optional"
            hint = f"leave `optional` out here, and write `optional {type_.name}` where it is used"
            yield Diagnostic("alias-not-optional", type_.type.at, message, hint)


def _unions(contract: Contract) -> Iterator[UnionType]:
    yield from (type_ for type_ in contract.types.values() if isinstance(type_, UnionType))
