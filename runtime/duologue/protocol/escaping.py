"""Texts of the layers themselves, and how other texts that begin like them are told apart.

A text that begins with such a word gets one `x` more when it is sent, and a received text that
begins with one, and is longer, loses its last character (PROTOCOL 5).
"""

from typing import Final

KEEPALIVE: Final = "keepalive"
"""The lifesign."""

START_TEXT: Final = "fragmentation_start_string"
START_BYTES: Final = "fragmentation_start_binary"
END: Final = "fragmentation_end"

KEEPALIVE_WORDS: Final = (KEEPALIVE,)
FRAGMENT_WORDS: Final = (START_TEXT, START_BYTES, END)
"""None of them begins another, so a text gets at most one `x`."""


def escape(text: str, words: tuple[str, ...]) -> str:
    """`text` as it is sent; never one of `words`."""
    return text + "x" if text.startswith(words) else text


def escape_utf8(text: bytes, words: tuple[bytes, ...]) -> bytes:
    """`escape` of a text that is already UTF-8."""
    return text + b"x" if text.startswith(words) else text


def unescape(text: str, words: tuple[str, ...]) -> str:
    """The text that was escaped. One of `words` itself must have been dealt with before."""
    return text[:-1] if text.startswith(words) else text
