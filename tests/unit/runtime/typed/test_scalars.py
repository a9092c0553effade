"""Scalar types of contracts, by a table of what they take in JSON and what they do not."""

from enum import StrEnum
from typing import Annotated, Any, TypeAlias

import pytest
from pydantic import TypeAdapter, ValidationError

from duologue.errors import InvalidResult
from duologue.typed import (
    Codec,
    Email,
    Int32,
    Int64,
    Json,
    NumberEnum,
    NumberKey,
    OpenEnum,
    OpenNumberEnum,
    SafeInt,
    UInt32,
    UInt64,
    Url,
)
from duologue.typed.model import Model


class Role(StrEnum):
    MEMBER = "member"


class State(NumberEnum):
    IDLE = 0
    BUSY = 1


SAFE_INT = Codec[SafeInt](SafeInt)
INT32 = Codec[Int32](Int32)
INT64 = Codec[Int64](Int64)
URL = Codec[Url](Url)
EMAIL = Codec[Email](Email)
JSON = Codec[Json](Json)
OpenRole: TypeAlias = OpenEnum[Role]
ROLE = Codec[OpenRole](OpenRole)
UINT32 = Codec[UInt32](UInt32)
UINT64 = Codec[UInt64](UInt64)
STATE = Codec(State)
OpenState: TypeAlias = OpenNumberEnum[State]
OPEN_STATE = Codec[OpenState](OpenState)
BY_INT = Codec[dict[int, int]](dict[Annotated[SafeInt, NumberKey()], int])
BY_UINT64 = Codec[dict[int, int]](dict[UInt64, int])
BY_STATE = Codec[dict[State, int]](dict[Annotated[State, NumberKey()], int])
BY_OPEN_STATE = Codec[dict[OpenState, int]](dict[Annotated[OpenState, NumberKey()], int])

NAMES: dict[object, str] = {
    SAFE_INT: "SafeInt",
    INT32: "Int32",
    INT64: "Int64",
    URL: "Url",
    JSON: "Json",
    ROLE: "OpenRole",
    EMAIL: "Email",
    UINT32: "UInt32",
    UINT64: "UInt64",
    STATE: "State",
    OPEN_STATE: "OpenState",
    BY_INT: "by SafeInt",
    BY_UINT64: "by UInt64",
    BY_STATE: "by State",
    BY_OPEN_STATE: "by OpenState",
}


def shown(part: object) -> str:
    """How a test names its codec or value: the same in every process."""
    if isinstance(part, Codec):
        return NAMES[part]
    return "object" if type(part) is object else ascii(part)[:40]


BOTH_WAYS: list[tuple[Codec[Any], bytes, Any]] = [
    (SAFE_INT, b"9007199254740991", 2**53 - 1),
    (SAFE_INT, b"-9007199254740991", -(2**53) + 1),
    (INT32, b"2147483647", 2**31 - 1),
    (INT32, b"-2147483648", -(2**31)),
    (INT64, b'"9223372036854775807"', 2**63 - 1),
    (INT64, b'"-9223372036854775808"', -(2**63)),
    (INT64, b'"0"', 0),
    (UINT32, b"4294967295", 2**32 - 1),
    (UINT64, b'"18446744073709551615"', 2**64 - 1),
    (STATE, b"1", State.BUSY),
    (OPEN_STATE, b"0", State.IDLE),
    (OPEN_STATE, b"7", 7),
    (BY_INT, b'{"0":1,"-9007199254740991":2}', {0: 1, -(2**53) + 1: 2}),
    (BY_UINT64, b'{"18446744073709551615":1}', {2**64 - 1: 1}),
    (BY_STATE, b'{"0":1,"1":2}', {State.IDLE: 1, State.BUSY: 2}),
    (BY_OPEN_STATE, b'{"1":1,"9":2}', {State.BUSY: 1, 9: 2}),
    (URL, b'"https://example.org"', "https://example.org"),
    (URL, b'"mailto:ann@example.org?x=%20"', "mailto:ann@example.org?x=%20"),
    (URL, '"HTTP://Exämple.org/../a"'.encode(), "HTTP://Exämple.org/../a"),
    (URL, b'"x:%b"' % (b"y" * 8190), "x:" + "y" * 8190),
    (JSON, b'{"a":[1,"x",null,true,1.5,{"b":[]}]}', {"a": [1, "x", None, True, 1.5, {"b": []}]}),
    (JSON, b"null", None),
    (JSON, b'"text"', "text"),
    (JSON, b"5", 5),
    (ROLE, b'"member"', Role.MEMBER),
    (ROLE, b'"newer"', "newer"),
]


@pytest.mark.parametrize(("codec", "text", "value"), BOTH_WAYS, ids=shown)
def test_a_value_and_its_json_stand_for_each_other(
    codec: Codec[Any], text: bytes, value: Any
) -> None:
    decoded = codec.decode(text)
    assert decoded == value
    assert type(decoded) is type(value)
    assert codec.encode(value) == text


