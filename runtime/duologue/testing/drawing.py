"""Values of generated types, drawn by hypothesis: what a client of the contract may send."""

import enum
import math
import sys
import types
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cache, partial
from typing import (
    Annotated,
    Any,
    Final,
    Literal,
    TypedDict,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)
from uuid import UUID

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen, MultipleOf
from hypothesis import strategies as st
from pydantic import MISSING, AwareDatetime, BaseModel, JsonValue, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from typing_extensions import TypeAliasType

from duologue.typed.model import Model
from duologue.typed.unions import Unknown

Values = st.SearchStrategy[Any]

MOST_ITEMS: Final = 4
"""How many values a list or a map has beyond its least: more finds no other faults, and is slow."""

_LETTERS: Final = st.characters(exclude_categories=["Cs"])
_MOMENTS: Final = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))
_HALF_A_MILLION_DAYS: Final = timedelta(days=500_000)
_TEXT_OF_NUMBERS: Final = st.decimals(-(10**6), 10**6, allow_nan=False, places=3)
_JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(_LETTERS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(_LETTERS), inner),
    max_leaves=5,
)
_PLAIN: Final[Mapping[Any, Values]] = {
    bool: st.booleans(),
    datetime: _MOMENTS,
    AwareDatetime: _MOMENTS,
    date: st.dates(date(1, 1, 1), date(9999, 12, 31)),
    time: st.times(),
    timedelta: st.timedeltas(-_HALF_A_MILLION_DAYS, _HALF_A_MILLION_DAYS),
    UUID: st.uuids(),
    type(None): st.none(),
    None: st.none(),
    JsonValue: _JSON,
    Any: _JSON,
    # What is of another version of the contract, and what is not there.
    Unknown: st.nothing(),
    MISSING: st.nothing(),
}


def keywords_of(model: type[BaseModel]) -> Values:
    """What the constructor of `model` takes; fields that have a default may be left out."""
    required: dict[str, Values] = {}
    optional: dict[str, Values] = {}
    # Generated models are built at first use.
    model.model_rebuild()
    for name, field in model.model_fields.items():
        (required if field.is_required() else optional)[name] = _of_field(field)
    return st.fixed_dictionaries(required, optional=optional)


def lists_of(form: Any) -> Values:
    """Lists of few values of any annotation."""
    return st.lists(values_of(form), max_size=MOST_ITEMS)


def only(value: object) -> Values:
    """Where there is nothing to choose."""
    return st.just(value)


def values_of(form: Any, limits: Iterable[Any] = ()) -> Values:
    """Values of an annotation within `limits`; for what else it wants, they are drawn anew."""
    if form in _PLAIN:
        return _PLAIN[form]
    origin, arguments = get_origin(form), get_args(form)
    if isinstance(form, TypeAliasType):
        return _named(form, tuple(limits))
    if isinstance(origin, TypeAliasType):
        return values_of(origin.__value__[arguments], limits)
    if origin is Annotated:
        drawn = values_of(arguments[0], [*_flat(form.__metadata__), *limits])
        return drawn.filter(partial(_fits, TypeAdapter(form)))
    if origin in (Union, types.UnionType):
        kinds = [values_of(each, limits) for each in arguments]
        return st.one_of(kinds)
    if origin is Literal:
        return st.sampled_from(arguments)
    if isinstance(form, type) and issubclass(form, enum.Enum):
        return st.sampled_from([*form])
    if isinstance(form, type) and issubclass(form, Model):
        return _named(form)
    bounds = _Bounds(limits)
    if origin is list:
        return st.lists(values_of(arguments[0]), **bounds.sizes(MOST_ITEMS))
    if origin is tuple:
        return st.tuples(*map(values_of, arguments))
    if origin is dict:
        keys, values = map(values_of, arguments)
        return st.dictionaries(keys, values, **bounds.sizes(MOST_ITEMS))
    return _BOUNDED[form](bounds)


class _Sizes(TypedDict):
    min_size: int
    max_size: int


