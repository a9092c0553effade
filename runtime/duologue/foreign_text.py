"""Text that somebody else chose, made fit for a log, a traceback and a terminal."""

import re
from collections.abc import Callable
from functools import wraps
from typing import Any, ClassVar, Final

_UNSAFE: Final = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # controls: ESC and CSI command a terminal, line ends forge lines
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # these turn the text around them
    "\u2028\u2029"  # line ends too
    "\u200b\u2060-\u2065\u206a-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"  # seen by nobody
    "\ud800-\udfff"  # cannot be printed at all
    "]"
)
# U+200C and U+200D stay: Persian, Indian scripts and emoji need them, and they move nothing.


def shown(text: str, *, keep: str = "") -> str:
    r"""`text` on one line, with `\x1b` and the like for what would command or mislead a reader.

    These are control characters, line ends, what turns the direction of writing, what shows
    nothing of itself, and halves of surrogate pairs. The characters in `keep` stay as they are;
    what has been through here once is not changed again.
    """
    if text.isascii() and text.isprintable():
        return text
    return _UNSAFE.sub(lambda met: met[0] if met[0] in keep else _escape(met[0]), text)


def _escape(character: str) -> str:
    # The form that Python's own `repr` has, so that it can be put back into a source.
    return character.encode("unicode_escape").decode("ascii")


class SafelyShown(Exception):
    """An exception whose text is `shown`, also where a class has a `__str__` of its own.

    So it is in logs, tracebacks and terminals. What came stays in the attributes.
    """

    own_breaks: ClassVar[str] = ""
    """Characters that `__str__` of the class puts in itself, and has cleaned everything beside."""

    def __init_subclass__(cls) -> None:
        # Not left to each class: generated ones, and those of users, would forget it.
        super().__init_subclass__()
        if "__str__" in cls.__dict__:
            cls.__str__ = _cleaned(cls.__str__, cls.own_breaks)  # type: ignore[method-assign]

    def __str__(self) -> str:
        return shown(super().__str__())


def _cleaned(text_of: Callable[[Any], str], keep: str) -> Callable[[Any], str]:
    @wraps(text_of)
    def cleaned(self: Any) -> str:
        return shown(text_of(self), keep=keep)

    return cleaned
