"""Entries taken out of a contract's text, each with the comments that stand above it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ..diagnostics import Lines, Position
from .tree import ListNode, MapNode, Node

_OPENING: Final = "[{"
_CLOSING: Final = "]}"


def without(lines: Lines, tree: MapNode, gone: Collection[Position]) -> str:
    """The text of `tree`, whose lines these are, without what begins at one of the places `gone`.

    A place is that of a key, or of an item of a list. A mapping or a list of which nothing would be
    left goes with its key.
    """
    text = _Text(lines)
    cuts = sorted(_cuts(tree, text, frozenset(gone)))
    kept: list[str] = []
    end = 0
    for cut_start, cut_end in cuts:
        kept.append(text.whole[end:cut_start])
        end = max(end, cut_end)
    return "".join((*kept, text.whole[end:]))


@dataclass(frozen=True, slots=True)
class _Part:
    """An entry of a mapping, or an item of a list."""

    at: Position
    value: Node


def _parts(node: MapNode | ListNode) -> list[_Part]:
    if isinstance(node, MapNode):
        return [_Part(entry.key.at, entry.value) for entry in node.entries]
    return [_Part(item.at, item) for item in node.items]


def _goes(part: _Part, gone: frozenset[Position]) -> bool:
    """Whether nothing is left of it."""
    if part.at in gone:
        return True
    inner = _parts(part.value) if isinstance(part.value, MapNode | ListNode) else []
    return bool(inner) and all(_goes(each, gone) for each in inner)


def _cuts(
    node: MapNode | ListNode, text: _Text, gone: frozenset[Position]
) -> Iterator[tuple[int, int]]:
    """Where the text is cut, as offsets."""
    parts = _parts(node)
    leaving = [_goes(part, gone) for part in parts]
    for part, leaves in zip(parts, leaving, strict=True):
        if not leaves and isinstance(part.value, MapNode | ListNode):
            yield from _cuts(part.value, text, gone)
    if text.at(node.at) in _OPENING:
        yield from _cuts_in_braces(parts, leaving, text)
    else:
        is_list = isinstance(node, ListNode)
        for part, leaves in zip(parts, leaving, strict=True):
            if leaves:
                yield text.block_of(part.at, part.value, is_item=is_list)


def _cuts_in_braces(
    parts: Sequence[_Part], leaving: Sequence[bool], text: _Text
) -> Iterator[tuple[int, int]]:
    last_kept: int | None = None
    for number, (part, leaves) in enumerate(zip(parts, leaving, strict=True)):
        if not leaves:
            last_kept = number
            continue
        ahead = next((other for other in range(number, len(parts)) if not leaving[other]), None)
        if ahead is not None:
            yield text.offset(part.at), text.offset(parts[ahead].at)
        else:
            # The comma behind the last one that stays goes, too.
            start = text.offset(part.at)
            if last_kept is not None:
                start = text.end_in_braces(text.offset(parts[last_kept].at))
            end = text.end_in_braces(text.offset(parts[-1].at))
            yield start, len(text.whole[:end].rstrip())
            return


class _Text:
    """A text, and where its lines begin."""

    def __init__(self, lines: Lines) -> None:
        self.whole = "\n".join(lines)
        self._lines = lines
        self._starts = [0]
        for line in lines:
            self._starts.append(self._starts[-1] + len(line) + 1)

    def offset(self, at: Position) -> int:
        return self._starts[at.line - 1] + at.column - 1

    def at(self, at: Position) -> str:
        """The character there."""
        return self.whole[self.offset(at) : self.offset(at) + 1]

    def block_of(self, at: Position, value: Node, *, is_item: bool) -> tuple[int, int]:
        """The lines of a part that stands on lines of its own, comments above it included."""
        first = at.line - 1
        depth = self._depth(first)
        lists_stand_below = isinstance(value, ListNode) and not is_item
        last = first + 1
        while last < len(self._lines):
            line = self._lines[last]
            inside = depth if lists_stand_below and line.lstrip().startswith("-") else depth + 1
            if line.strip() and self._depth(last) < inside:
                break
            last += 1
        while self._lines[first - 1].lstrip().startswith("#") and self._depth(first - 1) == depth:
            first -= 1
        behind = last
        while not self._lines[behind - 1].strip():
            behind -= 1
        # The empty lines behind it go as well where there are others above it, or nothing.
        above = self._lines[first - 1].strip()
        if above and not (above.endswith(":") and self._depth(first - 1) < depth):
            last = behind
        return self._starts[first], min(self._starts[last], len(self.whole))

    def _depth(self, line: int) -> int:
        text = self._lines[line]
        return len(text) - len(text.lstrip())

    def end_in_braces(self, start: int) -> int:
        """Where the part that begins at `start` ends: before its comma, or what closes them."""
        depth, place, before = 0, start, ","
        while place < len(self.whole):
            char = self.whole[place]
            if char in "'\"" and before in "{[,: \n":
                place = self._end_of_quotes(place)
                before = char
                continue
            if char == "#" and before in " \n":
                place = self.whole.index("\n", place)
                continue
            if depth == 0 and (char == "," or char in _CLOSING):
                return place
            depth += (char in _OPENING) - (char in _CLOSING)
            before = char
            place += 1
        return place

    def _end_of_quotes(self, start: int) -> int:
        """Behind the quote that closes the one at `start`."""
        quote = self.whole[start]
        place = start + 1
        while self.whole[place] != quote or self.whole[place : place + 2] == "''":
            is_pair = self.whole[place] == ("\\" if quote == '"' else "'")
            place += 2 if is_pair else 1
        return place + 1
