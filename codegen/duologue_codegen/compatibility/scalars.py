"""Whether every value of one scalar type, with its bounds, is one of another."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from ..model import Constraints, ScalarKind
from ..values.scalars import RANGES

_JSON_INTEGERS: Final = frozenset({ScalarKind.INT, ScalarKind.INT32, ScalarKind.UINT32})
_TEXT_INTEGERS: Final = frozenset({ScalarKind.INT64, ScalarKind.UINT64})
_NO_TEXT: Final = frozenset({*_JSON_INTEGERS, ScalarKind.FLOAT, ScalarKind.BOOL, ScalarKind.JSON})
_MAY_BE_EMPTY: Final = frozenset({ScalarKind.STRING, ScalarKind.BYTES})


def is_text(kind: ScalarKind) -> bool:
    """Whether a value is a string in JSON."""
    return kind not in _NO_TEXT


def scalar_within(
    kind: ScalarKind, bounds: Constraints, into: ScalarKind, into_bounds: Constraints
) -> bool:
    """Whether whoever reads an `into` takes every value of `kind`, as both write it in JSON."""
    if into is ScalarKind.JSON:
        return True
    if into is ScalarKind.STRING:
        return is_text(kind) and _text_within(kind, bounds, into_bounds)
    if into is ScalarKind.BYTES:
        return kind is into and _length_within(bounds, into_bounds)
    if not _same_family(kind, into):
        return False
    if into in {*RANGES, ScalarKind.FLOAT, ScalarKind.DECIMAL}:
        return _numbers_within(kind, bounds, into, into_bounds)
    return True


def _same_family(kind: ScalarKind, into: ScalarKind) -> bool:
    """Whether the form in JSON is one that a reader of `into` understands."""
    if into in _JSON_INTEGERS:
        return kind in _JSON_INTEGERS
    if into is ScalarKind.FLOAT:
        return kind in _JSON_INTEGERS or kind is into
    if into in _TEXT_INTEGERS:
        return kind in _TEXT_INTEGERS
    if into is ScalarKind.DECIMAL:
        return kind in _TEXT_INTEGERS or kind is into
    return kind is into


def _text_within(kind: ScalarKind, bounds: Constraints, into: Constraints) -> bool:
    if kind is ScalarKind.STRING:
        same_pattern = into.pattern is None or into.pattern == bounds.pattern
        return same_pattern and _length_within(bounds, into)
    if into.pattern is not None or into.max is not None:
        return False
    return into.min is None or into.min <= (0 if kind in _MAY_BE_EMPTY else 1)


def _length_within(bounds: Constraints, into: Constraints) -> bool:
    return counts_within(bounds, into)


def counts_within(bounds: Constraints, into: Constraints) -> bool:
    """The same of lengths of text and bytes, and of counts of lists and maps."""
    least = math.ceil(max(bounds.min or 0, 0))
    most = math.inf if bounds.max is None else math.floor(bounds.max)
    allowed = math.inf if into.max is None else math.floor(into.max)
    return least >= math.ceil(max(into.min or 0, 0)) and most <= allowed


@dataclass(frozen=True, slots=True)
class _Range:
    """The numbers that a type has, whole ones from and to the last of them."""

    low: Fraction | None
    low_open: bool
    high: Fraction | None
    high_open: bool

    def lies_in(self, other: _Range) -> bool:
        if other.low is not None and (
            self.low is None
            or self.low < other.low
            or (self.low == other.low and other.low_open and not self.low_open)
        ):
            return False
        return other.high is None or not (
            self.high is None
            or self.high > other.high
            or (self.high == other.high and other.high_open and not self.high_open)
        )


def _range_of(kind: ScalarKind, bounds: Constraints) -> _Range:
    lows = [(_exact(bounds.min), False), (_exact(bounds.gt), True)]
    highs = [(_exact(bounds.max), False), (_exact(bounds.lt), True)]
    if kind in RANGES:
        least, most = RANGES[kind]
        lows = [(_above(low, is_open), False) for low, is_open in lows]
        highs = [(_below(high, is_open), False) for high, is_open in highs]
        lows.append((Fraction(least), False))
        highs.append((Fraction(most), False))
    low = max(((low, is_open) for low, is_open in lows if low is not None), default=None)
    stated = [(high, not is_open) for high, is_open in highs if high is not None]
    high = min(stated, default=None)
    return _Range(
        None if low is None else low[0],
        low is not None and low[1],
        None if high is None else high[0],
        high is not None and not high[1],
    )


def _exact(number: int | float | None) -> Fraction | None:
    """As it is written: the float 0.1 is a tenth."""
    return None if number is None else Fraction(str(number))


def _above(low: Fraction | None, is_open: bool) -> Fraction | None:
    """The least whole number that is not below `low`."""
    if low is None:
        return None
    return Fraction(math.floor(low) + 1 if is_open else math.ceil(low))


def _below(high: Fraction | None, is_open: bool) -> Fraction | None:
    if high is None:
        return None
    return Fraction(math.ceil(high) - 1 if is_open else math.floor(high))


def _numbers_within(
    kind: ScalarKind, bounds: Constraints, into: ScalarKind, into_bounds: Constraints
) -> bool:
    step, into_step = _exact(bounds.multiple_of), _exact(into_bounds.multiple_of)
    if into_step is not None:
        if step is None and kind in RANGES:
            step = Fraction(1)
        if step is None or (step / into_step).denominator != 1:
            return False
    return _range_of(kind, bounds).lies_in(_range_of(into, into_bounds))
