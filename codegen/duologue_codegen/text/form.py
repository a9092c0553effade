"""The one form of a contract's text: `duologue fmt`.

Two spaces for each level, one space behind `:` and `,`, at most one empty line, no space at the
ends. What is written is taken as it stands: words, quotes, the order of keys, the choice between
lines and braces, comments. The result means the same, or the text is left alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Final

import yaml

from .comments import Comment, comments_of
from .source import Source, events_of, parse, read_source

STEP: Final = 2
"""Spaces for each level."""


def formed(source: Source) -> str:
    """The text in its one form; as it is when it is no contract's, since that has no form."""
    tree, faults = parse(source)
    if tree is None or faults:
        return source.text
    root = _nodes(source)
    if root is None:
        return source.text
    text = _Writer(source).document(root)
    again, _ = read_source(source.file, text.encode())
    same, _ = parse(again)
    comments = [[each.text.rstrip() for each in comments_of(one)] for one in (source, again)]
    return text if same == tree and comments[0] == comments[1] else source.text


@dataclass(slots=True)
class _Node:
    """A node with where it is written. Lines and columns from 0."""

    kind: str
    """`scalar`, `map` or `list`."""
    line: int
    column: int
    end_line: int = 0
    end_column: int = 0
    style: str = ""
    """Of a scalar its first sign, of a collection `block` or `flow`."""
    items: list[_Node] = field(default_factory=list["_Node"])
    """Of a map, key and value by turns."""

    @property
    def is_block(self) -> bool:
        """Whether it is a collection on lines of its own."""
        return self.style == "block"

    @property
    def is_empty(self) -> bool:
        """Whether nothing is written."""
        return self.kind == "scalar" and (self.line, self.column) == (
            self.end_line,
            self.end_column,
        )


def _nodes(source: Source) -> _Node | None:
    open_: list[_Node] = []
    root: _Node | None = None
    with closing(events_of(source.text)) as events:
        for event in events:
            start, end = event.start_mark, event.end_mark
            if start is None or end is None:
                return None
            node: _Node | None = None
            match event:
                case yaml.ScalarEvent():
                    style = event.style or ""
                    places = start.line, start.column, end.line, end.column
                    node = _Node("scalar", *places, style=style)
                case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                    kind = "map" if isinstance(event, yaml.MappingStartEvent) else "list"
                    style = "flow" if event.flow_style else "block"
                    node = _Node(kind, start.line, start.column, style=style)
                case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                    ended = open_.pop()
                    ended.end_line, ended.end_column = end.line, end.column
                case _:
                    pass
            if node is not None:
                if open_:
                    open_[-1].items.append(node)
                else:
                    root = node
                if node.kind != "scalar":
                    open_.append(node)
    return root


