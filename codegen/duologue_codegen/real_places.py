"""Whether an output folder is what it seems: no link leads out of it.

A clone that one does not trust may hold links and a manifest of somebody's choice. What is written
and removed goes by these, so neither may lead to files elsewhere.
"""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from .diagnostics import Diagnostic, Position, quoted

RULE: Final = "output-is-real"
"""Between the output folder and each file are folders, and no links."""


def is_real_file(path: Path) -> bool:
    """Whether a regular file is there, and not a link to one."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except (OSError, ValueError):
        return False


def unreal_places(out: Path, files: Iterable[Path]) -> list[Diagnostic]:
    """One finding for each thing in the way of `files`, which lie below `out`.

    Neither `out` nor a folder below it may be a link, and no file may be anything but a file. Where
    nothing is yet, all is well. A relative `out` is looked at from its first part; what leads to an
    absolute one is the user's own.
    """
    wrong = {
        place: "is a link" for place in (out, *_parents_in_clone(out)) if place.is_symlink()
    } or dict(_in_the_way(out, files))
    return [_finding(place, what) for place, what in sorted(wrong.items())]


def _parents_in_clone(out: Path) -> Iterable[Path]:
    return () if out.is_absolute() else out.parents


def _in_the_way(out: Path, files: Iterable[Path]) -> Iterator[tuple[Path, str]]:
    good: set[Path] = set()
    for file in files:
        folders = [each for each in file.parents if each == out or out in each.parents]
        for folder in reversed(folders):
            if folder in good:
                continue
            what = _kind(folder)
            if what == "is a folder":
                good.add(folder)
                continue
            if what:
                yield folder, what
            break
        else:
            what = _kind(file)
            if what not in ("", "is a file"):
                yield file, what


def _kind(place: Path) -> str:
    """What is there, or nothing where nothing is."""
    try:
        mode = place.lstat().st_mode
    except FileNotFoundError:
        return ""
    if stat.S_ISLNK(mode):
        return "is a link"
    if stat.S_ISDIR(mode):
        return "is a folder"
    return "is a file" if stat.S_ISREG(mode) else "is neither file nor folder"


def _finding(place: Path, what: str) -> Diagnostic:
    name = place.as_posix()
    hint = "move it away, or choose another --out: nothing is written through links"
    return Diagnostic(RULE, Position(name, 1, 1), f"{quoted(name)} {what}", hint)
