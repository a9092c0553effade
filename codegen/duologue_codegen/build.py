"""From contracts to packages: load, check, emit, format, write."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Final

from .canonical import canonical, contract_digest
from .checks import check
from .diagnostics import Diagnostic, Lines
from .loader import Project, load_project
from .model import Contract
from .output import (
    Change,
    Entry,
    Manifest,
    apply,
    digest,
    is_untouched,
    plan,
    read_manifest,
)
from .view import PackageView, package_view

_GENERATORS: Final = ("datamodel-code-generator", "ruff")
"""Distributions whose version decides bytes of the output; pinned exactly for that reason."""
_DECIDING: Final = ("emit", "templates", "json_schema.py", "formatting.py", "output.py")
"""Our own sources that decide bytes beside the view."""


@dataclass(frozen=True, slots=True)
class BuildResult:
    """What came of a build."""

    project: Project
    diagnostics: tuple[Diagnostic, ...]
    """All findings, in file order. With an error among them nothing is written."""
    packages: tuple[str, ...] = ()
    """Those that were asked for: `chat.rooms.v1`."""
    changes: tuple[Change, ...] = ()
    """What was written and removed, or would be."""

    @property
    def ok(self) -> bool:
        """Whether the contracts are right."""
        return all(each.level != "error" for each in self.diagnostics)

    @property
    def sources(self) -> Mapping[str, Lines]:
        """The lines of every contract, to show findings in."""
        return self.project.sources


def judge(schema: Path, paths: Sequence[Path] = (), *, off: Collection[str] = ()) -> BuildResult:
    """Read and check contracts.

    Raises:
        PathOutsideSchema: a path is no contract below `schema`.
    """
    project = load_project(schema, paths)
    return BuildResult(project, tuple(check(project, off=off)))


def build(
    schema: Path,
    out: Path,
    paths: Sequence[Path] = (),
    *,
    import_root: str,
    off: Collection[str] = (),
    dry_run: bool = False,
) -> BuildResult:
    """Turn contracts into packages; with `dry_run` only find out what that would change.

    Without `paths` all contracts are meant, and packages whose contract is gone are removed.
    A package that is still what its contract gives is not made again.

    Raises:
        PathOutsideSchema: a path is no contract below `schema`.
        ForeignFiles: files that are not ours are in the way; nothing was written.
        OSError: `out` cannot be read or written.
    """
    judged = judge(schema, paths, off=off)
    if not judged.ok:
        return judged
    views = [_view(contract, import_root) for contract in judged.project.contracts]
    before = read_manifest(out)
    entries = {} if not paths else dict(before.packages)
    texts: dict[str, dict[str, str]] = {}
    for view in views:
        folder = view.package.replace(".", "/")
        made_from = _digest_of(view, import_root)
        entry = before.packages.get(folder)
        if entry is None or entry.input != made_from or not is_untouched(out, folder, entry):
            texts[folder] = _files(view, import_root)
            files = {name: digest(text) for name, text in texts[folder].items()}
            entry = Entry(view.source, made_from, files)
        entries[folder] = entry
    planned = plan(
        out,
        before=before,
        after=Manifest(generator_versions(), entries),
        texts=texts,
        root_is_package=bool(import_root),
        complete=not paths,
    )
    changes = planned.changes
    if not dry_run:
        apply(planned)
    return BuildResult(
        judged.project, judged.diagnostics, tuple(view.package for view in views), changes
    )


def _view(contract: Contract, import_root: str) -> PackageView:
    form = canonical(contract)
    # Several lines, so that a change of the contract shows as what it is.
    text = json.dumps(form, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False)
    return package_view(
        contract,
        contract_json=f"{text}\n",
        digest=contract_digest(contract),
        import_root=import_root,
    )


def _files(view: PackageView, import_root: str) -> dict[str, str]:
    """The files of a package. Only here the generators are imported: they take most of the time."""
    from .emit import package_files
    from .formatting import format_all

    first_party = (import_root or view.package).partition(".")[0]
    return format_all(package_files(view), first_party=(first_party,))


def _digest_of(view: PackageView, import_root: str) -> str:
    """Digest of everything that decides the bytes of a package."""
    stated = {"view": asdict(view), "import_root": import_root, "generators": _generators()}
    return digest(json.dumps(stated, sort_keys=True, default=sorted))


@cache
def generator_versions() -> dict[str, str]:
    """The versions that decide bytes, by distribution."""
    return {name: importlib.metadata.version(name) for name in _GENERATORS}


@cache
def _generators() -> str:
    """Digest of the versions, and of our own sources that shape the output."""
    here = Path(__file__).parent
    files = [
        file
        for name in _DECIDING
        for file in ([here / name] if name.endswith(".py") else sorted((here / name).iterdir()))
        if file.suffix in {".py", ".j2"}
    ]
    total = hashlib.sha256(json.dumps(generator_versions(), sort_keys=True).encode())
    for file in files:
        total.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return total.hexdigest()
