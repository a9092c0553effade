"""Untyped values: Python to JSON bytes and back, with the sentinel (base profile 7.2)."""

import json
import math
from collections.abc import Sequence
from typing import Any, Final, NoReturn, TypeGuard, cast, final

import msgspec

from duologue.errors import BadFrame, RefusedValue
from duologue.limits import MAX_SAFE_INTEGER


@final
class UndefinedType:
    """The type of `UNDEFINED`; there is one object of it."""

    __slots__ = ()
    _instance: "UndefinedType | None" = None

    def __new__(cls) -> "UndefinedType":
        """The one object there is."""
        if cls._instance is None:
            cls._instance = super().__new__(cls)
        return cls._instance

    def __repr__(self) -> str:
        return "UNDEFINED"

    def __bool__(self) -> bool:
        return False

    def __reduce__(self) -> str:
        return "UNDEFINED"


UNDEFINED: Final = UndefinedType()
"""No value: what a service that returns nothing answers. Not the same as None, which is null."""

SENTINEL: Final = "$__undefined$"
"""The string that stands for it on the wire; it cannot be sent as itself."""

SENTINEL_JSON: Final = b'"%s"' % SENTINEL.encode()
SENTINEL_BYTES: Final = SENTINEL.encode()
"""A text without these bytes has no sentinel in it, unless it is written with escapes."""

SENTINEL_START: Final = SENTINEL_BYTES[0]
"""Looked for first: in a long text one byte is found, or not, some thirty times faster. A number,
because `in` takes what is none for one first, and recovers from that, which costs a hundred times
what looking does."""

_encode_json: Final = msgspec.json.Encoder().encode
_decode_json: Final = msgspec.json.Decoder().decode


def encode_value(value: object, key: str, max_depth: int) -> bytes:
    """The JSON text of `value`; `key` names it in an error.

    Takes None, bool, int, float, str, list, tuple, dict with str keys, and `UNDEFINED`.

    Raises:
        RefusedValue: JSON or the other side has no faithful form for it: NaN and the infinities,
            integers beyond 2^53-1, bytes, sets, other objects, other keys, a string equal to the
            sentinel, more than `max_depth` levels.
    """
    try:
        plain = _plain(value, key, max_depth)
    except _TooDeep:
        raise _too_deep(key, max_depth) from None
    return plain_json(plain)


def encode_arguments(args: tuple[object, ...], max_depth: int) -> bytes:
    """The JSON list of a call's arguments; an argument's key is its position.

    Raises:
        RefusedValue: as `encode_value`.
    """
    plain: list[object] = []
    try:
        for arg in args:
            plain.append(_plain(arg, str(len(plain)), max_depth - 1))
    except _TooDeep:
        raise _too_deep(str(len(plain)), max_depth - 1) from None
    return plain_json(plain)


def plain_json(value: object) -> bytes:
    """The JSON text of what is plain already: as `parse_json` gives it."""
    try:
        return _encode_json(value)
    except UnicodeEncodeError:
        # A lone surrogate: only the escaped form may be written.
        return json.dumps(value, separators=(",", ":")).encode()


def decode_value(text: bytes) -> Any:
    """The Python value of one JSON text; the sentinel becomes `UNDEFINED`, or leaves its object.

    Raises:
        BadFrame: not JSON, a number beyond float, or one of the words NaN and Infinity.
    """
    value = parse_json(text)
    # An escaped `$` is legal JSON, so a text with \u escapes is looked at as well.
    if SENTINEL_BYTES in text or b"\\u" in text:
        return _resolved(value, UNDEFINED)
    return value


