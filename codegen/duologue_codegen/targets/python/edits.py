"""Changes of a Python text at the places that Python's own parser gives, never by searching it."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace the bytes from `start` to `end`."""

    start: int
    end: int
    text: str


class Source:
    """A text in which the parser's lines and columns (in bytes) are found."""

    def __init__(self, text: str) -> None:
        self._bytes = text.encode() + b"\n"
        self._starts = [0]
        for line in self._bytes.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))

    def edit(self, node: ast.expr | ast.stmt | ast.alias, text: str) -> Edit:
        """`text` in place of `node`."""
        end_line, end_column = node.end_lineno, node.end_col_offset
        assert end_line is not None
        assert end_column is not None
        return Edit(self._place(node), self._starts[end_line - 1] + end_column, text)

    def edit_name(self, node: ast.ClassDef, text: str) -> Edit:
        """`text` in place of the name of a class without decorators."""
        start = self._place(node) + len("class ")
        return Edit(start, start + len(node.name.encode()), text)

    def edited(self, edits: Iterable[Edit]) -> str:
        """The text with all edits made; they do not overlap."""
        result = self._bytes
        for edit in sorted(edits, key=lambda each: each.start, reverse=True):
            result = result[: edit.start] + edit.text.encode() + result[edit.end :]
        return result.decode()

    def _place(self, node: ast.expr | ast.stmt | ast.alias) -> int:
        return self._starts[node.lineno - 1] + node.col_offset
