"""Messages that hold more than they may, found before anything is made of them.

What a parser makes of a text takes many times its room: a model up to a kilobyte and 5 us, whatever
it was made of. So what is counted is what will be made, in the text itself, by searches in C.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from duologue.errors import BadFrame, LimitExceeded
from duologue.limits import Limits
from duologue.protocol.codec import UNDECODED, Envelope, decode_envelope, read_envelope
from duologue.protocol.depth import is_deeper_than, outside_strings
from duologue.protocol.messages import Failure

_PLAIN_CHARACTERS: Final = 256
_BYTES_OF_OBJECT: Final = 1024
"""Measured: a model of twelve fields, none of them set; a list takes a tenth."""

_BYTES_OF_VALUE: Final = 128
"""Measured: a decimal in a list, or a member of a map with its key; most take less."""

_START_CHARACTERS: Final = 8192

_LONG_CHARACTERS: Final = 4096
"""From here on searching may be quicker than counting."""

_RARE: Final = 16
"""What is met more often is counted: a search costs as much as counting in some 100 characters."""


def plain_characters(limits: Limits) -> int:
    """A text that is no longer is neither looked at nor weighed: it cannot hold much.

    Each level, and each object, takes two characters, each value one.
    """
    return min(
        _PLAIN_CHARACTERS,
        2 * limits.max_json_depth,
        2 * limits.max_json_objects,
        limits.max_json_values,
    )


class Held(NamedTuple):
    """What is in a text, counted as if nothing of it stood inside of strings: never too few."""

    objects: int
    """Lists as well."""
    commas: int


def held_by(text: str) -> Held:
    """What is in `text`."""
    objects = _occurrences(text, "{") + _occurrences(text, "[")
    return Held(objects, _occurrences(text, ","))


def find_excess(text: str, held: Held, limits: Limits) -> BadFrame | LimitExceeded | None:
    """What the message `text`, which holds `held`, has too much of: levels, objects or values.

    Lists count as objects, and values are all commas, objects and lists. Exact for valid JSON;
    None if there is not too much of anything.
    """
    max_objects, max_values = limits.max_json_objects, limits.max_json_values
    objects = held.objects
    values = objects + held.commas
    if objects > max_objects or values > max_values:
        # Exactly now: they may stand inside strings.
        outside = outside_strings(text)
        objects = outside.count("{") + outside.count("[")
        values = objects + outside.count(",")
        excess = None
        if objects > max_objects:
            excess = LimitExceeded("max_json_objects", max_objects, objects)
        elif values > max_values:
            excess = LimitExceeded("max_json_values", max_values, values)
        if excess is not None:
            # To measure the depth of all of it would take longer than to refuse it.
            start = text[:_START_CHARACTERS]
            return too_deep(limits) if is_deeper_than(start, limits.max_json_depth) else excess
    if objects > limits.max_json_depth and is_deeper_than(text, limits.max_json_depth):
        return too_deep(limits)
    return None


def _occurrences(text: str, character: str) -> int:
    """How often it stands in the text."""
    if len(text) <= _LONG_CHARACTERS:
        return text.count(character)
    # What is long is mostly one long string. To run past it to the next one that counts takes a
    # twentieth of the time that it takes to count in it.
    found = text.count(character, 0, _PLAIN_CHARACTERS)
    at = text.find(character, _PLAIN_CHARACTERS)
    for _ in range(_RARE):
        if at < 0:
            return found
        found += 1
        at = text.find(character, at + 1)
    return found if at < 0 else found + text.count(character, at)


def too_deep(limits: Limits) -> BadFrame:
    """What is said of a message that is nested too deeply."""
    return BadFrame(f"nested more than {limits.max_json_depth} levels")


def weigh(text: str, held: Held, parts: Sequence[bytes] = ()) -> int:
    """Bytes that a message may take in memory while a handler has what is in it.

    The text itself stays beside the values. One character beyond ASCII may quadruple a string.
    """
    parts_bytes = sum(map(len, parts))
    if len(text) + parts_bytes <= _PLAIN_CHARACTERS:
        return 0
    return (
        parts_bytes
        + (2 if text.isascii() else 5) * len(text)
        + _BYTES_OF_OBJECT * held.objects
        + _BYTES_OF_VALUE * held.commas
    )


def failure_of(excess: BadFrame | LimitExceeded) -> Failure:
    """How a request with too much in it is answered."""
    if isinstance(excess, LimitExceeded):
        return Failure(
            "LimitExceeded",
            f"{excess.limit} is {excess.value}",
            excess.code,
            {"limit": excess.limit, "value": excess.value},
        )
    text = str(excess)
    return Failure("InvalidParams", text, "INVALID_PARAMS", [{"path": "", "text": text}])


def read_around(text: str) -> Envelope:
    """The fields of a message that has too much in some of them.

    Raises:
        BadFrame: they cannot be read, even with those left out.
    """
    try:
        return decode_envelope(text)
    except UNDECODED:
        # Too deep even to be skipped, or with odd characters, which takes the slow reader: it must
        # not see what is too much.
        return read_envelope(_without_middle(text))


def _without_middle(text: str) -> str:
    """`text` without what is from its first inner list or object to its last."""
    begin = text.find("{") + 1
    openings = [at for at in (text.find("[", begin), text.find("{", begin)) if at >= 0]
    end = text.rfind("}")
    closing = max(text.rfind("]", 0, end), text.rfind("}", 0, end))
    if not openings or closing < min(openings):
        raise BadFrame("not JSON")
    # The name of the field goes, too, with the comma before it.
    head = text[: min(openings)].rpartition(",")[0]
    tail = text[closing + 1 :]
    return head + tail if head else "{" + tail.lstrip().removeprefix(",")
