"""Text that somebody else chose, made fit for a log, a traceback and a terminal."""

import re
from typing import Final

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
