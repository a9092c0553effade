"""One of several plain types: each value goes to the type of its kind, or nowhere."""

# ruff: noqa: UP007 - the order of three types or more is kept by `Union` alone.

from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal, TypeAlias, Union

import pytest
from pydantic import ValidationError
from typing_extensions import TypeAliasType

from duologue.errors import InvalidResult
from duologue.protocol.parcels import Parcel, Parts
from duologue.typed import Codec, Int64, OneOf, OpenEnum, OpenUnion, SafeInt, Unknown
from duologue.typed.model import Model


class Address(Model):
    street: str


class Card(Model):
    kind: Literal["card"] = "card"
    digits: str


class Mood(StrEnum):
    CALM = "calm"


Tree = TypeAliasType("Tree", "Annotated[str | list[Tree], OneOf('string', 'array')]")

PORT = Codec[Any](Annotated[SafeInt | str, OneOf("number", "string")])
PLACE = Codec[Any](Annotated[Union[str, Address, None], OneOf("string", "object")])
WHEN = Codec[Any](Annotated[Union[datetime, float, bool], OneOf("string", "number", "boolean")])
PRICE = Codec[Any](Annotated[Decimal | SafeInt, OneOf("string", "number")])
COUNT = Codec[Any](Annotated[Int64 | bool, OneOf("string", "boolean")])
OpenMood: TypeAlias = OpenEnum[Mood]
MOOD = Codec[Any](Annotated[OpenMood | list[OpenMood], OneOf("string", "array")])
MAP = Codec[Any](Annotated[dict[str, date] | list[date], OneOf("object", "array")])
TREE = Codec[Any](Tree)


READ: list[tuple[Codec[Any], bytes, Any]] = [
    (PORT, b"5", 5),
    (PORT, b'"5"', "5"),
    (PLACE, b'"5"', "5"),
    (PLACE, b'{"street":"a"}', Address(street="a")),
    (PLACE, b"null", None),
    (WHEN, b'"2026-01-31T12:00:00Z"', datetime(2026, 1, 31, 12, tzinfo=UTC)),
    (WHEN, b"1.5", 1.5),
    (WHEN, b"true", True),
    (PRICE, b'"1.50"', Decimal("1.50")),
    (PRICE, b"1", 1),
    (COUNT, b'"9223372036854775807"', 2**63 - 1),
    (COUNT, b"false", False),
    (MOOD, b'"calm"', Mood.CALM),
    (MOOD, b'["calm","odd"]', [Mood.CALM, "odd"]),
    (MAP, b'{"a":"2026-01-31"}', {"a": date(2026, 1, 31)}),
    (MAP, b'["2026-01-31"]', [date(2026, 1, 31)]),
    (TREE, b'["a",["b",[]]]', ["a", ["b", []]]),
]


@pytest.mark.parametrize(("codec", "text", "value"), READ)
def test_each_value_is_read_and_written_by_the_type_of_its_kind(
    codec: Codec[Any], text: bytes, value: object
) -> None:
    met = codec.decode(text)
    assert (met, type(met)) == (value, type(value))
    assert codec.encode(value) == text


@pytest.mark.parametrize(
    ("codec", "text", "problem"),
    [
        (PORT, b"true", "Input should be a number or a string"),
        (PORT, b"null", "Input should be a number or a string"),
        (PORT, b"1.5", "Input should be a valid integer"),
        (PORT, b"9007199254740992", "Input should be less than or equal to 9007199254740991"),
        (PLACE, b"5", "Input should be a valid string"),
        (PLACE, b"[]", "Input should be a string or an object"),
        (PLACE, b"{}", "Field required"),
        (PRICE, b"1.5", "Input should be a valid integer"),
        (COUNT, b"5", "Input should be a valid string"),
        (WHEN, b"[]", "Input should be a string, a number or a boolean"),
    ],
)
def test_what_fits_none_is_refused_and_nothing_is_tried(
    codec: Codec[Any], text: bytes, problem: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        codec.decode(text)
    assert [each["msg"] for each in refused.value.errors()] == [problem]


def test_value_of_no_alternative_is_not_sent() -> None:
    with pytest.raises(InvalidResult):
        PORT.encode(1.5)
    with pytest.raises(InvalidResult):
        PLACE.encode({"street": "a"})


def test_form_that_is_not_known_is_an_object_like_the_known_ones() -> None:
    growing = Annotated[Card | Unknown, OpenUnion("kind")]
    codec = Codec[Any](Annotated[growing | SafeInt, OneOf("object", "number")])
    for text in (b'{"kind":"cash","coins":5}', b'{"kind":"card","digits":"1"}', b"5"):
        assert codec.encode(codec.decode(text)) == text
    assert codec.decode(b'{"kind":"cash"}') == Unknown("cash", {"kind": "cash"})


def test_long_bytes_of_an_alternative_travel_beside_the_text() -> None:
    codec = Codec[Any](Annotated[bytes | Address, OneOf("string", "object")])
    long = b"x" * 5000
    parts = Parts()
    sent = parts.with_text(codec.encode(long, parts))
    assert isinstance(sent, Parcel)
    assert sent.text == b"0"
    assert codec.decode(sent) == long
    assert codec.decode(codec.encode(b"short")) == b"short"
