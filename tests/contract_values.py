"""Random values of a contract's types, as JSON data: what a sender of that contract may send.

They are drawn at the edges of what a type allows, since that is where versions of it differ.
"""

import base64
import json
import math
import random
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Final

from duologue_codegen.model import (
    AliasType,
    Constraints,
    Contract,
    EnumType,
    Field,
    ListOf,
    MapOf,
    ObjectType,
    OneOf,
    OptionalOf,
    Ref,
    Scalar,
    ScalarKind,
    SchemaType,
    TextOf,
    TypeDef,
    TypeExpr,
    UnionType,
)
from duologue_codegen.model.forms import forms_of, own_tag_of
from duologue_codegen.model.walk import stands_for_number
from duologue_codegen.text.tree import Data
from duologue_codegen.values.scalars import RANGES

UNKNOWN: Final = "zz-unknown"
"""What neither version of a contract knows."""
MAX_DEPTH: Final = 6

PATTERNS: Final[Mapping[str, Sequence[str]]] = {
    "^[a-z]{1,8}$": ("a", "zebra", "abcdefgh"),
    "^[a-z0-9]{1,8}$": ("a", "7", "abc12345"),
    "^[a-z0-9-]{1,64}$": ("lobby", "a-1", "x" * 64),
    "^[a-z0-9]{1,32}$": ("a", "7", "abc12345"),
    "^[a-z][a-z0-9_]{0,30}$": ("a", "preset_1"),
    "^[0-9a-f]{64}$": ("0" * 64, "9af" * 21 + "0"),
    "^[0-9]{4}$": ("0000", "2026"),
    "^x": ("x", "xyz"),
    "^[a-z]+$": ("a", "letters"),
    "^[\"'a-z]*$": ("", "\"'a"),
}
"""Patterns that tests use, and texts that they take."""

_TEXTS: Final[Mapping[ScalarKind, Sequence[str]]] = {
    ScalarKind.DATETIME: ("2026-01-31T12:00:00Z", "1999-12-31T23:59:59.5+02:00"),
    ScalarKind.DATE: ("2026-01-31", "0001-01-01"),
    ScalarKind.TIME: ("12:30:00", "23:59:59.999999"),
    ScalarKind.DURATION: ("PT1M30S", "P1D", "-PT0.5S"),
    ScalarKind.UUID: ("6f1c1d1e-7f0a-4a51-9c3b-0d8e2b7a5c11",),
    ScalarKind.URL: ("https://example.org/", "a:b"),
}
_STEPS: Final = 7


