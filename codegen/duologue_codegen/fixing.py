"""What the compiler can mend by itself: edits of the text, for the findings of some rules.

Names that go over the wire are not among it: a field in the wrong case may be what others send.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from .checks.wire import free_ids
from .diagnostics import Diagnostic, Position
from .model import Contract, Service
from .model.types import REF_PREFIX, SchemaType
from .model.walk import methods, refs, schema_refs
from .names import pascal, snake
from .reading.project import Project
from .text.edits import REMOVED, Edit, put_first
from .text.tree import MapNode, Node, ScalarNode, lists_in


def fixes(project: Project, findings: Iterable[Diagnostic]) -> list[Edit]:
    """Edits that mend what can be mended of `findings`."""
    broken: dict[str, set[Position]] = {}
    for finding in findings:
        broken.setdefault(finding.rule, set()).add(finding.at)
    return [
        edit
        for rule, fixer in FIXERS.items()
        if rule in broken
        for contract in project.judged
        for edit in fixer(project, contract, broken[rule])
    ]


def ids(project: Project) -> list[Edit]:
    """Edits that give an id to every method and event without one."""
    return [edit for contract in project.judged for edit in _missing_ids(project, contract)]


# ---- ids -----------------------------------------------------------------------------------------


def _missing_ids(project: Project, contract: Contract) -> Iterator[Edit]:
    for service in contract.services.values():
        free = free_ids(service)
        for one in service.numbered:
            if one.id_at == one.at and (node := _node_of(project, contract, service, one.name)):
                id_ = next(free, None)
                if id_ is not None:
                    yield put_first(node, f"id: {id_}", project.sources[node.at.file])


def _node_of(project: Project, contract: Contract, service: Service, name: str) -> MapNode | None:
    """Where a method or an event is written."""
    for group in ("methods", "events"):
        if group == "events" and name in service.methods:
            continue
        node: Node | None = project.trees[contract.path]
        for key in ("services", service.name, group, name):
            node = node.get(key) if isinstance(node, MapNode) else None
        if isinstance(node, MapNode):
            return node
    return None


def _fix_ids(project: Project, contract: Contract, broken: Collection[Position]) -> Iterator[Edit]:
    yield from _missing_ids(project, contract)


# ---- names ---------------------------------------------------------------------------------------


def _fix_case(project: Project, contract: Contract, broken: Collection[Position]) -> Iterator[Edit]:
    for error in contract.errors.values():
        if error.at in broken:
            yield from _renamed(error.at, pascal(error.name))
            yield from _renamed_refs(_error_refs(contract), error.name, pascal(error.name))
    for service in contract.services.values():
        if service.at in broken:
            yield from _renamed(service.at, pascal(service.name))
            named = (
                (ref.name, ref.at)
                for dialogue in contract.dialogues.values()
                for role in dialogue.roles
                for ref in role.services
            )
            yield from _renamed_refs(named, service.name, pascal(service.name))
        for one in service.numbered:
            if one.at in broken:
                yield from _renamed(one.at, snake(one.name))
    for type_ in contract.types.values():
        if type_.at in broken:
            yield from _renamed(type_.at, pascal(type_.name))
            for other in project.everything:
                yield from _renamed_refs(
                    _type_refs(other, contract), type_.name, pascal(type_.name)
                )


def _renamed(at: Position, name: str) -> Iterator[Edit]:
    if name:
        yield Edit.at(at, name)


def _renamed_refs(found: Iterable[tuple[str, Position]], old: str, new: str) -> Iterator[Edit]:
    for name, at in found:
        if name == old:
            yield Edit(at.file, at.line, at.column + at.length - len(old), len(old), new)


def _error_refs(contract: Contract) -> Iterator[tuple[str, Position]]:
    for service in contract.services.values():
        yield from ((ref.name, ref.at) for ref in service.errors)
    for _, method in methods(contract):
        yield from ((ref.name, ref.at) for ref in method.errors)
        for example in method.examples:
            if example.error is not None:
                yield example.error.name, example.error.at


def _type_refs(contract: Contract, declaring: Contract) -> Iterator[tuple[str, Position]]:
    """Where a contract names types of another one, or of its own."""
    for ref in refs(contract):
        if ref.package == declaring.package:
            yield ref.name, ref.at
    for type_ in contract.types.values():
        if isinstance(type_, SchemaType) and contract is declaring:
            for name, node in schema_refs(type_.schema):
                yield name, node.part_at(len(REF_PREFIX), len(name))


# ---- imports and reserved names ------------------------------------------------------------------


def _fix_imports(
    project: Project, contract: Contract, broken: Collection[Position]
) -> Iterator[Edit]:
    """Takes unused imports away, each with its line, and the block when nothing is left of it."""
    block = project.trees[contract.path].entry("imports")
    if block is None or not isinstance(block.value, MapNode):
        return
    unused = [entry for entry in block.value.entries if entry.key.at in broken]
    lines = project.sources[contract.at.file]
    on_lines = lines[block.value.at.line - 1][block.value.at.column - 1] != "{"
    all_unused = len(unused) == len(block.value.entries)
    if not on_lines:
        if all_unused and block.value.at.line == block.key.at.line:
            yield _without_line(block.key.at, lines)
        return
    if all_unused:
        yield _without_line(block.key.at, lines)
    for entry in unused:
        yield _without_line(entry.key.at, lines)


def _without_line(at: Position, lines: Iterable[str]) -> Edit:
    line = list(lines)[at.line - 1]
    return Edit(at.file, at.line, 1, len(line), REMOVED)


def _fix_reserved(
    project: Project, contract: Contract, broken: Collection[Position]
) -> Iterator[Edit]:
    """Sorts lists of reserved names and ids: each entry takes the place of another."""
    for list_ in lists_in(project.trees[contract.path]):
        if list_.at in broken or any(item.at in broken for item in list_.items):
            scalars = [item for item in list_.items if isinstance(item, ScalarNode)]
            lines = project.sources[contract.at.file]
            for item, other in zip(scalars, sorted(scalars, key=sorting_key), strict=True):
                written = lines[other.at.line - 1][other.at.column - 1 :][: other.at.length]
                yield Edit.at(item.at, written)


def sorting_key(node: ScalarNode) -> tuple[bool, int, str]:
    """Numbers before words, each in their order."""
    is_number = isinstance(node.data, int) and not isinstance(node.data, bool)
    return not is_number, int(node.text) if is_number and node.text.isdigit() else 0, node.text


_Fixer = Callable[[Project, Contract, Collection[Position]], Iterator[Edit]]
FIXERS: Final[Mapping[str, _Fixer]] = MappingProxyType(
    {
        "id-present": _fix_ids,
        "name-case": _fix_case,
        "import-used": _fix_imports,
        "reserved-sorted": _fix_reserved,
    }
)
"""The rules whose findings can be mended."""