REFUSED_JSON: list[tuple[Codec[Any], bytes]] = [
    (SAFE_INT, b"9007199254740992"),
    (SAFE_INT, b"-9007199254740992"),
    (SAFE_INT, b'"5"'),
    (SAFE_INT, b"5.5"),
    (SAFE_INT, b"true"),
    (INT32, b"2147483648"),
    (INT32, b"-2147483649"),
    (INT64, b"5"),
    (INT64, b'"9223372036854775808"'),
    (INT64, b'"-9223372036854775809"'),
    (INT64, b'"99999999999999999999"'),
    (INT64, b'"+5"'),
    (INT64, b'" 5"'),
    (INT64, b'"5\\n"'),
    (INT64, b'"1_000"'),
    (INT64, b'"05"'),
    (INT64, b'""'),
    (INT64, b'"-"'),
    (INT64, '"٥"'.encode()),
    (URL, b'"example.org"'),
    (URL, b'"http://exa mple.org"'),
    (URL, b'"http://example.org\\n"'),
    (URL, b'""'),
    (URL, b'"x:%b"' % (b"y" * 8191)),
    (EMAIL, b'"ann"'),
    (EMAIL, b'"a b@example.org"'),
    (EMAIL, b'"a@b@c"'),
    (EMAIL, b'"ann@%b"' % (b"x" * 251)),
    (JSON, b"1e400"),
    (JSON, b"NaN"),
    (JSON, b'[{"a":[-Infinity]}]'),
    (JSON, b'{"a":[1,1e400]}'),
    (ROLE, b"5"),
    (UINT32, b"-1"),
    (UINT32, b"4294967296"),
    (UINT64, b"5"),
    (UINT64, b'"-1"'),
    (UINT64, b'"-0"'),
    (UINT64, b'"18446744073709551616"'),
    (STATE, b"2"),
    (STATE, b"true"),
    (STATE, b"1.0"),
    (STATE, b'"1"'),
    (OPEN_STATE, b"false"),
    (OPEN_STATE, b"1.5"),
    (OPEN_STATE, b"9007199254740992"),
    (BY_INT, b'{"01":1}'),
    (BY_INT, b'{" 1":1}'),
    (BY_INT, b'{"1_0":1}'),
    (BY_INT, b'{"+1":1}'),
    (BY_INT, b'{"-0":1}'),
    (BY_INT, b'{"9007199254740992":1}'),
    (BY_UINT64, b'{"-1":1}'),
    (BY_STATE, b'{"2":1}'),
    (BY_OPEN_STATE, b'{"busy":1}'),
]


@pytest.mark.parametrize(("codec", "text"), REFUSED_JSON, ids=shown)
def test_other_json_is_refused(codec: Codec[Any], text: bytes) -> None:
    with pytest.raises(ValidationError):
        codec.decode(text)


REFUSED_VALUES: list[tuple[Codec[Any], Any]] = [
    (SAFE_INT, 2**53),
    (SAFE_INT, "5"),
    (INT32, 2**31),
    (INT64, 2**63),
    (INT64, "5"),
    (INT64, True),
    (URL, "example.org"),
    (JSON, float("nan")),
    (JSON, [float("inf")]),
    (JSON, {"a": {"b": [float("-inf")]}}),
    (JSON, object()),
    (JSON, b"x"),
    (JSON, {1: 2}),
    (ROLE, 5),
    (UINT32, -1),
    (UINT64, 2**64),
    (STATE, 1),
    (OPEN_STATE, True),
    (BY_INT, {"1": 1}),
    (BY_STATE, {0: 1}),
]


@pytest.mark.parametrize(("codec", "value"), REFUSED_VALUES, ids=shown)
def test_other_values_are_refused(codec: Codec[Any], value: Any) -> None:
    with pytest.raises(InvalidResult):
        codec.encode(value)


class Fields(Model):
    big: Int64 = 0
    anything: Json = None
    role: OpenEnum[Role] = Role.MEMBER


def test_the_same_holds_for_fields_of_a_model() -> None:
    fields = Fields(big=2**60, anything=[1.5, {"a": None}], role="newer")
    text = Codec(Fields).encode(fields)
    assert text == b'{"big":"1152921504606846976","anything":[1.5,{"a":null}],"role":"newer"}'
    assert Codec(Fields).decode(text) == fields
    with pytest.raises(ValidationError):
        Codec(Fields).decode(b'{"anything":[1e400]}')
    with pytest.raises(ValidationError):
        Fields(anything=[float("nan")])


def test_int64_is_a_string_in_json_schema() -> None:
    assert TypeAdapter(Int64).json_schema()["type"] == "string"


def test_mail_address_is_kept_letter_for_letter_up_to_its_length() -> None:
    for text in (b'"Ann@Example.ORG"', b'"ann@%b"' % (b"x" * 250)):
        assert EMAIL.encode(EMAIL.decode(text)) == text


def test_an_enum_of_numbers_lists_them_in_json_schema() -> None:
    assert TypeAdapter(State).json_schema()["enum"] == [0, 1]
