"""Values of a contract's types end at one depth, both ways, and in the same words."""

from typing import Any

import pytest
from pydantic import ValidationError

from duologue.errors import InvalidParams, InvalidResult, Problem
from duologue.limits import MAX_TYPED_DEPTH
from duologue.protocol.depth import is_deeper_than
from duologue.typed import Json, Params
from duologue.typed.codec import Codec
from duologue.typed.model import Model
from duologue.typed.problems import problems_of


class Member(Model):
    name: str
    seat: int | None = None
    friends: list["Member"] = []  # noqa: RUF012


class Flat(Model):
    name: str


class Anything(Model):
    value: Json


MEMBER = Codec(Member)


def nested_members(levels: int) -> Member:
    """A member of so many levels of JSON, which must be even: each friend costs two."""
    member = Member(name="A")
    for _ in range(levels // 2 - 1):
        member = Member.model_construct(name="A", seat=None, friends=[member])
    return member


def test_values_are_sent_and_read_down_to_the_deepest_level() -> None:
    deepest = nested_members(MAX_TYPED_DEPTH)
    text = MEMBER.encode(deepest)
    assert is_deeper_than(text.decode(), MAX_TYPED_DEPTH - 1)
    assert MEMBER.decode(text) == deepest


@pytest.mark.parametrize("levels", [MAX_TYPED_DEPTH + 2, 254, 258, 4000])
def test_deeper_ones_are_not_sent(levels: int) -> None:
    with pytest.raises(InvalidResult) as caught:
        MEMBER.encode(nested_members(levels))
    assert caught.value.problems == (Problem("", "nested more than 190 levels"),)


@pytest.mark.parametrize("levels", [MAX_TYPED_DEPTH + 1, 200, 201, 400])
def test_deeper_ones_are_not_read(levels: int) -> None:
    text = b'{"value":%b%b}' % (b"[" * (levels - 1), b"]" * (levels - 1))
    for codec in (Codec(Anything), Codec[Json](Json)):
        with pytest.raises(ValidationError) as caught:
            codec.decode(text)
        (problem,) = problems_of(caught.value, codec.adapter.core_schema)
        assert problem == Problem("", "nested more than 190 levels")


def test_a_circle_is_nested_without_end() -> None:
    circle: list[Any] = []
    circle.append(circle)
    with pytest.raises(InvalidParams) as caught:
        Params(Anything).encode("x", (), {"value": circle})
    assert caught.value.problems == (Problem("", "nested more than 190 levels"),)


def test_types_without_depth_do_not_look_for_it() -> None:
    flat = Codec(Flat)
    assert flat.decode(flat.encode(Flat(name="A"))) == Flat(name="A")
    assert flat.to_json == flat.adapter.serializer.to_json
    assert flat.validate_json == flat.adapter.validator.validate_json


def test_items_that_come_in_a_list_may_be_as_deep_as_those_that_come_alone() -> None:
    members: Codec[list[Member]] = Codec(list[Member], levels_around=1)
    deepest = nested_members(MAX_TYPED_DEPTH)
    text = MEMBER.encode(deepest)
    assert members.decode(b"[%b]" % text) == [deepest]
    with pytest.raises(ValidationError, match="nested more than 190 levels"):
        members.decode(b"[[%b]]" % text)
