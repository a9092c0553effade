"""Changes of a text at positions: what `duologue ids` and `check --fix` write."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ..diagnostics import Lines, Position
from .tree import MapNode

REMOVED: Final = "\0"
"""In place of a line that goes with its line end. No contract holds this character."""


@dataclass(frozen=True, slots=True, order=True)
class Edit:
    """A stretch of one line, and what stands there instead."""

    file: str
    line: int
    """From 1."""
    column: int
    """From 1."""
    length: int
    """Characters that go; none where something is put in."""
    text: str
    """What comes. A line end in it makes a new line; `REMOVED` takes the whole line away."""

    @classmethod
    def at(cls, at: Position, text: str, *, length: int | None = None) -> Edit:
        """In place of what is underlined, or of `length` characters from there."""
        return cls(at.file, at.line, at.column, at.length if length is None else length, text)


def put_first(node: MapNode, text: str, lines: Lines) -> Edit:
    """`text` as the first entry of a mapping, in braces or on lines of its own."""
    at = node.at
    if lines[at.line - 1][at.column - 1] == "{":
        comma = ", " if node.entries else ""
        return Edit(at.file, at.line, at.column + 1, 0, f"{text}{comma}")
    return Edit(at.file, at.line, at.column, 0, f"{text}\n{' ' * (at.column - 1)}")


def edited(sources: Mapping[str, Lines], edits: Iterable[Edit]) -> dict[str, str]:
    """The texts of the files that change. Of edits that overlap the first one is made."""
    found: dict[str, list[Edit]] = {}
    for edit in sorted(set(edits)):
        found.setdefault(edit.file, []).append(edit)
    return {file: _applied(sources[file], of_file) for file, of_file in found.items()}


def _applied(lines: Sequence[str], edits: Sequence[Edit]) -> str:
    kept: list[Edit] = []
    for edit in edits:
        last = kept[-1] if kept else None
        overlaps = (
            last is not None
            and last.line == edit.line
            and edit.column < last.column + max(last.length, 1)
        )
        if not overlaps:
            kept.append(edit)
    result = list(lines)
    for edit in reversed(kept):
        line = result[edit.line - 1]
        start = edit.column - 1
        result[edit.line - 1] = line[:start] + edit.text + line[start + edit.length :]
    return "\n".join(line for line in result if line != REMOVED)
