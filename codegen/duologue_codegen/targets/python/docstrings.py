"""Docs of a contract as Python docstrings: wrapped, and safe whatever is in them."""

from __future__ import annotations

import re
import textwrap
from typing import Final

LINE_LENGTH: Final = 100
"""Of generated code, docstrings included."""

_ITEM: Final = re.compile(r"(?P<indent>\s*)(?P<mark>[-*]|\d+[.)]|\w+:)?\s*")

_QUOTES: Final = re.compile('"{3,}')


def docstring(text: str, indent: int = 0) -> str:
    """`text` as a docstring literal that starts at column `indent`. Empty for an empty text.

    Short lines stay as they are; long ones are wrapped under themselves, items of lists and of
    `Raises:` under their text.
    """
    lines = _wrapped(text, LINE_LENGTH - indent)
    if not lines:
        return ""
    margin = " " * indent
    if len(lines) == 1 and len(lines[0]) + indent + 6 <= LINE_LENGTH:
        return f'"""{_without_quote_at_end(lines[0])}"""'
    body = [f"{margin}{line}".rstrip() for line in lines[1:]]
    return "\n".join([f'"""{lines[0]}', *body, f'{margin}"""'])


def _wrapped(text: str, width: int) -> list[str]:
    """The lines of `text`, escaped, none longer than `width` unless it is one word.

    The first is three shorter, to leave room for the quotes.
    """
    lines: list[str] = []
    for line in _escaped(_printable(text)).strip().splitlines():
        line = line.rstrip()
        room = width - 3 if not lines else width
        if len(line) <= room:
            lines.append(line)
            continue
        found = _ITEM.match(line)
        hang = len(found["indent"]) if found else 0
        if found and found["mark"]:
            hang = hang + 4 if found["mark"].endswith(":") else found.end()
        lines += textwrap.wrap(
            line,
            width=width - 3 if not lines else width,
            subsequent_indent=" " * hang,
            drop_whitespace=True,
            break_long_words=False,
            break_on_hyphens=False,
        )
    return lines


def _printable(text: str) -> str:
    """Without characters that an editor would not show, or that could hide what code says."""
    expanded = text.expandtabs(4)
    return "".join(char if char.isprintable() or char == "\n" else " " for char in expanded)


def _escaped(text: str) -> str:
    return _QUOTES.sub(lambda run: '\\"' * len(run[0]), text.replace("\\", "\\\\"))


def _without_quote_at_end(escaped: str) -> str:
    """`escaped` with its last quote escaped, which would join those that close the docstring."""
    if not escaped.endswith('"'):
        return escaped
    before = escaped[:-1]
    backslashes = len(before) - len(before.rstrip("\\"))
    return escaped if backslashes % 2 else f'{before}\\"'
