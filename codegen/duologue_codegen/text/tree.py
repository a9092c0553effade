"""A YAML document as a tree in which every node knows where it stands.

`source.py` makes these trees and `reading/` reads them. What a contract says freely (defaults,
examples, raw schemas) stays in the model as a node, so that a finding can underline the exact
value; `node.data` is the same as plain JSON-like Python.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from ..diagnostics import Position

ScalarData: TypeAlias = bool | int | float | str | None
Data: TypeAlias = "ScalarData | list[Data] | dict[str, Data]"
"""Plain values, as `json` knows them. A float may be infinite or NaN: YAML can write those."""


@dataclass(frozen=True, slots=True)
class ScalarNode:
    """One scalar, already resolved by the rules of YAML 1.2 core."""

    data: ScalarData
    text: str
    """What was written, without quotes: `010` stays `010`, and `1.10` stays `1.10`."""
    at: Position = field(compare=False)
    quotes: int | None = field(default=0, compare=False)
    """Characters between `at` and the text. None when the text stands elsewhere or differently:
    on several lines, or with escapes."""
    escaped: tuple[int, ...] = field(default=(), compare=False)
    """With escapes: the characters between `at` and each character of the text, and its end."""

    def part_at(self, start: int, length: int) -> Position:
        """Where a part of `text` stands; the whole scalar when that cannot be told."""
        if self.escaped:
            first, end = self.escaped[start], self.escaped[start + max(1, length)]
            return replace(self.at, column=self.at.column + first, length=end - first)
        if self.quotes is None:
            return self.at
        return replace(self.at, column=self.at.column + self.quotes + start, length=max(1, length))


@dataclass(frozen=True, slots=True)
class ListNode:
    """A sequence, in block or flow style."""

    items: tuple[Node, ...]
    at: Position = field(compare=False)

    @property
    def data(self) -> list[Data]:
        """The same as a plain list."""
        return [item.data for item in self.items]


@dataclass(frozen=True, slots=True)
class Entry:
    """One `key: value` of a mapping."""

    key: ScalarNode
    value: Node


@dataclass(frozen=True, slots=True)
class MapNode:
    """A mapping. Its keys are strings, and no key occurs twice."""

    entries: tuple[Entry, ...]
    at: Position = field(compare=False)

    @property
    def data(self) -> dict[str, Data]:
        """The same as a plain dict, in the order of the file."""
        return {entry.key.text: entry.value.data for entry in self.entries}

    def get(self, key: str) -> Node | None:
        """The value under `key`, or None."""
        entry = self.entry(key)
        return None if entry is None else entry.value

    def entry(self, key: str) -> Entry | None:
        """Key and value under `key`, or None."""
        for entry in self.entries:
            if entry.key.text == key:
                return entry
        return None

    def __iter__(self) -> Iterator[tuple[str, Node]]:
        for entry in self.entries:
            yield entry.key.text, entry.value


Node: TypeAlias = ScalarNode | ListNode | MapNode


def lists_in(node: Node) -> Iterator[ListNode]:
    """Every list in `node`, itself included, in the order of the file."""
    match node:
        case MapNode():
            for entry in node.entries:
                yield from lists_in(entry.value)
        case ListNode():
            yield node
            for item in node.items:
                yield from lists_in(item)
        case ScalarNode():
            pass
