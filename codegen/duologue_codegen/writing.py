"""Generated files on disk: whole packages or nothing, and never a file that is not ours.

A file is replaced when it bears the marks of a target, or when the manifest lists it. It is removed
when both are so and it is as we wrote it: a manifest is a file that anybody may have written. The
manifest (`.duologue.json` in the output folder) holds the digests that tell this, and whether a
package is still what its contract gives. No times, no paths of a machine.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Final, Literal, TypeAlias, cast

from .diagnostics import Diagnostic, Position, quoted
from .real_places import is_real_file, unreal_places
from .targets.target import Marks

MANIFEST: Final = ".duologue.json"

_SKIPPED: Final = frozenset({"__pycache__", "node_modules", "venv", "site-packages"})

ChangeKind: TypeAlias = Literal["create", "update", "remove"]


class ForeignFiles(Exception):
    """Files that are not ours stand where ours should go. Nothing was written."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self.paths = tuple(paths)
        super().__init__(", ".join(map(str, self.paths)))


class UnrealPlaces(Exception):
    """Something else is where folders and files of the output should be. Nothing was written."""

    def __init__(self, findings: Iterable[Diagnostic]) -> None:
        self.findings = tuple(findings)
        super().__init__(", ".join(each.message for each in self.findings))


@dataclass(frozen=True, slots=True)
class Change:
    """One file that differs from what it should be."""

    path: Path
    kind: ChangeKind


@dataclass(frozen=True, slots=True)
class Entry:
    """What the manifest says of what one target made of one contract."""

    source: str
    """The contract's path below the schema root."""
    input: str
    """Digest of everything the package was made from."""
    files: Mapping[str, str]
    """Digests by file name."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an output folder holds of ours."""

    versions: Mapping[str, str] = field(default_factory=dict[str, str])
    """What decides bytes beside the contract: the generators, by name."""
    packages: Mapping[str, Mapping[str, Entry]] = field(
        default_factory=dict[str, Mapping[str, Entry]]
    )
    """By folder, such as `chat/rooms/v1`, then by target."""

    @property
    def text(self) -> str:
        """The file, the same bytes for the same content."""
        packages = {
            folder: {
                target: {
                    "source": entry.source,
                    "input": entry.input,
                    "files": dict(sorted(entry.files.items())),
                }
                for target, entry in sorted(entries.items())
            }
            for folder, entries in sorted(self.packages.items())
        }
        content = {"versions": dict(sorted(self.versions.items())), "packages": packages}
        return json.dumps(content, indent=2, ensure_ascii=False) + "\n"

    def digests(self, out: Path) -> dict[Path, str]:
        """Every file it lists, below `out`, and its digest."""
        return {
            out / folder / name: value
            for folder, entries in self.packages.items()
            for entry in entries.values()
            for name, value in entry.files.items()
        }


@dataclass(frozen=True, slots=True)
class Plan:
    """What has to be done to an output folder."""

    out: Path
    writes: Mapping[Path, str]
    """Texts of the files that are new or different."""
    removals: tuple[Path, ...]
    left: tuple[Path, ...]
    """Files that are not wanted any more, and cannot be proved to be as we wrote them."""

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """What the user may want to remove: each file that is left."""
        return tuple(
            Diagnostic(
                "leftover-kept",
                Position(path.as_posix(), 1, 1),
                f"{quoted(path.as_posix())} is not generated any more, and not as it was generated",
                "remove it, if it is not yours",
                level="warning",
            )
            for path in self.left
        )

    @property
    def changes(self) -> tuple[Change, ...]:
        """Every file it touches, in the order of the paths."""
        found = [Change(path, "update" if path.exists() else "create") for path in self.writes]
        found += (Change(path, "remove") for path in self.removals)
        return tuple(sorted(found, key=lambda change: change.path))


def digest(text: str) -> str:
    """SHA-256 of a text."""
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def read_manifest(out: Path) -> Manifest:
    """The manifest of `out`; an empty one when there is none, or none that can be read.

    One of the older form, without targets, counts as none: then every package is made again.
    """
    try:
        content = json.loads(_read(out / MANIFEST))
        packages = {
            _inside(folder): {
                target: Entry(
                    source=str(entry["source"]),
                    input=str(entry["input"]),
                    files={_bare(name): str(value) for name, value in entry["files"].items()},
                )
                for target, entry in entries.items()
            }
            for folder, entries in cast("dict[str, Any]", content["packages"]).items()
        }
        versions = cast("dict[str, object]", content["versions"])
        return Manifest({name: str(value) for name, value in versions.items()}, packages)
    except (
        FileNotFoundError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        RecursionError,
    ):
        return Manifest()


def _inside(folder: str) -> str:
    """`folder`, which must not lead out of the output folder: we delete by what stands here."""
    path = PurePosixPath(folder)
    if path.is_absolute() or not path.parts:
        raise ValueError(folder)
    for part in path.parts:
        _bare(part)
    return folder


def _bare(name: str) -> str:
    # A backslash separates folders too, on Windows; NUL and half characters are in no name.
    if PurePosixPath(name).name != name or name in ("", "..") or set(name) & {"\\", "\0", ":"}:
        raise ValueError(name)
    os.fsencode(name)
    return name


def is_untouched(out: Path, folder: str, entry: Entry, marks: Marks) -> bool:
    """Whether every file of a package is still as it was generated, and no file of ours beside."""
    try:
        same = all(
            digest(_read(out / folder / name)) == expected for name, expected in entry.files.items()
        )
    except (OSError, ValueError):
        return False
    return same and not any(
        path.name not in entry.files and _has_header(path, marks)
        for path in (out / folder).glob(f"*{marks.ending}")
    )