class _Writer:
    """Writes nodes line by line, with the comments and empty lines that stood between them."""

    def __init__(self, source: Source) -> None:
        self._lines = source.lines
        self._out: list[str] = []
        self._seen = 0
        """Lines of the source that have been written."""
        found = {each.at.line - 1: each for each in comments_of(source)}
        self._own = {
            line: each
            for line, each in found.items()
            if not self._lines[line][: each.at.column - 1].strip()
        }
        """Comments with a line of their own."""
        self._beside = {line: each for line, each in found.items() if line not in self._own}

    def document(self, root: _Node) -> str:
        """The whole text."""
        self._map(root, 0)
        self._between(len(self._lines), 0, -1)
        while self._out and not self._out[-1]:
            self._out.pop()
        return "\n".join(self._out) + "\n"

    # ---- collections on lines ----------------------------------------------------------------

    def _map(self, node: _Node, indent: int, lead: str | None = None) -> None:
        """Entries of a mapping; `lead` is what the first of them follows on its line."""
        for key, value in zip(node.items[::2], node.items[1::2], strict=True):
            if lead is None:
                self._between(key.line, indent, node.column)
            start = f"{' ' * indent}" if lead is None else lead
            lead = None
            self._value(f"{start}{self._raw(key)}:", value, key, indent, node.column)
        self._rest(node, indent)

    def _list(self, node: _Node, indent: int) -> None:
        for item in node.items:
            self._between(item.line, indent, node.column)
            start = f"{' ' * indent}-"
            if item.is_block and item.kind == "map":
                self._map(item, indent + STEP, f"{start} ")
            else:
                self._value(start, item, item, indent, node.column)
        self._rest(node, indent)

    def _value(self, start: str, value: _Node, key: _Node, indent: int, column: int) -> None:
        """A value behind `start`, which is a key or the dash of a list."""
        if value.is_block:
            self._put(start, key.line)
            self._seen = max(self._seen, key.line + 1)
            inner = indent + STEP
            if value.kind == "map":
                self._map(value, inner)
            else:
                self._list(value, inner)
            return
        if value.is_empty:
            self._put(start, key.line)
            self._seen = max(self._seen, key.line + 1)
            return
        if value.style in {"|", ">"}:
            self._block_text(start, value, indent)
            return
        if value.line > key.line:  # on the line behind its key: it fits beside it as well
            self._between(value.line, indent + STEP, column)
        if value.kind == "scalar":
            first, *more = self._raw(value).split("\n")
            lines = [first, *(each.strip(" ") for each in more)]
        elif value.line == value.end_line:
            lines = [self._flow(value)]
        else:
            lines = self._flow_lines(value, indent, column)
        pad = " " * (indent + STEP)
        self._put(f"{start} {lines[0]}".rstrip(" "), value.line)
        for number, line in enumerate(lines[1:], value.line + 1):
            padded = line if value.kind != "scalar" else pad + line
            self._put(padded.rstrip(" ") if line.strip() else "", number)
        self._seen = max(self._seen, value.end_line + 1)

    def _block_text(self, start: str, value: _Node, indent: int) -> None:
        """Text behind `|` or `>`."""
        head = self._lines[value.line][value.column :].partition(" ")[0]
        last = value.end_line if value.end_column == 0 else value.end_line + 1
        lines = list(self._lines[value.line + 1 : last])
        while lines and not lines[-1].strip() and "+" not in head:
            lines.pop()
        stated = "".join(filter(str.isdigit, head))
        depth = min(
            (len(each) - len(each.lstrip(" ")) for each in lines if each.strip()), default=0
        )
        first = next((each for each in lines if each.strip()), "")
        if not stated:
            depth = len(first) - len(first.lstrip(" "))
        head = head.replace(stated, str(STEP)) if stated else head
        self._put(f"{start} {head}", value.line)
        pad = " " * (indent + STEP)
        self._out += [f"{pad}{each[depth:]}" if each.strip() else "" for each in lines]
        self._seen = value.line + 1 + len(lines)

    # ---- collections in braces ---------------------------------------------------------------

    def _flow(self, node: _Node) -> str:
        """A collection in braces, or a scalar in one, on one line."""
        if node.kind == "scalar":
            return self._raw(node)
        if node.kind == "list":
            return f"[{', '.join(map(self._flow, node.items))}]"
        pairs = zip(node.items[::2], node.items[1::2], strict=True)
        return f"{{{', '.join(self._pair(*pair) for pair in pairs)}}}"

    def _pair(self, key: _Node, value: _Node) -> str:
        name = self._raw(key)
        return f"{name}:" if value.is_empty else f"{name}: {self._flow(value)}"

    def _flow_lines(self, node: _Node, indent: int, column: int) -> list[str]:
        """A collection in braces that goes over several lines, which stay."""
        lines = [self._lines[node.line][node.column :]]
        for number in range(node.line + 1, node.end_line + 1):
            line = self._lines[number]
            if number == node.end_line:
                line = line[: node.end_column]
            own = len(line) - len(line.lstrip(" "))
            lines.append(" " * max(indent + STEP, own - column + indent) + line.strip(" "))
        # Comments in it are part of its lines already.
        for number in range(node.line, node.end_line):
            self._beside.pop(number, None)
            self._own.pop(number, None)
        return lines

    # ---- lines -------------------------------------------------------------------------------

    def _raw(self, node: _Node) -> str:
        """A scalar as it is written."""
        if node.line == node.end_line:
            return self._lines[node.line][node.column : node.end_column]
        first = self._lines[node.line][node.column :]
        between = self._lines[node.line + 1 : node.end_line]
        return "\n".join([first, *between, self._lines[node.end_line][: node.end_column]])

    def _put(self, text: str, line: int) -> None:
        """One line, with the comment that stood behind it in the source."""
        beside = self._beside.pop(line, None)
        if beside is not None:
            before = self._lines[line][: beside.at.column - 1]
            gap = len(before) - len(before.rstrip(" "))
            text = f"{text}{' ' * gap}{beside.text.rstrip()}"
        self._out.append(text)

    def _between(self, line: int, indent: int, column: int) -> None:
        """Comments and empty lines before `line`, those further in than `column` among them."""
        for number, comment in self._pending(line):
            self._blank(number, comment)
            if comment is not None:
                self._out.append(f"{' ' * indent}{comment.text.rstrip()}")
        self._seen = max(self._seen, line)

    def _rest(self, node: _Node, indent: int) -> None:
        """Comments at the end of a collection that stand as far in as it does."""
        for number, comment in list(self._pending(len(self._lines))):
            if comment is None:
                if self._lines[number].strip():
                    return
                continue
            if comment.at.column - 1 < node.column or node.column == 0:
                return
            while self._seen <= number:
                self._blank(self._seen, self._own.get(self._seen))
                self._seen += 1
            self._out.append(f"{' ' * indent}{comment.text.rstrip()}")

    def _pending(self, until: int) -> Iterator[tuple[int, Comment | None]]:
        for number in range(self._seen, until):
            yield number, self._own.get(number)

    def _blank(self, number: int, comment: Comment | None) -> None:
        """Keep one empty line of several, and none at the start."""
        is_blank = comment is None and not self._lines[number].strip()
        if is_blank and self._out and self._out[-1]:
            self._out.append("")
