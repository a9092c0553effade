"""Untyped values: Python to JSON and back, by one table and its refusals (base profile 7.2)."""

import math
from collections import OrderedDict
from enum import Enum, IntEnum, StrEnum
from typing import Any

import pytest

from duologue.errors import BadFrame, RefusedValue
from duologue.limits import MAX_SAFE_INTEGER
from duologue.protocol.values import (
    SENTINEL,
    SENTINEL_BYTES,
    UNDEFINED,
    decode_value,
    encode_arguments,
    encode_value,
    parse_json,
    plain_json,
    refuse_sentinel,
    without_undefined,
)


class Colour(StrEnum):
    RED = "red"


class Level(IntEnum):
    HIGH = 3


class Shape(Enum):
    ROUND = "round"


class Text(str):
    __slots__ = ()


class Number(int):
    pass


class Measure(float):
    """As numpy.float64 is one."""


def nested_list(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def nested_object(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"a": value}
    return value


BOTH_WAYS: dict[bytes, Any] = {
    b"null": None,
    b"true": True,
    b"false": False,
    b"0": 0,
    b"-1": -1,
    b"9007199254740991": MAX_SAFE_INTEGER,
    b"-9007199254740991": -MAX_SAFE_INTEGER,
    b"1.5": 1.5,
    b"5e-324": 5e-324,
    b"1e300": 1e300,
    b'""': "",
    '"ä€😀"'.encode(): "ä€😀",
    b'"\\u0000\\"\\\\\\n"': '\0"\\\n',
    b'"\\ud800"': "\ud800",
    b'{"\\udfff":["\\ud800",1]}': {"\udfff": ["\ud800", 1]},
    b"[]": [],
    b"{}": {},
    b'[1,[2,{"a":null}]]': [1, [2, {"a": None}]],
    b'"$__undefined$"': UNDEFINED,
    b'["$__undefined$",1]': [UNDEFINED, 1],
    b'{"$__undefined$":1}': {SENTINEL: 1},
    b'" $__undefined$"': " $__undefined$",
}


@pytest.mark.parametrize(("text", "value"), BOTH_WAYS.items(), ids=repr)
def test_a_value_and_its_text_stand_for_each_other(text: bytes, value: Any) -> None:
    assert encode_value(value, "k", 256) == text
    decoded = decode_value(text)
    assert decoded == value
    assert type(decoded) is type(value)


ONE_WAY: list[tuple[object, bytes]] = [
    ((1, (2,)), b"[1,[2]]"),
    (Colour.RED, b'"red"'),
    ({Colour.RED: 1}, b'{"red":1}'),
    (Level.HIGH, b"3"),
    (Text("x"), b'"x"'),
    ({Text("k"): 1}, b'{"k":1}'),
    (Number(7), b"7"),
    (Measure(1.5), b"1.5"),
    (OrderedDict(a=1), b'{"a":1}'),
    ({"a": UNDEFINED, "b": None}, b'{"a":"$__undefined$","b":null}'),
    (-0.0, b"-0.0"),
]


@pytest.mark.parametrize(("value", "text"), ONE_WAY, ids=repr)
def test_kin_of_the_plain_types_are_sent_as_those(value: object, text: bytes) -> None:
    assert encode_value(value, "k", 256) == text


REFUSED: list[tuple[object, str]] = [
    (math.nan, 'Key "k" value NaN ("number") is not allowed'),
    (math.inf, 'Key "k" value Infinity ("number") is not allowed'),
    (-math.inf, 'Key "k" value -Infinity ("number") is not allowed'),
    (Measure("nan"), 'Key "k" value NaN ("number") is not allowed'),
    (MAX_SAFE_INTEGER + 1, 'Key "k" value of 54 bits ("bigint") is not allowed'),
    (-MAX_SAFE_INTEGER - 1, 'Key "k" value of 54 bits ("bigint") is not allowed'),
    (1 << 33_219, 'Key "k" value of 33220 bits ("bigint") is not allowed'),
    (SENTINEL, 'Key "k" value \'$__undefined$\' ("string") is not allowed'),
    (Text(SENTINEL), 'Key "k" value \'$__undefined$\' ("string") is not allowed'),
    ([1, SENTINEL], 'Key "1" value \'$__undefined$\' ("string") is not allowed'),
    (b"x", 'Key "k" value of type bytes ("object") is not allowed'),
    (bytearray(b"x"), 'Key "k" value of type bytearray ("object") is not allowed'),
    ({1, 2}, 'Key "k" value of type set ("object") is not allowed'),
    (Shape.ROUND, 'Key "k" value of type Shape ("object") is not allowed'),
    (len, 'Key "k" value of type builtin_function_or_method ("object") is not allowed'),
    ({"a": {"b": math.nan}}, 'Key "b" value NaN ("number") is not allowed'),
    ({1: 2}, 'Key "k" value with a key of type int is not allowed'),
]


@pytest.mark.parametrize(("value", "text"), REFUSED, ids=[text for _, text in REFUSED])
def test_what_the_wire_cannot_carry_is_refused(value: object, text: str) -> None:
    with pytest.raises(RefusedValue) as refused:
        encode_value(value, "k", 256)
    assert str(refused.value) == f"WSP-ESV: {text}"
    assert refused.value.code == "WSP-ESV"


@pytest.mark.parametrize("nested", [nested_list, nested_object])
def test_values_are_sent_down_to_the_deepest_level_and_no_deeper(nested: Any) -> None:
    assert encode_value(nested(256), "k", 256)
    with pytest.raises(RefusedValue, match="nested more than 256 levels"):
        encode_value(nested(257), "k", 256)


def test_a_list_that_holds_itself_is_refused() -> None:
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(RefusedValue):
        encode_value(endless, "k", 256)


def test_arguments_are_named_by_their_position() -> None:
    assert encode_arguments((1, "\ud800", UNDEFINED), 256) == b'[1,"\\ud800","$__undefined$"]'
    with pytest.raises(RefusedValue) as refused:
        encode_arguments((1, math.nan), 256)
    assert refused.value.key == "1"


def test_the_list_of_arguments_is_one_of_the_levels() -> None:
    assert encode_arguments((nested_list(255),), 256)
    with pytest.raises(RefusedValue):
        encode_arguments((nested_list(256),), 256)


DECODED: list[tuple[bytes, Any]] = [
    (b" [ 1 , 2 ] ", [1, 2]),
    (b"1.0", 1.0),
    (b"9007199254740993", 2**53 + 1),
    (b"18446744073709551616", 2**64),
    (b'{"a":1,"a":2}', {"a": 2}),
    (b'{"a":"$__undefined$","b":{"c":"$__undefined$"}}', {"b": {}}),
    (b'[["$__undefined$"]]', [[UNDEFINED]]),
    (b'"\\u0024__undefined$"', UNDEFINED),
    (b'["\\ud83d\\ude00","\\ude00\\ud83d"]', ["😀", "\ude00\ud83d"]),
]


@pytest.mark.parametrize(("text", "value"), DECODED, ids=repr)
def test_json_is_read(text: bytes, value: Any) -> None:
    assert decode_value(text) == value


UNREADABLE: list[bytes] = [
    b"",
    b" ",
    b"1e400",
    b"[-1e400]",
    b"NaN",
    b"Infinity",
    b"[-Infinity]",
    b"01",
    b"[1,]",
    b"{'a':1}",
    b'{"a":1}{}',
    b'"\x01"',
    b'"\\x"',
    b'"\xff"',
    b"\xef\xbb\xbf1",
    b"nul",
    b"9" * 5000,
    b"[" * 100_000,
]


@pytest.mark.parametrize("text", UNREADABLE, ids=lambda text: repr(text[:20]))
def test_what_is_no_json_is_a_bad_frame(text: bytes) -> None:
    with pytest.raises(BadFrame):
        decode_value(text)


def test_json_is_read_from_text_as_from_bytes() -> None:
    assert (
        parse_json('["ä","\\ud800"]') == parse_json('["ä","\\ud800"]'.encode()) == ["ä", "\ud800"]
    )


def test_what_was_read_can_be_written_again() -> None:
    text = b'{"a":["\\ud800",18446744073709551616]}'
    assert plain_json(parse_json(text)) == text


RESOLVED: list[tuple[bytes, bytes]] = [
    (b'"$__undefined$"', b"null"),
    (b'["$__undefined$",1]', b"[null,1]"),
    (b'{"a":"$__undefined$","b":["$__undefined$"]}', b'{"b":[null]}'),
    (b'{"$__undefined$":1}', b'{"$__undefined$":1}'),
    (b'{"a":"\\ud800 $__undefined$"}', b'{"a":"\\ud800 $__undefined$"}'),
]


@pytest.mark.parametrize(("text", "resolved"), RESOLVED, ids=repr)
def test_undefined_is_resolved_for_a_validator(text: bytes, resolved: bytes) -> None:
    assert SENTINEL_BYTES in text
    assert without_undefined(text) == resolved


def test_resolving_refuses_what_is_no_json() -> None:
    with pytest.raises(BadFrame):
        without_undefined(b'["$__undefined$",1e400]')


@pytest.mark.parametrize(
    "text", [b'"$__undefined$"', b'{"a":["$__undefined$"]}', b'[{"a":"$__undefined$"}]']
)
def test_json_of_our_own_with_a_string_equal_to_the_sentinel_is_refused(text: bytes) -> None:
    with pytest.raises(RefusedValue) as refused:
        refuse_sentinel(text, "Member")
    assert refused.value.key == "Member"


@pytest.mark.parametrize("text", [b'"x"', b'"$__undefined$ "', b'{"$__undefined$":1}'])
def test_json_that_only_mentions_the_sentinel_is_not_refused(text: bytes) -> None:
    refuse_sentinel(text, "Member")
