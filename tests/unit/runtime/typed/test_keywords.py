"""A client's keywords to JSON without the model between, in the words that the model would use."""

from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, ValidationError, model_validator

from duologue.typed.codec import Codec
from duologue.typed.keywords import ways_of_keywords
from duologue.typed.model import Model
from duologue.typed.scalars import Json, OmitNull, SafeInt


class Inner(Model):
    number: SafeInt = 3


class Node(Model):
    name: str
    below: list["Node"] = []  # noqa: RUF012


class Order(Model):
    kind: Literal["order"] = "order"
    name: Annotated[str, Field(min_length=1)]
    in_schema: str = Field(
        default="x", validation_alias="inputSchema", serialization_alias="inputSchema"
    )
    note: OmitNull[str] = None
    inner: Inner = Inner()
    data: bytes = b""
    anything: Json = None
    tree: Node | None = None


class Kept(Model, extra="allow"):
    name: str


class Checked(Model):
    name: str

    @model_validator(mode="after")
    def look(self) -> "Checked":
        return self


ORDERS: list[dict[str, Any]] = [
    {"name": "a"},
    {"name": "a", "note": "b", "in_schema": "c"},
    {"name": "a", "inner": Inner(number=5), "data": b"\xff" * 9, "anything": {"a": [1, None]}},
    {"name": "a", "tree": Node(name="x", below=[Node(name="y")]), "unknown": 5},
]

WRONG: list[dict[str, Any]] = [
    {},
    {"name": ""},
    {"name": 5, "in_schema": 5, "note": 5, "inner": {"number": "5"}},
    {"name": "a", "inputSchema": "b"} | {"in_schema": None},
    {"name": "a", "tree": {"name": "x", "below": [{"name": 5}]}},
    {"name": "\ud800"},
    {"name": "a", "anything": float("nan")},
]


@pytest.mark.parametrize("fields", ORDERS)
def test_keywords_are_written_as_their_model_is(fields: dict[str, Any]) -> None:
    check, write = ways_of_keywords(Codec(Order))
    checked = check(fields)
    assert type(checked) is dict
    codec = Codec(Order)
    assert write(checked) == codec.to_json(codec.validate_python(fields))


@pytest.mark.parametrize("fields", WRONG)
def test_keywords_are_refused_as_their_model_refuses_them(fields: dict[str, Any]) -> None:
    check, _write = ways_of_keywords(Codec(Order))
    with pytest.raises(ValidationError) as expected:
        Order(**fields)
    with pytest.raises(ValidationError) as met:
        check(fields)
    assert str(met.value) == str(expected.value)


def test_what_is_deep_is_refused_when_it_is_written() -> None:
    deep = Node(name="x")
    for _ in range(300):
        deep = Node.model_construct(name="x", below=[deep])
    check, write = ways_of_keywords(Codec(Order))
    with pytest.raises(ValidationError, match="nested more than"):
        write(check({"name": "a", "tree": deep}))


@pytest.mark.parametrize("form", [Kept, Checked])
def test_a_model_that_is_more_than_its_fields_is_made(form: type[Model]) -> None:
    check, _write = ways_of_keywords(Codec(form))
    assert type(check({"name": "a", "more": 5})) is form


def test_a_model_that_names_itself_is_no_dictionary_and_still_written() -> None:
    codec = Codec(Node)
    check, write = ways_of_keywords(codec)
    assert write(check({"name": "x", "below": [Node(name="y")]})) == (
        b'{"name":"x","below":[{"name":"y","below":[]}]}'
    )
