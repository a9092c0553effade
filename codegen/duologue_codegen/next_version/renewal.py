"""The contract of the next version: the text of this one, less what is deprecated in it.

What nothing needs any more once that is gone goes as well: types, errors and imports that only
deprecated things used, and examples that speak of them. The numbers on the wire are new, so that
one peer can offer both versions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from ..checks import check
from ..diagnostics import Diagnostic, Position
from ..model import Contract, EnumType, UnionType
from ..model.walk import field_blocks
from ..reading.project import Project, project_of_texts
from ..text.cutting import without
from ..text.edits import Edit, edited, put_first
from ..text.form import formed
from ..text.source import read_source
from ..text.tree import ListNode, MapNode, Node, ScalarNode, lists_in

_NOT_USED: Final = frozenset({"type-used", "error-used", "import-used"})
"""Rules whose findings stand at what nothing uses."""
_NOT_THERE: Final = frozenset({"known-errors", "known-services"})
"""Rules whose findings stand at a name in a list of names, or in an example."""
_STEP: Final = 100
"""New bases are as round as the old ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    """A contract, and the one that comes after it."""

    old: Contract
    new: Contract
    text: str
    """Of the new one."""
    project: Project
    """All contracts, the new one among them."""
    findings: tuple[Diagnostic, ...]
    """What is wrong with the new one, in file order."""
    dropped: tuple[str, ...]
    """What was left out, by where it stood: `services.Rooms.methods.kick`."""


def renewed(
    project: Project, old: Contract, package: str, *, keep_deprecated: bool = False
) -> Renewal:
    """The contract `old` of `project`, which is right, as `package`.

    What was in its one form, as `duologue fmt` makes it, is so again.

    `keep_deprecated` gives it nothing but its name and its numbers.
    """
    draft = _first_draft(project, old, package)
    known = {(found.rule, found.message) for found in check(project)}
    dropped: list[str] = []
    gone = frozenset[Position]() if keep_deprecated else frozenset(_deprecated(draft.contract))
    while gone:
        dropped += (path for path, at in _paths(draft.tree) if at in gone)
        draft = draft.with_text(without(draft.lines, draft.tree, gone))
        gone = frozenset(_no_longer_needed(draft, known))
    lines = tuple(project.sources[old.at.file])
    if _formed(old.at.file, lines) == "\n".join(lines):
        draft = draft.with_text(_formed(draft.file, draft.lines))
    return Renewal(
        old=old,
        new=draft.contract,
        text="\n".join(draft.lines),
        project=draft.project,
        findings=draft.findings,
        dropped=tuple(dropped),
    )


def _formed(file: str, lines: tuple[str, ...]) -> str:
    source, _ = read_source(file, "\n".join(lines).encode())
    return formed(source)


@dataclass(frozen=True)
class _Draft:
    """The new contract so far, among all others."""

    texts: Mapping[str, bytes]
    """All contracts, by their paths from the schema root."""
    path: str
    project: Project

    @classmethod
    def of(cls, texts: Mapping[str, bytes], path: str, like: Project) -> _Draft:
        root = like.schema_root.as_posix()
        return cls(texts, path, project_of_texts(texts, root, import_root=like.import_root))

    def with_text(self, text: str) -> _Draft:
        if text == "\n".join(self.lines):
            return self
        return _Draft.of({**self.texts, self.path: text.encode()}, self.path, self.project)

    @property
    def contract(self) -> Contract:
        return next(each for each in self.project.everything if each.path == self.path)

    @property
    def file(self) -> str:
        return self.contract.at.file

    @property
    def lines(self) -> tuple[str, ...]:
        return tuple(self.project.sources[self.file])

    @property
    def tree(self) -> MapNode:
        return self.project.trees[self.path]

    @cached_property
    def findings(self) -> tuple[Diagnostic, ...]:
        return tuple(found for found in check(self.project) if found.at.file == self.file)


