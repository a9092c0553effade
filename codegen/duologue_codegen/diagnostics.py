"""Findings, and how they are shown: as text with the source, as JSON, as annotations for CI."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

Level: TypeAlias = Literal["error", "warning", "note"]
LEVELS: Final[tuple[Level, ...]] = ("error", "warning", "note")
"""From what is wrong to what one should know."""
Lines: TypeAlias = Sequence[str]
"""A file's lines, without their ends."""

MAX_SHOWN_COLUMNS = 120
"""Longer source lines are cut around what is underlined."""
MAX_QUOTED = 60
"""Longer names are cut in the middle of a sentence."""


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A stretch of one line of a file."""

    file: str
    """The path as the user gave it: `schema/chat/rooms/v1.yaml`."""
    line: int
    """From 1."""
    column: int
    """From 1, counted in characters."""
    length: int = 1
    """Characters on that line. At least 1, also where there is nothing to underline."""


@dataclass(frozen=True, slots=True)
class Related:
    """A second place that a finding speaks of."""

    at: Position
    label: str
    """What is there: `first used here`."""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding: which rule, where, what was met, and what to do about it."""

    rule: str
    at: Position
    message: str
    """What was met. One line, without a full stop."""
    hint: str = ""
    """What was expected, or what to do. Stands behind the caret."""
    level: Level = field(default="error", kw_only=True)
    related: Related | None = field(default=None, kw_only=True)


