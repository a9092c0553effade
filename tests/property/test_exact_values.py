"""Every value of a scalar arrives as it was, or is refused before it is sent.

Times may arrive in another form, as the same instant. Each scalar is tried at every place of a
contract where one can stand.
"""

import itertools
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import AwareDatetime, ValidationError, create_model

from duologue.errors import CallError, ContractError, InvalidParams, InvalidResult, RefusedValue
from duologue.protocol.codec import error_answer, read_failure
from duologue.protocol.values import is_list, is_object
from duologue.typed import (
    Codec,
    DeclaredError,
    Int32,
    Int64,
    Json,
    Params,
    PositionalParams,
    SafeInt,
    Url,
)
from duologue.typed.model import Model

ZONES = st.timezones() | st.builds(
    timezone, st.timedeltas(timedelta(hours=-23), timedelta(hours=23))
)
NUMBERS = st.integers() | st.integers(-(2**31) - 2, 2**31 + 1) | st.floats()
TEXTS = st.text() | st.text(st.characters(codec=None, categories=["Cs", "Ll"]), max_size=3)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)

SCALARS: Final[dict[str, tuple[Any, st.SearchStrategy[Any]]]] = {
    "string": (str, TEXTS),
    "int": (SafeInt, NUMBERS | st.integers(2**53 - 3, 2**53 + 3) | st.booleans()),
    "int32": (Int32, NUMBERS),
    "int64": (Int64, NUMBERS | st.integers(2**63 - 3, 2**63 + 3)),
    "float": (float, NUMBERS),
    "bool": (bool, st.booleans() | st.integers(0, 1)),
    "bytes": (bytes, st.binary() | st.binary(min_size=4090, max_size=4100)),
    "datetime": (AwareDatetime, st.datetimes(timezones=st.none() | ZONES)),
    "date": (date, st.dates() | st.datetimes()),
    "time": (time, st.times(timezones=st.none() | ZONES)),
    "duration": (timedelta, st.timedeltas()),
    "uuid": (UUID, st.uuids()),
    "decimal": (Decimal, st.decimals() | NUMBERS),
    "url": (Url, st.from_regex(r"\A[a-z]+:[^\s]+\Z") | TEXTS),
    "json": (Json, JSON),
}

REFUSALS: Final = (CallError, RefusedValue, ValidationError)
"""Each is raised before anything is sent: a model that cannot be made is not sent either."""

Way = Callable[[Any, Any], Any]


def as_result(form: Any, value: Any) -> Any:
    codec: Codec[Any] = Codec(form)
    text = codec.encode(value)
    return lambda: codec.decode(text)


def inside_a_result(form: Any, value: Any) -> Any:
    codec: Codec[Any] = Codec(dict[str, list[form | None]])
    text = codec.encode({"a": [value, None]})
    return lambda: codec.decode(text)["a"][0]


def model_of(form: Any) -> Any:
    fields: dict[str, Any] = {"value": (form | None, None)}
    return create_model("Carrier", __base__=Model, **fields)


def as_a_param(form: Any, value: Any) -> Any:
    params: Params[..., Any] = Params(model_of(form))
    text = params.encode("S/m", (), {"value": value})
    return lambda: params.decode("S/m", text).value


def as_an_argument(form: Any, value: Any) -> Any:
    params: Params[..., Any] = PositionalParams(model_of(form))
    text = params.encode("S/m", (), {"value": value})
    return lambda: params.decode("S/m", text).value


def as_a_changed_field(form: Any, value: Any) -> Any:
    """Of a model that was made right, and then given a value that nobody has checked."""
    codec: Codec[Any] = Codec(model_of(form))
    model = codec.form()
    model.value = value
    text = codec.encode(model)
    return lambda: codec.decode(text).value