def _first_draft(project: Project, old: Contract, package: str) -> _Draft:
    """The old text under its new name, with numbers that no service has."""
    edits = [Edit.at(old.package_at, package), *_bases(project, old)]
    (text,) = edited(project.sources, edits).values()
    path = f"{package.replace('.', '/')}.yaml"
    texts = {
        each.path: "\n".join(project.sources[each.at.file]).encode() for each in project.everything
    }
    return _Draft.of({**texts, path: text.encode()}, path, project)


def _bases(project: Project, old: Contract) -> Iterator[Edit]:
    """All services move by the same round number, above every number in use."""
    if not old.services:
        return
    used = [
        service.last_number
        for contract in project.everything
        for service in contract.services.values()
    ]
    lowest = min(service.base for service in old.services.values())
    distance = ((max(used) - lowest) // _STEP + 1) * _STEP
    services = project.trees[old.path].get("services")
    for service in old.services.values():
        base = f"{service.base + distance}"
        if service.base_at != service.at:
            yield Edit.at(service.base_at, base)
            continue
        node = services.get(service.name) if isinstance(services, MapNode) else None
        if isinstance(node, MapNode):
            yield put_first(node, f"base: {base}", project.sources[old.at.file])


# ---- what goes -----------------------------------------------------------------------------------


def _deprecated(contract: Contract) -> Iterator[Position]:
    """Where whatever is deprecated is written, and the forms of unions that are."""
    for type_ in contract.types.values():
        if type_.deprecated is not None:
            yield type_.at
        if isinstance(type_, EnumType):
            yield from (each.at for each in type_.values.values() if each.deprecated is not None)
        if isinstance(type_, UnionType):
            for variant in type_.variants.values():
                target = contract.types.get(variant.type.name)
                own = variant.type.alias is None
                if own and target is not None and target.deprecated is not None:
                    yield variant.at
    for _, block in field_blocks(contract):
        yield from (each.at for each in block.values() if each.deprecated is not None)
    for error in contract.errors.values():
        if error.deprecated is not None:
            yield error.at
    for service in contract.services.values():
        if service.deprecated is not None:
            yield service.at
        yield from (each.at for each in service.numbered if each.deprecated is not None)
    for dialogue in contract.dialogues.values():
        if dialogue.deprecated is not None:
            yield dialogue.at


def _no_longer_needed(draft: _Draft, known: Set[tuple[str, str]]) -> Iterator[Position]:
    """What nothing uses, now that something is gone, and what speaks of what is gone."""
    listed = [item.at for list_ in lists_in(draft.tree) for item in list_.items]
    for found in draft.findings:
        if (found.rule, found.message) in known:
            continue
        example = _example_at(draft.tree, found.at)
        if found.rule in _NOT_USED:
            yield found.at
        elif example is not None:
            yield example
        elif found.rule in _NOT_THERE and found.at in listed:
            yield found.at


def _example_at(node: Node, place: Position) -> Position | None:
    """Where the example begins that holds `place`."""
    found: Position | None = None
    for at, is_example in _starts(node, False):
        if (at.line, at.column) > (place.line, place.column):
            break
        found = at if is_example else None
    return found


def _starts(node: Node, in_examples: bool) -> Iterator[tuple[Position, bool]]:
    """Where examples begin, and where something else does, in the order of the file."""
    if isinstance(node, ListNode) and in_examples:
        yield from ((item.at, True) for item in node.items)
    elif isinstance(node, MapNode):
        for entry in node.entries:
            yield entry.key.at, False
            yield from _starts(entry.value, entry.key.text == "examples")


def _paths(node: MapNode, above: str = "") -> Iterator[tuple[str, Position]]:
    """Everything with a key, or in a list, and where it stands."""
    for entry in node.entries:
        path = f"{above}{entry.key.text}"
        yield path, entry.key.at
        if isinstance(entry.value, MapNode):
            yield from _paths(entry.value, f"{path}.")
        elif isinstance(entry.value, ListNode):
            for number, item in enumerate(entry.value.items, 1):
                name = item.get("name") if isinstance(item, MapNode) else item
                yield f"{path}.{name.text if isinstance(name, ScalarNode) else number}", item.at
