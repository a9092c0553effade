"""Which texts and numbers are values of a scalar type, in the form they have in JSON."""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Final, TypeAlias
from uuid import UUID

from ..model import ScalarKind
from ..text.tree import ListNode, MapNode, Node, ScalarNode

MAX_SAFE_INT: Final = 2**53 - 1
MAX_INT32: Final = 2**31 - 1
MAX_INT64: Final = 2**63 - 1
MAX_UINT32: Final = 2**32 - 1
MAX_UINT64: Final = 2**64 - 1
RANGES: Final[Mapping[ScalarKind, tuple[int, int]]] = {
    ScalarKind.INT: (-MAX_SAFE_INT, MAX_SAFE_INT),
    ScalarKind.INT32: (-MAX_INT32 - 1, MAX_INT32),
    ScalarKind.INT64: (-MAX_INT64 - 1, MAX_INT64),
    ScalarKind.UINT32: (0, MAX_UINT32),
    ScalarKind.UINT64: (0, MAX_UINT64),
}
"""The least and the greatest of the whole numbers."""
MAX_URL: Final = 8192
"""Characters."""

Measured: TypeAlias = int | float | Decimal
"""What `min` and `max` speak of: the value of a number, the length of text or bytes."""

_INTEGER: Final = re.compile(r"-?(0|[1-9][0-9]{0,19})")
_UNSIGNED: Final = re.compile(r"0|[1-9][0-9]{0,19}")
_KEY: Final = re.compile(r"0|-?[1-9][0-9]{0,19}")
_DECIMAL: Final = re.compile(
    r"[-+]?([0-9]{1,200}(\.[0-9]{0,200})?|\.[0-9]{1,200})([eE][-+]?[0-9]{1,4})?"
)
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CLOCK: Final = r"[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?"
_OFFSET: Final = r"([Zz]|[-+]([01][0-9]|2[0-3]):[0-5][0-9])"
_TIME: Final = re.compile(f"{_CLOCK}{_OFFSET}?")
_DATETIME: Final = re.compile(f"{_DATE.pattern}[Tt ]{_CLOCK}{_OFFSET}")
_DURATION: Final = re.compile(
    r"(?P<sign>[-+]?)P(?=[0-9T])((?P<weeks>[0-9]{1,9})W)?((?P<days>[0-9]{1,9})D)?"
    r"(T(?=[0-9])((?P<hours>[0-9]{1,9})H)?((?P<minutes>[0-9]{1,9})M)?"
    r"((?P<seconds>[0-9]{1,9})(\.(?P<micro>[0-9]{1,6}))?S)?)?"
)
_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+")
_BASE64: Final = re.compile(r"[A-Za-z0-9_/+-]*={0,2}")

EXPECTED: Final[Mapping[ScalarKind, str]] = {
    ScalarKind.STRING: "text",
    ScalarKind.INT: "a whole number between ±(2^53 - 1)",
    ScalarKind.INT32: "a whole number between -2^31 and 2^31 - 1",
    ScalarKind.INT64: 'a whole number of 64 bits in quotes, such as "-7"',
    ScalarKind.UINT32: "a whole number between 0 and 2^32 - 1",
    ScalarKind.UINT64: 'a whole number between 0 and 2^64 - 1 in quotes, such as "7"',
    ScalarKind.FLOAT: "a finite number",
    ScalarKind.BOOL: "`true` or `false`",
    ScalarKind.BYTES: "bytes in base64, such as `aGVsbG8=`",
    ScalarKind.DATETIME: "a time with its offset, such as `2026-01-31T12:00:00Z`",
    ScalarKind.DATE: "a date, such as `2026-01-31`",
    ScalarKind.TIME: "a time of day, such as `12:30:00`",
    ScalarKind.DURATION: "an ISO 8601 duration, such as `PT1M30S`",
    ScalarKind.UUID: "a UUID, such as `6f1c1d1e-7f0a-4a51-9c3b-0d8e2b7a5c11`",
    ScalarKind.DECIMAL: 'a decimal number in quotes, such as "1.50"',
    ScalarKind.URL: "a URL, such as `https://example.org/`",
    ScalarKind.JSON: "a value that JSON can hold",
}
"""What a value of each type looks like, for findings."""


def fits(node: Node, kind: ScalarKind) -> bool:
    """Whether `node` is a value of the scalar type `kind`."""
    if kind is ScalarKind.JSON:
        return _is_json(node)
    if not isinstance(node, ScalarNode):
        return False
    match node.data:
        case bool():
            return kind is ScalarKind.BOOL
        case int() as number:
            return _int_fits(number, kind)
        case float() as number:
            return kind is ScalarKind.FLOAT and math.isfinite(number)
        case str() as text:
            reads = _TEXTS.get(kind)
            return reads is not None and reads(text)
        case None:
            return False


