"""How deep a JSON text is nested, without parsing it.

Parsers in C stop a deep text only at the interpreter's recursion limit, each at another depth. The
cap must not depend on the parser, and must cost nothing for ordinary messages.
"""

from itertools import accumulate
from typing import Final

_BRACKETS: Final = b"[]{}"
_NO_MARKS: Final = bytes(byte for byte in range(256) if byte not in b'"' + _BRACKETS)
"""All but brackets, and the quotes that tell which of them stand in strings."""
# +1 and -1 as signed bytes: their running sum, taken in C, is the depth.
_STEPS: Final = bytes.maketrans(_BRACKETS, b"\x01\xff\x01\xff")
_CHUNK: Final = 4096


def is_deeper_than(text: str, max_depth: int) -> bool:
    """Whether lists and objects in the JSON `text` are nested more than `max_depth` levels.

    Exact for valid JSON; about anything else it says nothing, and the parser will refuse that.
    """
    # Each level takes two characters; most messages are too short to be deep.
    if len(text) <= 2 * max_depth or not _opens_more_often_than(text, max_depth):
        return False
    brackets = _brackets_outside_strings(text)
    # A long list of small objects has many brackets and little depth: what is left when the inmost
    # pairs are gone is at most two levels less deep.
    rest = brackets.replace(b"[]", b"").replace(b"{}", b"")
    if rest.count(b"[") + rest.count(b"{") + 2 <= max_depth:
        return False
    steps = brackets.translate(_STEPS)
    depth = 0
    # By chunks, so that a text that only ever opens is given up at once.
    for start in range(0, len(steps), _CHUNK):
        chunk = memoryview(steps)[start : start + _CHUNK].cast("b")
        if depth + max(accumulate(chunk)) > max_depth:
            return True
        depth += sum(chunk)
    return False


def _brackets_outside_strings(text: str) -> bytes:
    if "\\" in text:
        text = text.replace("\\\\", "").replace('\\"', "")
    marks = text.encode(errors="replace").translate(None, _NO_MARKS)
    # Most strings have no brackets in them. Two quotes that touch may also be the end of one string
    # and the begin of the next: without them what is between the others stays inside, or outside.
    marks = marks.replace(b'""', b"")
    return b"".join(marks.split(b'"')[::2]) if b'"' in marks else marks


def outside_strings(text: str) -> str:
    """The JSON `text` without the insides of its strings."""
    if "\\" in text:
        text = text.replace("\\\\", "").replace('\\"', "")
    return "".join(text.split('"')[::2])


def _opens_more_often_than(text: str, times: int) -> bool:
    # Searching is ten times faster than counting, where there is little to be found.
    for bracket in "[{":
        position = text.find(bracket)
        while position >= 0:
            if not times:
                return True
            times -= 1
            position = text.find(bracket, position + 1)
    return False
