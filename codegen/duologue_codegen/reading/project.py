"""Contracts from disk: finds the files, reads them, and joins them by their imports."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path, PurePath
from types import MappingProxyType
from typing import Final

from ..diagnostics import Diagnostic, Lines, Position, in_file_order, quoted
from ..model import Contract, Import
from ..spelling import nearest
from ..text.comments import Order, orders_in
from ..text.source import Source, parse, read_source
from ..text.tree import MapNode
from .contract import read_contract

MAX_REMEMBERED: Final = 256
"""Texts that are not read again where a process reads contracts several times, as a watch does."""
MAX_REMEMBERED_BYTES: Final = 256 * 1024


class PathOutsideSchema(ValueError):
    """A path that was asked for is no contract below the schema root. The text says why."""


@dataclass(frozen=True, slots=True)
class Project:
    """The contracts below one schema root."""

    schema_root: Path
    """As the user gave it."""
    contracts: tuple[Contract, ...]
    """The contracts that were asked for, in the order of their paths."""
    judged: tuple[Contract, ...]
    """Those, and all that they import, directly or not: what has to be right."""
    everything: tuple[Contract, ...]
    """All contracts below the schema root that could be read."""
    diagnostics: tuple[Diagnostic, ...]
    """What reading the judged files found, in file order. `checks.check` reports these too."""
    sources: Mapping[str, Lines]
    """The lines of every file, by the path that stands in positions."""
    import_root: str
    """The dotted name under which packages will find each other; may be empty."""
    trees: Mapping[str, MapNode] = field(default_factory=dict[str, MapNode])
    """The contracts as they are written, by path."""
    orders: tuple[Order, ...] = ()
    """What comments in the judged files ask of the compiler, in file order."""
    orders_elsewhere: tuple[Order, ...] = ()
    """Those in the other files, for rules that compare the judged contracts with all others."""


def load_project(
    schema_root: Path, paths: Sequence[Path] = (), *, import_root: str = "generated"
) -> Project:
    """Read the contracts below `schema_root`; `paths` narrows down which of them are asked for.

    A path is a contract file or a folder, given as the user would, from the working directory. All
    files are read in any case, since some rules compare them.

    Raises:
        PathOutsideSchema: a path does not exist, or does not lie below the schema root.
    """
    reading = _Reading(schema_root)
    for path in _contract_paths(schema_root):
        reading.read(path)
    asked = _asked(schema_root, paths, reading.files)
    return _project(reading, asked, import_root)


def project_of_texts(
    texts: Mapping[str, bytes], shown_root: str, *, import_root: str = "generated"
) -> Project:
    """The contracts with these texts, by their paths from a schema root that is on no disk.

    `shown_root` stands before the paths in findings: `main:schema`.
    """
    reading = _Reading(Path(shown_root))
    for path in sorted(texts):
        if reading.is_named_as_contract(path):
            reading.take_text(path, texts[path])
    return _project(reading, set(reading.files), import_root)


def project_of_trees(
    trees: Mapping[str, MapNode], source: Source, *, import_root: str = "generated"
) -> Project:
    """The contracts that are parts of one file, by the paths that they would have as files."""
    reading = _Reading(Path(source.file))
    reading.sources[source.file] = source.lines
    for path in sorted(trees):
        if reading.is_named_as_contract(path):
            reading.take_tree(path, trees[path], source.file)
    return _project(reading, set(reading.files), import_root)


def _project(reading: _Reading, asked: set[str], import_root: str) -> Project:
    drafts = reading.drafts
    judged = _with_imports(asked, drafts)
    linked = _linked(drafts)
    missing = (fault for path in drafts for fault in _missing_imports(drafts[path], reading.files))
    files = {reading.place_of(path) for path in judged}
    faults = (*reading.faults, *missing)
    return Project(
        schema_root=reading.root,
        contracts=tuple(linked[path] for path in sorted(asked) if path in linked),
        judged=tuple(linked[path] for path in sorted(judged) if path in linked),
        everything=tuple(linked[path] for path in sorted(linked)),
        diagnostics=tuple(in_file_order(fault for fault in faults if fault.at.file in files)),
        sources=MappingProxyType(reading.sources),
        import_root=import_root,
        trees=MappingProxyType(reading.trees),
        orders=tuple(order for order in reading.orders if order.at.file in files),
        orders_elsewhere=tuple(order for order in reading.orders if order.at.file not in files),
    )


class _Reading:
    """The files read so far. Paths are seen from the schema root, with `/`."""

    def __init__(self, schema_root: Path) -> None:
        self.files: list[str] = []
        self.trees: dict[str, MapNode] = {}
        self.drafts: dict[str, Contract] = {}
        self.sources: dict[str, Lines] = {}
        self.faults: list[Diagnostic] = []
        self.orders: list[Order] = []
        self.root = schema_root
        self._real_root = os.path.realpath(schema_root)
        self._places: dict[str, str] = {}

    def shown(self, path: str) -> str:
        """The path as it stands in findings."""
        # A name that is no Unicode could not be printed.
        return (self.root / path).as_posix().encode("utf-8", "replace").decode()

    def place_of(self, path: str) -> str:
        """The file in which findings about the contract `path` stand."""
        return self._places.get(path) or self.shown(path)

    def is_named_as_contract(self, path: str) -> bool:
        """Note that there is a file `path`, and whether it can be read as a contract."""
        self.files.append(path)
        if path.endswith(".yaml"):
            return True
        hint = "rename it to end in `.yaml`"
        message = f"{quoted(path)} would be a contract"
        at = Position(self.shown(path), 1, 1)
        self.faults.append(Diagnostic("package-path-match", at, message, hint))
        return False

    def read(self, path: str) -> None:
        """Read one file of the disk as far as it can be read."""
        if not self.is_named_as_contract(path):
            return
        file = self.shown(path)
        # Not `resolve`: a link to itself makes that raise.
        if not Path(os.path.realpath(self.root / path)).is_relative_to(self._real_root):
            message = f"{quoted(path)} is a link out of the schema folder"
            hint = "put the contract itself here"
            self.faults.append(
                Diagnostic("package-path-match", Position(file, 1, 1), message, hint)
            )
            return
        try:
            data = (self.root / path).read_bytes()
        except OSError as error:
            message = f"the file cannot be read: {error.strerror or type(error).__name__}"
            self.faults.append(Diagnostic("yaml-syntax", Position(file, 1, 1), message))
            return
        self.take_text(path, data)

    def take_text(self, path: str, data: bytes) -> None:
        """Read the text of one contract as far as it can be read."""
        file = self.shown(path)
        remember = len(data) <= MAX_REMEMBERED_BYTES
        text = _remembered(file, path, data) if remember else _read(file, path, data)
        self.sources[file] = text.lines
        self.faults += text.faults
        self.orders += text.orders
        if text.tree is not None and text.draft is not None:
            self._take(path, file, text.tree, text.draft)

    def take_tree(self, path: str, tree: MapNode, file: str) -> None:
        """Read the tree of one contract, which stands in `file`."""
        draft, faults = read_contract(tree, file, path)
        self.faults += faults
        self._take(path, file, tree, draft)

    def _take(self, path: str, file: str, tree: MapNode, draft: Contract) -> None:
        self._places[path] = file
        self.trees[path] = tree
        self.drafts[path] = draft


@dataclass(frozen=True, slots=True)
class _Text:
    """What came of the text of one contract. Nothing of it is ever changed."""

    lines: Lines
    faults: Sequence[Diagnostic]
    orders: Sequence[Order] = ()
    tree: MapNode | None = None
    draft: Contract | None = None


def _read(file: str, path: str, data: bytes) -> _Text:
    source, faults = read_source(file, data)
    if faults:
        return _Text(source.lines, faults)
    tree, of_tree = parse(source)
    if tree is None:
        return _Text(source.lines, of_tree, orders_in(source))
    draft, of_draft = read_contract(tree, file, path)
    return _Text(source.lines, (*of_tree, *of_draft), orders_in(source), tree, draft)


_remembered: Final = lru_cache(MAX_REMEMBERED)(_read)


def _contract_paths(root: Path) -> Iterator[str]:
    """Every YAML file below `root` in one fixed order; hidden files and folders are left out."""
    found: list[str] = []
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        inside = PurePath(folder).relative_to(root)
        contracts = (name for name in files if name.endswith((".yaml", ".yml")))
        found += ((inside / name).as_posix() for name in contracts if not name.startswith("."))
    yield from sorted(found)


def _asked(root: Path, paths: Sequence[Path], files: Sequence[str]) -> set[str]:
    if not paths:
        return set(files)
    asked: set[str] = set()
    top = root.resolve()
    for path in paths:
        if not path.exists():
            raise PathOutsideSchema(f"{path} does not exist")
        full = path.resolve()
        if not full.is_relative_to(top):
            raise PathOutsideSchema(f"{path} does not lie below the schema folder {root}")
        inside = full.relative_to(top).as_posix()
        if full.is_dir():
            below = {file for file in files if inside == "." or file.startswith(f"{inside}/")}
        else:
            below = {inside} & set(files)
        if not below:
            raise PathOutsideSchema(f"{path} is no contract, and holds none")
        asked |= below
    return asked


# ---- imports -------------------------------------------------------------------------------------


def _with_imports(asked: set[str], drafts: Mapping[str, Contract]) -> set[str]:
    """`asked`, and everything that can be reached from it by imports."""
    reached = set(asked)
    waiting = sorted(asked)
    while waiting:
        draft = drafts.get(waiting.pop())
        for import_ in () if draft is None else draft.imports.values():
            if import_.path not in reached:
                reached.add(import_.path)
                waiting.append(import_.path)
    return reached


def _missing_imports(draft: Contract, files: Sequence[str]) -> Iterator[Diagnostic]:
    for import_ in draft.imports.values():
        if import_.path not in files:
            meant = nearest(import_.path, (path for path in files if path != draft.path))
            hint = f"did you mean {quoted(meant)}?" if meant else "paths start at the schema root"
            message = f"there is no contract {quoted(import_.path)}"
            yield Diagnostic("import-exists", import_.path_at, message, hint)


def _linked(drafts: Mapping[str, Contract]) -> dict[str, Contract]:
    """The contracts with their imports filled in. The import that closes a circle stays empty."""
    linked: dict[str, Contract] = {}
    for path in drafts:
        _link_from(path, drafts, linked)
    return linked


def _link_from(start: str, drafts: Mapping[str, Contract], linked: dict[str, Contract]) -> None:
    # A loop with its own stack: a chain of imports may be longer than Python's.
    stack = [start]
    entered = {start}
    while stack:
        path = stack[-1]
        inner = (import_.path for import_ in drafts[path].imports.values())
        ahead = [other for other in inner if other in drafts and other not in linked]
        fresh = [other for other in ahead if other not in entered]
        if fresh:
            stack.append(fresh[0])
            entered.add(fresh[0])
            continue
        stack.pop()
        if path not in linked:
            linked[path] = _fill_in(drafts[path], linked)


def _fill_in(draft: Contract, linked: Mapping[str, Contract]) -> Contract:
    imports: dict[str, Import] = {
        alias: replace(import_, contract=linked.get(import_.path))
        for alias, import_ in draft.imports.items()
    }
    return replace(draft, imports=imports)
