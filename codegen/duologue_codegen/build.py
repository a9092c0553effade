"""From contracts to packages: read, check, have every target make its files, write."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .checks import check
from .diagnostics import Diagnostic, Lines
from .reading.project import Project, load_project
from .targets.target import Options, Target
from .writing import (
    Change,
    Entry,
    Manifest,
    UnrealPlaces,
    apply,
    digest,
    is_untouched,
    plan,
    read_manifest,
)


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

    baseline: Project | None = None
    """The older contracts that these were compared with."""

    @property
    def ok(self) -> bool:
        """Whether the contracts are right."""
        return all(each.level != "error" for each in self.diagnostics)

    @property
    def sources(self) -> Mapping[str, Lines]:
        """The lines of every contract, to show findings in."""
        if self.baseline is None:
            return self.project.sources
        return {**self.baseline.sources, **self.project.sources}


def judge(
    schema: Path,
    paths: Sequence[Path] = (),
    *,
    import_root: str,
    off: Collection[str] = (),
    on: Collection[str] = (),
) -> BuildResult:
    """Read and check contracts, whose packages will find each other below `import_root`.

    Raises:
        PathOutsideSchema: a path is no contract below `schema`.
    """
    project = load_project(schema, paths, import_root=import_root)
    return BuildResult(project, tuple(check(project, off=off, on=on)))


def build(
    schema: Path,
    out: Path,
    paths: Sequence[Path] = (),
    *,
    targets: Sequence[Target],
    import_root: str,
    off: Collection[str] = (),
    on: Collection[str] = (),
    dry_run: bool = False,
    on_package: Callable[[int, int, str], None] = lambda number, whole, package: None,
) -> BuildResult:
    """Turn contracts into packages; with `dry_run` only find out what that would change.

    `on_package` is told which package comes now, and that it is this one of so many.

    Without `paths` all contracts are meant, and packages whose contract is gone are removed.
    A package that is still what its contract gives is not made again. Files that were ours and are
    not as we wrote them are left, with a warning; nothing is written through links.

    Raises:
        PathOutsideSchema: a path is no contract below `schema`.
        ForeignFiles: files that are not ours are in the way; nothing was written.
        OSError: `out` cannot be read or written.
    """
    judged = judge(schema, paths, import_root=import_root, off=off, on=on)
    return make(
        judged,
        out,
        targets=targets,
        import_root=import_root,
        complete=not paths,
        dry_run=dry_run,
        on_package=on_package,
    )


def make(
    judged: BuildResult,
    out: Path,
    *,
    targets: Sequence[Target],
    import_root: str,
    complete: bool,
    dry_run: bool = False,
    on_package: Callable[[int, int, str], None] = lambda number, whole, package: None,
) -> BuildResult:
    """The second half of `build`: what `targets` make of contracts that were judged.

    `complete` says that these are all there are. `judged` comes back with what was changed, or as
    it is if it is not right.

    Raises:
        ForeignFiles: files that are not ours are in the way; nothing was written.
        OSError: `out` cannot be read or written.
    """
    if not judged.ok:
        return judged
    options = Options(import_root=import_root)
    before = read_manifest(out)
    entries = {} if complete else dict(before.packages)
    texts: dict[str, dict[str, str]] = {}
    contracts = judged.project.contracts
    for number, contract in enumerate(contracts, 1):
        on_package(number, len(contracts), contract.package)
        folder = contract.package.replace(".", "/")
        of_targets: dict[str, Entry] = {}
        for target in targets:
            made_from = target.made_from(contract, options)
            entry = before.packages.get(folder, {}).get(target.name)
            if (
                entry is None
                or entry.input != made_from
                or not is_untouched(out, folder, entry, target.marks)
            ):
                made = target.files(contract, options)
                texts[folder] = texts.get(folder, {}) | made
                files = {name: digest(text) for name, text in made.items()}
                entry = Entry(contract.path, made_from, files)
            of_targets[target.name] = entry
        entries[folder] = of_targets
    versions = {name: number for each in targets for name, number in each.versions().items()}
    try:
        planned = plan(
            out,
            before=before,
            after=Manifest(versions, entries),
            texts=texts,
            marks={target.name: target.marks for target in targets},
            root_is_package=bool(import_root),
            complete=complete,
        )
    except UnrealPlaces as error:
        return BuildResult(judged.project, (*judged.diagnostics, *error.findings))
    changes = planned.changes
    if not dry_run:
        apply(planned)
    packages = tuple(contract.package for contract in contracts)
    diagnostics = (*judged.diagnostics, *planned.warnings)
    return BuildResult(judged.project, diagnostics, packages, changes)