def in_an_error(form: Any, value: Any) -> Any:
    class Fault(ContractError[Any]):
        code = "fault"

    data = model_of(form)
    declared: DeclaredError[Any] = DeclaredError(Fault, Codec(data))
    answer = error_answer(1, declared.describe(Fault(data(value=value))))
    error = bytes(msgspec.json.decode(answer, type=dict[str, msgspec.Raw])["error"])

    def read() -> Any:
        rebuilt = declared.rebuild(read_failure(error))
        assert isinstance(rebuilt, Fault), rebuilt
        return rebuilt.data.value

    return read


WAYS: Final = (
    *(as_result, inside_a_result, as_a_param, as_an_argument, as_a_changed_field, in_an_error),
)


def is_same(sent: Any, met: Any) -> bool:
    """Whether two values are one, types and digits included."""
    if isinstance(sent, datetime):
        return isinstance(met, datetime) and sent.astimezone(UTC) == met.astimezone(UTC)
    if isinstance(sent, time):
        return (sent.replace(tzinfo=None, fold=0), sent.utcoffset()) == (
            met.replace(tzinfo=None),
            met.utcoffset(),
        )
    if is_object(sent):
        return sent.keys() == met.keys() and all(is_same(sent[key], met[key]) for key in sent)
    if is_list(sent):
        return len(sent) == len(met) and all(map(is_same, sent, met))
    if isinstance(sent, bool) and type(met) is int:
        return sent == met
    if type(sent) is int and type(met) is float:
        return float(sent) == met  # an int given for a float, as in all of Python
    return type(sent) is type(met) and repr(sent) == repr(met)


@pytest.mark.parametrize(
    ("scalar", "way"),
    # What is put into a JSON value later is the business of whoever does it.
    [pair for pair in itertools.product(SCALARS, WAYS) if pair != ("json", as_a_changed_field)],
)
def test_a_value_arrives_exactly_or_is_refused_before_it_is_sent(scalar: str, way: Way) -> None:
    form, values = SCALARS[scalar]

    @settings(
        max_examples=100,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(values)
    def travels(value: Any) -> None:
        try:
            read = way(form, value)
        except REFUSALS:
            return
        try:
            met = read()
        except ValidationError:
            # Nobody looks at a field that was changed but who reads it: refused as well, not lost.
            assert way is as_a_changed_field
            return
        assert is_same(value, met)

    travels()


def test_a_datetime_whose_offset_has_seconds_is_sent_in_utc() -> None:
    sent = datetime(1971, 6, 1, tzinfo=ZoneInfo("Africa/Monrovia"))
    assert as_a_param(AwareDatetime, sent)() == sent
    assert Codec[datetime](AwareDatetime).encode(sent) == b'"1971-06-01T00:44:30Z"'
    whole = datetime(2026, 6, 1, tzinfo=ZoneInfo("Asia/Kathmandu"))
    assert Codec[datetime](AwareDatetime).encode(whole) == b'"2026-06-01T00:00:00+05:45"'


@pytest.mark.parametrize(
    ("form", "value", "reason"),
    [
        (time, time(12, tzinfo=timezone(timedelta(seconds=30))), "offset of a time has whole min"),
        (
            AwareDatetime,
            datetime(1, 1, 1, tzinfo=timezone(timedelta(seconds=30))),
            "no form in UTC",
        ),
    ],
)
def test_what_has_no_form_is_refused_with_the_reason(form: Any, value: Any, reason: str) -> None:
    with pytest.raises(InvalidParams, match=reason):
        as_a_param(form, value)
    with pytest.raises(InvalidResult, match=reason):
        as_result(form, value)


@pytest.mark.parametrize(
    "text", [b"1.5", b"1", b'"1_0"', b'" 1"', b'"NaN"', b"true", b'""', b'"."']
)
def test_a_decimal_is_read_from_nothing_but_digits_in_quotes(text: bytes) -> None:
    with pytest.raises(ValidationError, match="a decimal number in quotes"):
        Codec(Decimal).decode(text)