class Values:
    """Draws values of the types of one contract."""

    def __init__(self, contract: Contract, seed: int) -> None:
        self._contract = contract
        self._random = random.Random(seed)

    def of(
        self,
        expr: TypeExpr,
        home: Contract | None = None,
        constraints: Constraints | None = None,
        depth: int = 0,
    ) -> Data:
        """A value of a type as `home` writes it, this contract if nothing is said."""
        home = home or self._contract
        bounds = constraints or Constraints()
        match expr:
            case OptionalOf(of=inner):
                if depth > MAX_DEPTH or self._random.random() < 0.3:
                    return None
                return self.of(inner, home, constraints, depth)
            case Scalar(kind=kind):
                return self.scalar(kind, bounds)
            case ListOf(of=item):
                return [
                    self.of(item, home, None, depth + 1) for _ in range(self._count(bounds, depth))
                ]
            case MapOf(key=key, value=value):
                keys = {self._key(key, home) for _ in range(self._count(bounds, depth) * 3)}
                some = sorted(keys)[: self._count(bounds, depth)]
                return {each: self.of(value, home, None, depth + 1) for each in some}
            case TextOf(of=inner):
                return json.dumps(self.of(inner, home, None, depth + 1))
            case OneOf(forms=forms):
                return self.of(self._random.choice(forms), home, None, depth)
            case Ref():
                type_, declared_in = home.resolve(expr), home.home_of(expr)
                assert type_ is not None
                assert declared_in is not None
                return self.named(type_, declared_in, depth)

    def named(self, type_: TypeDef, home: Contract, depth: int = 0) -> Data:
        """A value of a named type."""
        match type_:
            case ObjectType():
                tag = own_tag_of(type_, home)
                own: dict[str, Data] = {} if tag is None else {tag.wire: tag.value}
                extra: dict[str, Data] = {}
                if type_.keeps_unknown and self._random.random() < 0.5:
                    extra = {UNKNOWN: [1, None]}
                return {**own, **self.fields(type_.fields, home, depth), **extra}
            case EnumType(values=values):
                known = [value.value for value in values.values()]
                if type_.open and self._random.random() < 0.3:
                    return 99_991 if type_.of_numbers else UNKNOWN
                return self._random.choice(known)
            case UnionType():
                if type_.open and self._random.random() < 0.2:
                    return {type_.wire: UNKNOWN, "more": 1}
                form = self._random.choice(list(forms_of(type_, home)))
                return {
                    **self.fields(form.type.fields, form.home, depth),
                    type_.wire: form.tag_value,
                }
            case AliasType():
                return self.of(type_.type, home, type_.constraints, depth)
            case SchemaType():
                examples: list[Data] = [example.data for example in type_.examples]
                return self._random.choice(examples)

    def fields(
        self, fields: Mapping[str, Field], home: Contract, depth: int = 0
    ) -> dict[str, Data]:
        """An object of fields, by their wire names."""
        found: dict[str, Data] = {}
        for field in fields.values():
            is_absent = not field.required and (depth > MAX_DEPTH or self._random.random() < 0.3)
            if is_absent:
                continue
            value = self.of(field.type, home, field.constraints, depth + 1)
            if value is None and field.omit_null:
                continue
            found[field.wire] = value
        return found

    def _count(self, bounds: Constraints, depth: int) -> int:
        least = math.ceil(bounds.min or 0)
        most = least + 3 if bounds.max is None else math.floor(bounds.max)
        if depth > MAX_DEPTH:
            return least
        return self._random.choice([least, most, self._random.randint(least, most)])

    def _key(self, key: Scalar | Ref | None, home: Contract) -> str:
        value = self._random.choice(["a", "b", "cc", ""]) if key is None else self.of(key, home)
        if key is not None and stands_for_number(key, home):
            return json.dumps(value)
        assert isinstance(value, str)
        return value

    # ---- scalars -----------------------------------------------------------------------------

    def scalar(self, kind: ScalarKind, bounds: Constraints) -> Data:
        """A value of a scalar type."""
        pick = self._random
        match kind:
            case ScalarKind.STRING if bounds.pattern is not None:
                texts = PATTERNS[bounds.pattern]
                low, high = bounds.min or 0, math.inf if bounds.max is None else bounds.max
                return pick.choice([text for text in texts if low <= len(text) <= high])
            case ScalarKind.STRING:
                return "".join(pick.choice("aZ9 é😀-") for _ in range(self._length(bounds)))
            case ScalarKind.BYTES:
                return base64.b64encode(pick.randbytes(self._length(bounds))).decode()
            case ScalarKind.BOOL:
                return pick.random() < 0.5
            case ScalarKind.JSON:
                values: list[Data] = [None, True, 1, "text", [], {"a": [1, None]}]
                return pick.choice(values)
            case ScalarKind.FLOAT:
                return float(
                    self._number(bounds, Fraction(-(10**6)), Fraction(10**6), Fraction(1, 8))
                )
            case ScalarKind.DECIMAL:
                number = self._number(bounds, Fraction(-(10**6)), Fraction(10**6), Fraction(1, 8))
                return str(float(number))
            case ScalarKind.INT64 | ScalarKind.UINT64:
                low, high = RANGES[kind]
                return str(int(self._number(bounds, Fraction(low), Fraction(high), Fraction(1))))
            case _ if kind in RANGES:
                low, high = RANGES[kind]
                return int(self._number(bounds, Fraction(low), Fraction(high), Fraction(1)))
            case _:
                return pick.choice(_TEXTS[kind])

    def _length(self, bounds: Constraints) -> int:
        least = math.ceil(bounds.min or 0)
        most = least + 12 if bounds.max is None else math.floor(bounds.max)
        return self._random.choice([least, most, self._random.randint(least, most)])

    def _number(
        self, bounds: Constraints, low: Fraction, high: Fraction, step: Fraction
    ) -> Fraction:
        """One of the numbers that are least, greatest, or between them, in steps."""
        stated = bounds.multiple_of
        step = step if stated is None else Fraction(str(stated)) * (1 if step < 1 else step)
        low = max(
            low, *(Fraction(str(each)) for each in (bounds.min, bounds.gt) if each is not None), low
        )
        high = min(
            high,
            *(Fraction(str(each)) for each in (bounds.max, bounds.lt) if each is not None),
            high,
        )
        first, last = math.ceil(low / step), math.floor(high / step)
        if bounds.gt is not None and first * step <= Fraction(str(bounds.gt)):
            first += 1
        if bounds.lt is not None and last * step >= Fraction(str(bounds.lt)):
            last -= 1
        between = self._random.randint(first, last)
        small = min(max(self._random.randint(-_STEPS, _STEPS), first), last)
        return self._random.choice([first, last, between, small]) * step