def measured(node: ScalarNode, kind: ScalarKind) -> Measured | None:
    """What the bounds of a fitting value speak of; None where a type has none."""
    match node.data:
        case str() as text if kind is ScalarKind.BYTES:
            return len(bytes_of_base64(text) or b"")
        case str() as text if kind is ScalarKind.STRING:
            return len(text)
        case str() as text if kind in {ScalarKind.INT64, ScalarKind.UINT64}:
            return int(text)
        case str() as text if kind is ScalarKind.DECIMAL:
            return Decimal(text)
        case bool():
            return None
        case int() | float() as number:
            return number
        case _:
            return None


def _int_fits(number: int, kind: ScalarKind) -> bool:
    match kind:
        case ScalarKind.INT | ScalarKind.INT32 | ScalarKind.UINT32:
            low, high = RANGES[kind]
            return low <= number <= high
        case ScalarKind.FLOAT:
            return abs(number) < 2**1023
        case _:
            return False


def _is_json(node: Node) -> bool:
    match node:
        case MapNode(entries=entries):
            return all(_is_json(entry.value) for entry in entries)
        case ListNode(items=items):
            return all(_is_json(item) for item in items)
        case ScalarNode(data=float() as number):
            return math.isfinite(number)
        case _:
            return True


def number_in(key: str) -> int | None:
    """The number that a key of a JSON object stands for; None when it is not in its one form."""
    return int(key) if _KEY.fullmatch(key) else None


def _is_digits(kind: ScalarKind) -> Callable[[str], bool]:
    """Whether text is a number of `kind`, which travels as one."""
    low, high = RANGES[kind]
    form = _INTEGER if low < 0 else _UNSIGNED
    return lambda text: bool(form.fullmatch(text)) and low <= int(text) <= high


def bytes_of_base64(text: str) -> bytes | None:
    """The bytes of base64 in one of the two alphabets, padded or not; None when it is none."""
    if not _BASE64.fullmatch(text) or (set(text) & set("+/") and set(text) & set("-_")):
        return None
    bare = text.rstrip("=").translate(str.maketrans("-_", "+/"))
    if len(text) - len(bare) > -len(bare) % 4:
        return None
    try:
        data = base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except binascii.Error:
        return None
    # The last letter may hold bits of no byte, which are nought.
    return data if base64.b64encode(data).decode().rstrip("=") == bare else None


def duration_of(text: str) -> timedelta | None:
    """The time that an ISO 8601 duration means; None when it is none, or beyond Python's."""
    found = _DURATION.fullmatch(text)
    if found is None:
        return None
    units = ("weeks", "days", "hours", "minutes", "seconds")
    try:
        whole = timedelta(
            **{unit: int(found[unit] or 0) for unit in units},
            microseconds=int((found["micro"] or "").ljust(6, "0")),
        )
    except OverflowError:
        return None
    return -whole if found["sign"] == "-" else whole


def _is_decimal(text: str) -> bool:
    try:
        return bool(_DECIMAL.fullmatch(text)) and Decimal(text).is_finite()
    except InvalidOperation:
        return False


def _read_by(read: Callable[[str], object], form: re.Pattern[str]) -> Callable[[str], bool]:
    """Whether text has the form, and `read` takes it: there is no 31st of June."""

    def is_one(text: str) -> bool:
        if not form.fullmatch(text):
            return False
        try:
            read(text)
        except ValueError:
            return False
        return True

    return is_one


_TEXTS: Final[Mapping[ScalarKind, Callable[[str], bool]]] = {
    ScalarKind.STRING: lambda _: True,
    ScalarKind.INT64: _is_digits(ScalarKind.INT64),
    ScalarKind.UINT64: _is_digits(ScalarKind.UINT64),
    ScalarKind.BYTES: lambda text: bytes_of_base64(text) is not None,
    ScalarKind.DATETIME: _read_by(lambda text: datetime.fromisoformat(text.upper()), _DATETIME),
    ScalarKind.DATE: _read_by(date.fromisoformat, _DATE),
    ScalarKind.TIME: _read_by(lambda text: time.fromisoformat(text.upper()), _TIME),
    ScalarKind.DURATION: lambda text: duration_of(text) is not None,
    ScalarKind.UUID: _read_by(
        UUID, re.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
    ),
    ScalarKind.DECIMAL: _is_decimal,
    ScalarKind.URL: lambda text: len(text) <= MAX_URL and _URL.fullmatch(text) is not None,
}