def parse_json(text: bytes | str) -> Any:
    """One JSON text, strictly.

    What msgspec refuses is tried once with the standard library: untyped peers of the base profile
    may send lone surrogates as escapes, and only what both refuse is unreadable.

    Raises:
        BadFrame: as `decode_value`; also text nested beyond what the parsers bear.
    """
    try:
        return _decode_json(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        pass
    try:
        return _lenient.decode(text if isinstance(text, str) else text.decode())
    except (ValueError, RecursionError) as error:
        raise BadFrame(f"not JSON: {type(error).__name__}") from None


def is_object(value: object) -> TypeGuard[dict[str, Any]]:
    """Whether `value` is a JSON object."""
    return isinstance(value, dict)


def is_list(value: object) -> TypeGuard[list[Any]]:
    """Whether `value` is a JSON list."""
    return isinstance(value, list)


def without_undefined(text: bytes) -> bytes:
    """`text` with every sentinel resolved for a validator: members removed, list items null.

    Raises:
        BadFrame: as `decode_value`.
    """
    if SENTINEL_BYTES not in text:
        return text
    return json.dumps(_resolved(parse_json(text), None), separators=(",", ":")).encode()


def refuse_sentinel(text: bytes, key: str) -> None:
    """Refuse JSON of our own making in which a string equals the sentinel.

    Raises:
        RefusedValue: the other side would read "undefined" instead of the string.
    """
    if SENTINEL_BYTES in text and _holds_sentinel(parse_json(text)):
        raise RefusedValue(key, f'{SENTINEL!r} ("string")')


class _TooDeep(Exception):
    """Said at the bottom, which knows neither how deep it is nor what the whole is called."""


def _too_deep(key: str, max_depth: int) -> RefusedValue:
    """The error for what is nested deeper than so many levels."""
    return RefusedValue(key, f"nested more than {max_depth} levels")


def _plain(value: object, key: str, levels: int) -> object:
    # bool first: it is an int to isinstance.
    if value is None or value is True or value is False:
        return value
    if isinstance(value, str):
        if value == SENTINEL:
            raise RefusedValue(key, f'{SENTINEL!r} ("string")')
        # The encoder takes the plain types only, not a numpy.float64 or the like.
        return value if type(value) is str else str.__str__(value)
    if isinstance(value, int):
        if not -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER:
            # Not shown in full: its decimal form may be too long to make.
            raise RefusedValue(key, f'of {value.bit_length()} bits ("bigint")')
        return value if type(value) is int else int.__int__(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            name = "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
            raise RefusedValue(key, f'{name} ("number")')
        return value if type(value) is float else float.__float__(value)
    if value is UNDEFINED:
        return SENTINEL
    if isinstance(value, list | tuple):
        if levels <= 0:
            raise _TooDeep
        items = cast("Sequence[object]", value)
        return [_plain(item, str(index), levels - 1) for index, item in enumerate(items)]
    if isinstance(value, dict):
        return _plain_object(cast("dict[object, object]", value), key, levels)
    raise RefusedValue(key, f'of type {type(value).__name__} ("object")')


def _plain_object(value: dict[object, object], key: str, levels: int) -> dict[str, object]:
    if levels <= 0:
        raise _TooDeep
    plain: dict[str, object] = {}
    for name, member in value.items():
        if not isinstance(name, str):
            raise RefusedValue(key, f"with a key of type {type(name).__name__}")
        plain[name if type(name) is str else str.__str__(name)] = _plain(member, name, levels - 1)
    return plain


def _resolved(value: Any, replacement: object) -> Any:
    # Members that are undefined go; list items and the whole become `replacement`.
    if value == SENTINEL:
        return replacement
    if is_list(value):
        return [_resolved(item, replacement) for item in value]
    if is_object(value):
        return {
            key: _resolved(member, replacement)
            for key, member in value.items()
            if member != SENTINEL
        }
    return value


def _holds_sentinel(value: Any) -> bool:
    if is_list(value):
        return any(map(_holds_sentinel, value))
    if is_object(value):
        return any(map(_holds_sentinel, value.values()))
    return bool(value == SENTINEL)


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number beyond float")
    return number


_lenient: Final = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite)
