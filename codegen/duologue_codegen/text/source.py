"""YAML text to a tree in which every node knows line and column.

We read PyYAML's events, with the C loader where there is one, and not its composed nodes: composing
recurses, so a hostile file could end the process. Findings, never exceptions, say what is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import yaml

from ..diagnostics import Diagnostic, Position, Related, quoted
from .scalars import resolve
from .tree import Entry, ListNode, MapNode, Node, ScalarNode

MAX_FILE_BYTES: Final = 4 * 1024 * 1024
"""A contract is written by hand; the largest we know of has 60 KiB."""
MAX_DEPTH: Final = 32
"""Nested collections. Contracts use about eight, and examples go deeper."""

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_LINE_END: Final = re.compile(r"\r\n|\r|\n")
# What YAML calls printable, less the line breaks of YAML 1.1 (which 1.2 has dropped, and editors
# do not count), less the byte order mark, which `read_source` takes off.
UNREADABLE: Final = re.compile(
    "[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_ESCAPES: Final = re.compile(r"\\x..|\\u.{4}|\\U.{8}|\\.|.", re.DOTALL)
"""One character between double quotes, as it is written."""
_DOUBLED: Final = re.compile(r"''|.", re.DOTALL)
"""One between single quotes."""
_SURROGATE: Final = re.compile("[\ud800-\udfff]")  # YAML can write them as escapes
_TAG_EVENTS: TypeAlias = yaml.ScalarEvent | yaml.SequenceStartEvent | yaml.MappingStartEvent


@dataclass(frozen=True, slots=True)
class Source:
    """A file's text, decoded, and its lines."""

    file: str
    """The path as the user gave it."""
    text: str
    lines: tuple[str, ...]


def read_source(
    file: str, data: bytes, *, max_bytes: int = MAX_FILE_BYTES
) -> tuple[Source, list[Diagnostic]]:
    """Decode a file: UTF-8, with or without a byte order mark.

    Where bytes are no UTF-8, the finding stands at the first of them and the text has
    replacement characters: it can be shown, but not parsed.
    """
    faults: list[Diagnostic] = []
    if len(data) > max_bytes:
        message = f"the file has {len(data):,} bytes"
        hint = f"it may have at most {max_bytes:,}"
        faults.append(Diagnostic("yaml-subset", Position(file, 1, 1), message, hint))
        data = data[:200]
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        text = data.decode("utf-8", "replace")
        before = _LINE_END.split(data[: error.start].decode("utf-8"))
        at = Position(file, len(before), len(before[-1]) + 1)
        message = f"byte 0x{data[error.start]:02X} is not UTF-8"
        if not faults:  # the cut may have gone through a character
            faults.append(Diagnostic("yaml-syntax", at, message, "save the file as UTF-8"))
    return Source(file, text, tuple(_LINE_END.split(text))), faults


def parse(source: Source, *, max_depth: int = MAX_DEPTH) -> tuple[MapNode | None, list[Diagnostic]]:
    """The document's tree, and what is wrong with its YAML.

    The tree is None when there is none worth reading: the text is no YAML, the document is no
    mapping, or it holds aliases, whose values we do not look up.
    """
    faults = list(_unreadable(source))
    if faults:
        return None, faults
    builder = _Builder(source, max_depth)
    try:
        with closing(events_of(source.text)) as events:
            for event in events:
                if not builder.take(event):
                    break
    except yaml.MarkedYAMLError as error:
        builder.faults.append(_syntax_finding(source, error))
        return None, builder.faults
    except yaml.YAMLError as error:
        at = Position(source.file, 1, 1)
        builder.faults.append(Diagnostic("yaml-syntax", at, " ".join(str(error).split())))
        return None, builder.faults
    return builder.document(), builder.faults


def events_of(text: str) -> Generator[yaml.Event, None, None]:
    """The events of a text, by the C loader where there is one.

    Raises:
        YAMLError: the text is no YAML, from here on.
    """
    yield from yaml.parse(text, Loader=_LOADER)