class _Bounds:
    """What annotations say of lengths and sizes, the narrowest of each."""

    def __init__(self, limits: Iterable[Any]) -> None:
        self.low = self.high = None
        self.is_low_open = self.is_high_open = False
        self.step: Any = None
        self.pattern: str | None = None
        self.least, self.most = 0, math.inf
        low: list[Any] = []
        high: list[Any] = []
        for each in limits:
            match each:
                case Ge(ge=bound):
                    low.append((bound, False))
                case Gt(gt=bound):
                    low.append((bound, True))
                case Le(le=bound):
                    high.append((bound, False))
                case Lt(lt=bound):
                    high.append((bound, True))
                case MinLen(min_length=length):
                    self.least = max(self.least, length)
                case MaxLen(max_length=length):
                    self.most = min(self.most, length)
                case MultipleOf(multiple_of=step):
                    self.step = step
                case _:
                    self.pattern = getattr(each, "pattern", None) or self.pattern
        if low:
            self.low, self.is_low_open = max(low)
        if high:
            self.high, self.is_high_open = min(high, key=lambda bound: (bound[0], not bound[1]))

    def sizes(self, most: int) -> _Sizes:
        """How long a text, a list or a map may be."""
        return {"min_size": self.least, "max_size": int(min(self.most, self.least + most))}

    def texts(self) -> Values:
        """Strings; with a pattern, those that match it."""
        if self.pattern is None:
            return st.text(_LETTERS, **self.sizes(20))
        return st.from_regex(self.pattern).filter(
            # For Python a `$` is also before a last line feed, for JSON Schema it is not.
            lambda text: self.least <= len(text) <= self.most and not text.endswith("\n")
        )

    def integers(self) -> Values:
        """Whole numbers."""
        low = None if self.low is None else math.ceil(self.low)
        high = None if self.high is None else math.floor(self.high)
        if low is not None:
            low += self.is_low_open and low == self.low
        if high is not None:
            high -= self.is_high_open and high == self.high
        edges = [edge for edge in (low, high) if edge is not None]
        # Faults are at the edges, and of so many numbers nobody would draw just those.
        return self._in_steps(st.integers(low, high) | st.sampled_from(edges or [0]))

    def floats(self) -> Values:
        """Finite numbers."""
        return self._in_steps(
            st.floats(
                None if self.low is None else float(self.low),
                None if self.high is None else float(self.high),
                exclude_min=self.is_low_open,
                exclude_max=self.is_high_open,
                allow_nan=False,
                allow_infinity=False,
            )
        )

    def decimals(self) -> Values:
        """Decimal numbers with few places."""
        if self.low is None and self.high is None:
            return self._in_steps(_TEXT_OF_NUMBERS)
        return self._in_steps(
            st.decimals(self.low, self.high, allow_nan=False, allow_infinity=False)
        )

    def _in_steps(self, numbers: Values) -> Values:
        step = self.step
        return numbers if step is None else numbers.map(lambda number: number // step * step)


_BOUNDED: Final[Mapping[Any, Callable[[_Bounds], Values]]] = {
    str: _Bounds.texts,
    int: _Bounds.integers,
    float: _Bounds.floats,
    Decimal: _Bounds.decimals,
    bytes: lambda bounds: st.binary(**bounds.sizes(64)),
}


def _of_field(field: FieldInfo) -> Values:
    # What was annotated around the outermost type stands apart from it.
    whole: Any = field.annotation
    return values_of(Annotated[whole, *field.metadata] if field.metadata else whole)


@cache
def _named(form: Any, limits: tuple[Any, ...] = ()) -> Values:
    """One for each: those that refer to themselves must come back to the same."""
    if isinstance(form, TypeAliasType):
        return st.deferred(lambda: values_of(_meaning(form), limits))
    return st.deferred(
        lambda: keywords_of(form).map(partial(_made, form)).filter(lambda each: each is not None)
    )


def _made(model: type[Model], keywords: Mapping[str, Any]) -> Model | None:
    try:
        return model(**keywords)
    except ValidationError:
        return None


def _fits(adapter: TypeAdapter[Any], value: object) -> bool:
    try:
        adapter.validate_python(value)
    except ValidationError:
        return False
    return True


def _flat(metadata: Iterable[Any]) -> list[Any]:
    """With what a `Field` holds in its own place."""
    found: list[Any] = []
    for each in metadata:
        found += each.metadata if isinstance(each, FieldInfo) else [each]
    return found


def _meaning(alias: TypeAliasType) -> Any:
    value: Any = alias.__value__
    if not isinstance(value, str):
        return value
    # One that refers to itself is written as text.
    holder = type("Holder", (), {"__annotations__": {"it": value}})
    names = vars(sys.modules[alias.__module__ or ""])
    return get_type_hints(holder, names, include_extras=True)["it"]
