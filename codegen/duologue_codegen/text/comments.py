"""Comments of a contract. YAML's events pass them over, so they are found by what they are not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Final

import yaml

from ..diagnostics import Position
from .source import Source, events_of

_ORDER: Final = re.compile(r"#\s*duologue:\s*(?P<order>.*?)\s*$")


@dataclass(frozen=True, slots=True)
class Comment:
    """One comment, to the end of its line."""

    at: Position
    text: str
    """With its `#`."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a comment asks of the compiler: `# duologue: allow name-case because …`."""

    text: str
    """Behind the colon: `allow name-case because …`."""
    at: Position


def comments_of(source: Source) -> list[Comment]:
    """The comments of a text, in its order.

    The text must be YAML: of one that is none, only those before the mistake are found.
    """
    texts: dict[int, list[tuple[int, int]]] = {}
    try:
        with closing(events_of(source.text)) as events:
            for event in events:
                if isinstance(event, yaml.ScalarEvent):
                    for line, start, end in _stretches(event, source):
                        texts.setdefault(line, []).append((start, end))
    except yaml.YAMLError:
        pass
    return [
        Comment(Position(source.file, number + 1, column + 1, len(line) - column), line[column:])
        for number, line in enumerate(source.lines)
        if (column := _comment_start(line, texts.get(number, ()))) is not None
    ]


def orders_in(source: Source) -> tuple[Order, ...]:
    """What the comments of a text ask of the compiler."""
    if "duologue:" not in source.text.partition("\n")[2]:
        return ()
    return tuple(
        Order(found["order"], comment.at)
        for comment in comments_of(source)
        if (found := _ORDER.match(comment.text)) is not None
    )


def _stretches(event: yaml.ScalarEvent, source: Source) -> Iterator[tuple[int, int, int]]:
    """Line, start and end of each line of a text."""
    start, end = event.start_mark, event.end_mark
    if start is None or end is None:
        return
    # Behind the sign of a block, `|` or `>`, a comment may stand.
    first = start.line + 1 if event.style in {"|", ">"} else start.line
    for line in range(first, min(end.line, len(source.lines) - 1) + 1):
        from_ = start.column if line == start.line else 0
        to = end.column if line == end.line else len(source.lines[line])
        yield line, from_, to


def _comment_start(line: str, texts: list[tuple[int, int]] | tuple[()]) -> int | None:
    for found in re.finditer("#", line):
        column = found.start()
        if (column == 0 or line[column - 1].isspace()) and not any(
            start <= column < end for start, end in texts
        ):
            return column
    return None