def _unreadable(source: Source) -> Iterator[Diagnostic]:
    """Characters that a contract may not hold at all: one finding for each line."""
    for number, line in enumerate(source.lines, 1):
        if found := UNREADABLE.search(line):
            at = Position(source.file, number, found.start() + 1)
            message = f"character U+{ord(found.group()):04X} cannot stand in a contract"
            yield Diagnostic("yaml-syntax", at, message, 'write it as an escape in "quotes"')
        tab = line.find("\t")
        if tab >= 0:
            length = len(line[tab:]) - len(line[tab:].lstrip("\t"))
            at = Position(source.file, number, tab + 1, length)
            yield Diagnostic("yaml-subset", at, "tabs are not part of the language", "use spaces")


def _syntax_finding(source: Source, error: yaml.MarkedYAMLError) -> Diagnostic:
    mark = error.problem_mark or error.context_mark
    at = Position(source.file, 1, 1)
    if mark is not None:
        at = _within(source, mark.line, mark.column, 1)
    message = (error.problem or error.context or "this is not YAML").strip()
    related = None
    if error.context_mark is not None and error.context and error.context_mark.line != at.line - 1:
        start = error.context_mark
        related = Related(_within(source, start.line, start.column, 1), error.context.strip())
    hint = ""
    if "',' or" in message or "mapping values" in message:
        hint = "text that holds any of `, : [ ] { }` needs quotes"
    return Diagnostic("yaml-syntax", at, message, hint, related=related)


def _within(source: Source, line: int, column: int, length: int) -> Position:
    """A position from PyYAML's zero-based numbers, kept inside the text."""
    line = min(line, len(source.lines) - 1)
    rest = len(source.lines[line]) - column
    return Position(source.file, line + 1, column + 1, max(1, min(length, rest)))


def _escaped_places(written: str, value: str, on_one_line: bool) -> tuple[int, ...]:
    """See `ScalarNode.escaped`; nothing where a character of `value` is not one of `written`."""
    if not on_one_line or written[:1] not in ('"', "'"):
        return ()
    characters = _ESCAPES if written[0] == '"' else _DOUBLED
    places = [each.start() for each in characters.finditer(written, 1, len(written) - 1)]
    places.append(len(written) - 1)
    return tuple(places) if len(places) == len(value) + 1 else ()


@dataclass(slots=True)
class _Open:
    """A collection whose end has not been seen yet."""

    start: Position
    is_map: bool
    is_block: bool
    items: list[Node]
    entries: list[Entry]
    keys: dict[str, Position]
    key: ScalarNode | None = None
    awaits_value: bool = False