def plan(
    out: Path,
    *,
    before: Manifest,
    after: Manifest,
    texts: Mapping[str, Mapping[str, str]],
    marks: Mapping[str, Marks],
    root_is_package: bool,
    complete: bool,
) -> Plan:
    """What turns `out`, which `before` describes, into what `after` says.

    `texts` has the files of the packages that were generated anew; the others of `after` stay.
    `marks` are those of each target; `root_is_package` says whether `out` itself gets a front;
    `complete`, that packages of ours which `after` does not name are to go.

    Raises:
        UnrealPlaces: a link, or something else that is no folder or file, is in the way.
        ForeignFiles: a file that is not ours is in the way.
    """
    wanted = {
        out / folder / name: text for folder, files in texts.items() for name, text in files.items()
    }
    known = before.digests(out)
    fronts = {
        folder / of_target.front: of_target
        for target, of_target in marks.items()
        if of_target.front
        for folder in _folders_between(out, after, target, root_is_package)
    }
    places = (out / MANIFEST, *wanted, *fronts, *known, *after.digests(out))
    unreal = unreal_places(out, places)
    if unreal:
        raise UnrealPlaces(unreal)
    foreign = [
        path
        for path, text in wanted.items()
        if path.exists()
        and path not in known
        and not any(_is_ours(path, each) for each in marks.values())
        and _read_or_none(path) != text
    ]
    if foreign:
        raise ForeignFiles(sorted(foreign))
    for path, of_target in fronts.items():
        if not path.exists() or _has_header(path, of_target):
            wanted[path] = of_target.between
    wanted[out / MANIFEST] = after.text
    kept = set(wanted) | set(after.digests(out))
    asked = {out / folder for folder in texts}
    stale = {
        path
        for path in _ours(out, known, marks.values())
        if path not in kept and (complete or path.parent in asked)
    }
    removals = {path for path in stale if _is_as_written(path, known.get(path), marks.values())}
    return Plan(
        out=out,
        writes={path: text for path, text in sorted(wanted.items()) if _read_or_none(path) != text},
        removals=tuple(sorted(removals)),
        left=tuple(sorted(stale - removals)),
    )


def apply(planned: Plan) -> None:
    """Carry out a plan. Everything is on disk before the first file is moved into its place.

    Raises:
        OSError: the folder cannot be written; then nothing was changed.
    """
    out = planned.out
    if planned.writes:
        out.mkdir(parents=True, exist_ok=True)
        waiting = Path(tempfile.mkdtemp(prefix=".duologue-", dir=out))
        try:
            for path, text in planned.writes.items():
                place = waiting / path.relative_to(out)
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(text.encode())
            for path in planned.writes:
                path.parent.mkdir(parents=True, exist_ok=True)
                os.replace(waiting / path.relative_to(out), path)
        finally:
            shutil.rmtree(waiting)
    for path in planned.removals:
        path.unlink()
    for folder in sorted({path.parent for path in planned.removals}, reverse=True):
        _remove_if_empty(folder, out)


def _remove_if_empty(folder: Path, out: Path) -> None:
    """Remove a folder that holds nothing but bytecode, and those above it up to `out`."""
    while folder != out and folder.exists() and all(map(_is_bytecode, folder.iterdir())):
        shutil.rmtree(folder)
        folder = folder.parent


def _is_bytecode(path: Path) -> bool:
    return (
        path.name == "__pycache__"
        and not path.is_symlink()
        and path.is_dir()
        and all(each.suffix == ".pyc" and is_real_file(each) for each in path.iterdir())
    )


def _folders_between(
    out: Path, after: Manifest, target: str, root_is_package: bool
) -> Iterator[Path]:
    packages = [folder for folder, entries in after.packages.items() if target in entries]
    if root_is_package and packages:
        yield out
    for folder in packages:
        for parent in PurePosixPath(folder).parents:
            if parent.parts:
                yield out / parent


def _ours(out: Path, known: Iterable[Path], marks: Collection[Marks]) -> Iterator[Path]:
    """Every file in `out` that we may have written once."""
    yield from (path for path in known if is_real_file(path))
    for top, folders, names in os.walk(out):
        folders[:] = [name for name in folders if name not in _SKIPPED and name[0] != "."]
        for each in marks:
            yield from _ours_in(Path(top), names, each)


def _ours_in(folder: Path, names: Collection[str], marks: Marks) -> Iterator[Path]:
    if marks.front and (marks.front not in names or not _has_header(folder / marks.front, marks)):
        return
    is_package = marks.sign in names
    for name in names:
        path = folder / name
        if _has_header(path, marks) or (is_package and name in marks.without_header):
            yield path


def _is_as_written(path: Path, expected: str | None, marks: Collection[Marks]) -> bool:
    """Whether a file bears our header, or stands beside one, and has the digest it should have.

    `expected` is what the manifest says. It knows no fronts between packages: their text is.
    """
    text = _read_or_none(path)
    for each in marks:
        is_between = bool(each.front) and path.name == each.front and text == each.between
        if is_between or (text is not None and digest(text) == expected and _is_ours(path, each)):
            return True
    return False


def _is_ours(path: Path, marks: Marks) -> bool:
    if path.name in marks.without_header:
        return _has_header(path.with_name(marks.front), marks)
    return _has_header(path, marks)


def _has_header(path: Path, marks: Marks) -> bool:
    if path.suffix != marks.ending or not is_real_file(path):
        return False
    header = marks.header.encode()
    try:
        with path.open("rb") as file:
            return file.read(len(header)) == header
    except OSError:
        return False


def _read(path: Path) -> str:
    if not is_real_file(path):
        raise FileNotFoundError(errno.ENOENT, "no regular file", str(path))
    return path.read_bytes().decode()


def _read_or_none(path: Path) -> str | None:
    try:
        return _read(path)
    except (OSError, ValueError):
        return None