def in_file_order(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Each finding once, sorted by file, line and column."""
    return sorted(dict.fromkeys(diagnostics), key=_place)


def _place(diagnostic: Diagnostic) -> tuple[str, int, int, str, str]:
    at = diagnostic.at
    return at.file, at.line, at.column, diagnostic.rule, diagnostic.message


def quoted(word: str) -> str:
    """`word` as it stands in a sentence: between backquotes, on one line, not endless."""
    if len(word) > MAX_QUOTED:
        word = f"{word[:MAX_QUOTED]}…"
    return f"`{_on_one_line(word)}`"


def _on_one_line(text: str) -> str:
    """`text` with one visible character for each that would move the cursor."""
    if text.isprintable():
        return text
    return "".join(" " if char == "\t" else "�" if is_hidden(char) else char for char in text)


def is_hidden(char: str) -> bool:
    """Whether a character shows nothing of its own, and may move or turn what is around it."""
    return unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


# ---- text ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Paint:
    """How the parts of a finding look. Without colour every code is empty."""

    bold: str = ""
    error: str = ""
    warning: str = ""
    note: str = ""
    frame: str = ""
    off: str = ""

    def __call__(self, code: str, text: str) -> str:
        return f"{code}{text}{self.off}" if text else ""


_PLAIN = _Paint()
_COLOURED = _Paint("\x1b[1m", "\x1b[1;31m", "\x1b[1;33m", "\x1b[1;36m", "\x1b[34m", "\x1b[0m")


def render_text(
    diagnostics: Iterable[Diagnostic], sources: Mapping[str, Lines], *, colour: bool = False
) -> str:
    """All findings for people, an empty line between them, with the source lines they speak of.

    `sources` gives the lines of each file; a file that is missing there is named without its line.
    Ends with a line end unless there is nothing to say.
    """
    paint = _COLOURED if colour else _PLAIN
    return "\n".join(
        "\n".join(_text_lines(diagnostic, sources, paint)) + "\n" for diagnostic in diagnostics
    )


def _text_lines(
    diagnostic: Diagnostic, sources: Mapping[str, Lines], paint: _Paint
) -> Iterator[str]:
    at, related = diagnostic.at, diagnostic.related
    tone = {"error": paint.error, "warning": paint.warning, "note": paint.note}[diagnostic.level]
    head = paint(paint.bold, f"{at.file}:{at.line}:{at.column}:")
    kind = paint(tone, f"{diagnostic.level}[{diagnostic.rule}]")
    yield f"{head} {kind}: {_on_one_line(diagnostic.message)}"
    marks = [_Mark(at, "^", diagnostic.hint, tone)]
    if related is not None:
        marks.append(_Mark(related.at, "-", related.label, paint.frame))
    here = sorted((mark for mark in marks if mark.at.file == at.file), key=lambda mark: mark.at)
    width = max(3, *(len(str(mark.at.line)) for mark in marks))
    gutter = paint(paint.frame, " " * width + " |")
    frames = [line for mark in here for line in _framed(mark, sources, paint, width)]
    if frames:
        yield gutter
        yield from frames
    elif diagnostic.hint:
        yield f"{gutter} {_on_one_line(diagnostic.hint)}"
    if related is not None and related.at.file != at.file:
        where = f"{related.at.file}:{related.at.line}:{related.at.column}"
        yield f"{paint(paint.frame, ' ' * width + ' :')} {where}"
        yield from _framed(marks[1], sources, paint, width)


@dataclass(frozen=True, slots=True)
class _Mark:
    at: Position
    sign: str
    label: str
    tone: str


def _framed(mark: _Mark, sources: Mapping[str, Lines], paint: _Paint, width: int) -> Iterator[str]:
    """The source line of `mark` and the line below that underlines the stretch."""
    lines = sources.get(mark.at.file, ())
    if not 0 < mark.at.line <= len(lines):
        return
    shown, start, length = _window(lines[mark.at.line - 1], mark.at.column - 1, mark.at.length)
    before, under = shown[:start], shown[start : start + length]
    number = paint(paint.frame, f"{mark.at.line:>{width}} |")
    gutter = paint(paint.frame, " " * width + " |")
    yield f"{number} {_on_one_line(shown)}".rstrip()
    signs = mark.sign * max(1, _columns(under))
    label = f"{signs} {_on_one_line(mark.label)}".rstrip()
    yield f"{gutter} {' ' * _columns(before)}{paint(mark.tone, label)}"


def _window(line: str, start: int, length: int) -> tuple[str, int, int]:
    """What is shown of a long line, and where the stretch lies in that."""
    start = min(start, len(line))
    length = max(1, min(length, len(line) - start))
    if len(line) <= MAX_SHOWN_COLUMNS:
        return line, start, length
    first = max(0, start - MAX_SHOWN_COLUMNS // 3)
    last = min(len(line), first + MAX_SHOWN_COLUMNS)
    head, tail = "…" if first else "", "…" if last < len(line) else ""
    shown = f"{head}{line[first:last]}{tail}"
    return shown, start - first + len(head), min(length, last - start)


def _columns(text: str) -> int:
    """How many columns of a terminal `text` takes: wide characters two, combining ones none."""
    return sum(
        0
        if unicodedata.combining(char)
        else 2
        if unicodedata.east_asian_width(char) in {"W", "F"}
        else 1
        for char in text
    )


# ---- for machines --------------------------------------------------------------------------------


def render_json(diagnostics: Iterable[Diagnostic]) -> str:
    """All findings as one JSON array; `related` is null or an object with a place and a `label`."""
    findings = [
        {
            "rule": diagnostic.rule,
            "level": diagnostic.level,
            **_place_json(diagnostic.at),
            "message": diagnostic.message,
            "hint": diagnostic.hint,
            "related": None
            if diagnostic.related is None
            else {**_place_json(diagnostic.related.at), "label": diagnostic.related.label},
        }
        for diagnostic in diagnostics
    ]
    return json.dumps(findings, indent=2, ensure_ascii=False) + "\n"


def _place_json(at: Position) -> dict[str, str | int]:
    return {"file": at.file, "line": at.line, "column": at.column, "length": at.length}


def render_github(diagnostics: Iterable[Diagnostic]) -> str:
    """All findings as workflow commands, which GitHub shows beside the changed lines."""
    return "".join(f"{_github_line(diagnostic)}\n" for diagnostic in diagnostics)


def _github_line(diagnostic: Diagnostic) -> str:
    at = diagnostic.at
    properties = {
        "file": at.file,
        "line": str(at.line),
        "col": str(at.column),
        "endColumn": str(at.column + at.length),
        "title": diagnostic.rule,
    }
    stated = ",".join(f"{key}={_escaped(value, ',:')}" for key, value in properties.items())
    said = f"{diagnostic.message}; {diagnostic.hint}" if diagnostic.hint else diagnostic.message
    command = "notice" if diagnostic.level == "note" else diagnostic.level
    return f"::{command} {stated}::{_escaped(said)}"


def _escaped(text: str, also: str = "") -> str:
    """`text` in the percent form of workflow commands, where a line end would end the command."""
    return "".join(f"%{ord(char):02X}" if char in f"%\r\n{also}" else char for char in text)