class _Builder:
    """Takes events one by one; holds the open collections and the findings."""

    def __init__(self, source: Source, max_depth: int) -> None:
        self.faults: list[Diagnostic] = []
        self._source = source
        self._max_depth = max_depth
        self._open: list[_Open] = []
        self._root: Node | None = None
        self._documents = 0
        self._usable = True

    def take(self, event: yaml.Event) -> bool:
        """Take the next event; False when reading on has no point."""
        match event:
            case yaml.ScalarEvent():
                self._refuse_decoration(event)
                plain = event.style in {None, ""} and event.tag is None
                self._place(self._scalar(event, event.value, plain=plain))
            case yaml.DocumentStartEvent():
                return self._take_document(event)
            case yaml.AliasEvent():
                name = quoted(f"*{event.anchor}")
                self._refuse(event, f"alias {name}", "write the value out, or name a type for it")
                self._usable = False
                self._place(self._scalar(event, "", plain=True))
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                self._refuse_decoration(event)
                is_map = isinstance(event, yaml.MappingStartEvent)
                is_block = not event.flow_style
                self._open.append(_Open(self._at(event), is_map, is_block, [], [], {}))
                if len(self._open) > self._max_depth:
                    self._refuse(
                        event, f"more than {self._max_depth} collections inside each other"
                    )
                    self._usable = False
                    return False
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self._place(self._closed(self._open.pop(), event))
            case _:
                pass
        return True

    def document(self) -> MapNode | None:
        """The tree, once all events were taken."""
        if not self._usable:
            return None
        if isinstance(self._root, MapNode):
            return self._root
        at = Position(self._source.file, 1, 1) if self._root is None else self._root.at
        empty = self._root is None or (isinstance(self._root, ScalarNode) and not self._root.text)
        message = "the file is empty" if empty else "a contract is a mapping of keys to values"
        self.faults.append(Diagnostic("node-shape", at, message, "it begins with `duologue: 1`"))
        return None

    def _take_document(self, event: yaml.DocumentStartEvent) -> bool:
        if event.version or event.tags:
            self._refuse(event, "directives are not part of the language", "remove the `%` line")
        self._documents += 1
        if self._documents > 1:
            self._refuse(event, "a second document begins", "one file holds one contract")
        return self._documents == 1

    def _place(self, node: Node) -> None:
        """Put a whole node where it belongs: into the collection that is open."""
        if not self._open:
            self._root = node
            return
        top = self._open[-1]
        if not top.is_map:
            top.items.append(node)
        elif not top.awaits_value:
            top.awaits_value = True
            top.key = self._key(node, top)
        else:
            top.awaits_value = False
            if top.key is not None:
                top.entries.append(Entry(top.key, node))

    def _key(self, node: Node, into: _Open) -> ScalarNode | None:
        """`node` as a key; None when it can be none, and then the entry is left out."""
        if not isinstance(node, ScalarNode):
            message = "a collection cannot be a key"
            self.faults.append(Diagnostic("yaml-subset", node.at, message, "keys are text"))
            return None
        if node.text == "<<" and node.quotes == 0:
            message = "merge keys are not part of the language"
            self.faults.append(Diagnostic("yaml-subset", node.at, message, "write the keys out"))
            return None
        if node.text in into.keys:
            first = Related(into.keys[node.text], "first used here")
            message = f"key {quoted(node.text)} is there twice"
            self.faults.append(Diagnostic("duplicate-key", node.at, message, related=first))
            return None
        into.keys[node.text] = node.at
        if into.is_block and len(into.keys) == 1:
            into.start = node.at  # which is where it begins, and can be underlined
        return node

    def _scalar(self, event: yaml.Event, value: str, *, plain: bool) -> ScalarNode:
        at = self._at(event)
        if _SURROGATE.search(value):
            message = "half of a character: a lone surrogate"
            self.faults.append(Diagnostic("yaml-syntax", at, message, "write the whole character"))
            self._usable = False
        line = self._source.lines[at.line - 1]
        quotes = 0 if plain else 1
        start = at.column - 1 + quotes
        on_one_line = event.end_mark is not None and event.end_mark.line == at.line - 1
        if not on_one_line or line[start : start + len(value)] != value:
            places = _escaped_places(line[at.column - 1 :][: at.length], value, on_one_line)
            return ScalarNode(resolve(value) if plain else value, value, at, None, places)
        return ScalarNode(resolve(value) if plain else value, value, at, quotes)

    def _refuse_decoration(self, event: _TAG_EVENTS) -> None:
        if event.anchor is not None:
            name = quoted(f"&{event.anchor}")
            self._refuse(event, f"anchor {name}", "write the value out, or name a type for it")
        if event.tag is not None:
            self._refuse(event, f"tag {quoted(event.tag)}", "types follow from the language")

    def _refuse(self, event: yaml.Event, message: str, hint: str = "") -> None:
        self.faults.append(Diagnostic("yaml-subset", self._at(event), message, hint))

    def _closed(self, collection: _Open, event: yaml.Event) -> Node:
        at = collection.start
        end = self._at(event)
        if not collection.is_block and end.line == at.line:  # on one line: underline all of it
            at = replace(at, length=end.column + end.length - at.column)
        if collection.is_map:
            return MapNode(tuple(collection.entries), at)
        return ListNode(tuple(collection.items), at)

    def _at(self, event: yaml.Event) -> Position:
        """Where an event stands; what goes over several lines is underlined on its first."""
        start, end = event.start_mark, event.end_mark
        if start is None:
            return Position(self._source.file, 1, 1)
        if end is not None and end.line == start.line < len(self._source.lines):
            # What `_within` gives: this is asked for every word of a contract.
            length = min(end.column, len(self._source.lines[start.line])) - start.column
            return Position(
                self._source.file, start.line + 1, start.column + 1, length if length > 0 else 1
            )
        return _within(self._source, start.line, start.column, MAX_FILE_BYTES)
