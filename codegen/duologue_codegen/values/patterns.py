"""Regular expressions that mean the same in Python, Rust and JavaScript.

A whitelist of constructs comes first: the three dialects share less than they seem to (`\\d` is
Unicode in Rust, `$` matches before a final line end in Python, look-around is missing in Rust).
What passes it is then compiled by `re` and by pydantic-core, which has Rust's engine.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NoReturn

from pydantic_core import SchemaError, SchemaValidator, core_schema

MAX_LENGTH: Final = 1000
MAX_REPEAT: Final = 1000

_ESCAPED: Final = frozenset("\\.^$|?*+()[]{}/-")
_CONTROLS: Final = frozenset("tnrfv")
_CLASSES: Final = {
    "d": "[0-9]",
    "w": "[A-Za-z0-9_]",
    "s": "[ \\t\\r\\n]",
    "D": "[^0-9]",
    "W": "[^A-Za-z0-9_]",
    "S": "[^ \\t\\r\\n]",
}
_REPEAT: Final = re.compile(r"\{([0-9]+)(,([0-9]*))?\}")


class NotPortable(Exception):
    """A construct that does not mean the same everywhere."""

    def __init__(self, start: int, length: int, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.start = start
        """Where it stands in the pattern, from 0."""
        self.length = length
        self.hint = hint


def check_pattern(pattern: str) -> None:
    """Find nothing wrong with `pattern`, or say what.

    Raises:
        NotPortable: the first thing that is not portable.
    """
    if len(pattern) > MAX_LENGTH:
        raise NotPortable(
            0, len(pattern), f"the pattern has {len(pattern):,} characters", f"at most {MAX_LENGTH}"
        )
    _Scanner(pattern).scan()
    try:
        re.compile(pattern)
    except re.error as error:
        message = f"Python cannot compile the pattern: {error.msg}"
        raise NotPortable(error.pos or 0, 1, message) from error
    if _compiled(pattern) is None:
        message = "Rust cannot compile the pattern"
        hint = "it is malformed, or its repetitions multiply to too much"
        raise NotPortable(0, len(pattern), message, hint)


def matches(pattern: str, text: str) -> bool | None:
    """Whether `pattern` is found in `text`; None when the pattern cannot be compiled.

    Takes time in proportion to the text, whatever the pattern.
    """
    compiled = _compiled(pattern)
    return None if compiled is None else compiled.isinstance_python(text)


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> SchemaValidator | None:
    try:
        return SchemaValidator(core_schema.str_schema(pattern=pattern, regex_engine="rust-regex"))
    except SchemaError:
        return None


class _Scanner:
    """Walks a pattern once, from left to right."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at: int = 0
        self._repeatable = False
        self._depth = 0

    def scan(self) -> None:
        """Raises `NotPortable` at the first construct that is not on the list."""
        while self._at < len(self._pattern):
            self._step(self._pattern[self._at])

    def _step(self, char: str) -> None:
        match char:
            case "\\":
                self._escape()
                self._repeatable = True
            case "[":
                self._set()
                self._repeatable = True
            case "(":
                self._group()
            case ")":
                self._depth -= 1
                self._at += 1
                self._repeatable = True
            case "*" | "+" | "?" | "{":
                self._quantifier(char)
            case "^" | "|":
                self._at += 1
                self._repeatable = False
            case "$":
                self._end()
            case "}" | "]":
                self._refuse(1, f"a bare `{char}`", f"write `\\{char}`")
            case _:
                self._at += 1
                self._repeatable = True

    def _end(self) -> None:
        rest = self._pattern[self._at + 1 :]
        if rest and rest[0] not in "|)":
            self._refuse(1, "`$` in the middle of a pattern", "write `\\$` for the character")
        self._at += 1
        self._repeatable = False

    def _group(self) -> None:
        if self._pattern.startswith("(?", self._at) and not self._pattern.startswith(
            "(?:", self._at
        ):
            form = self._pattern[self._at : self._at + 4]
            hint = "look-around, flags and named groups differ; groups are `(…)` and `(?:…)`"
            self._refuse(len(form), f"`{form}` is not portable", hint)
        self._depth += 1
        if self._depth > 20:
            self._refuse(1, "more than 20 groups inside each other", "")
        self._at += 3 if self._pattern.startswith("(?:", self._at) else 1
        self._repeatable = False

    def _quantifier(self, char: str) -> None:
        if not self._repeatable:
            self._refuse(1, f"there is nothing before `{char}` to repeat", f"or write `\\{char}`")
        length = 1
        if char == "{":
            found = _REPEAT.match(self._pattern, self._at)
            if found is None:
                self._refuse(1, "a bare `{`", "write `\\{`, or a count such as `{1,64}`")
            length = len(found.group())
            counts = [group for group in (found.group(1), found.group(3)) if group]
            if any(len(count) > 4 or int(count) > MAX_REPEAT for count in counts):
                hint = f"at most {MAX_REPEAT:,}; say a longer length with `max`"
                self._refuse(length, f"`{found.group()}` repeats too often", hint)
        self._at += length
        if self._pattern[self._at : self._at + 1] == "+":
            self._refuse(1, "possessive repetition is not portable", "leave the `+` out")
        if self._pattern[self._at : self._at + 1] == "?":
            self._at += 1
        self._repeatable = False

    def _escape(self) -> None:
        char = self._pattern[self._at + 1 : self._at + 2]
        form = f"\\{char}"
        if char in _CLASSES:
            hint = f"it means other characters in other languages: write `{_CLASSES[char]}`"
            self._refuse(2, f"`{form}` is not portable", hint)
        if not char or char not in _ESCAPED | _CONTROLS:
            hint = "escapes are those of punctuation, and \\t \\n \\r \\f \\v"
            self._refuse(2, f"the escape `{form}` is not portable", hint)
        self._at += 2

    def _set(self) -> None:
        """A set such as `[a-z0-9_]` or `[^/]`."""
        start = self._at
        self._at += 2 if self._pattern.startswith("[^", self._at) else 1
        members = 0
        while self._at < len(self._pattern) and self._pattern[self._at] != "]":
            char = self._pattern[self._at]
            pair = self._pattern[self._at : self._at + 2]
            if char == "[":
                self._refuse(1, "a bare `[` inside a set", "write `\\[`")
            if pair in {"&&", "--", "~~", "||"}:
                self._refuse(2, f"`{pair}` inside a set is not portable", "escape one of the two")
            if char == "\\":
                self._escape()
            else:
                self._at += 1
            members += 1
        if self._at >= len(self._pattern):
            self._at = start
            self._refuse(1, "the set has no end", "add `]`, or write `\\[`")
        if not members:
            self._at = start
            self._refuse(2, "the set is empty", "")
        self._at += 1

    def _refuse(self, length: int, message: str, hint: str) -> NoReturn:
        raise NotPortable(self._at, length, message, hint)
