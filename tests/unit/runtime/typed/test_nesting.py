"""Types that contain themselves: deep values are read, or refused before they are sent."""

import pytest
from typing_extensions import TypeAliasType

from duologue.errors import InvalidParams, InvalidResult
from duologue.limits import MAX_VALUE_DEPTH
from duologue.typed.codec import Codec
from duologue.typed.model import Model
from duologue.typed.params import Params
from duologue.typed.scalars import Json

TOO_DEEP = f"nested more than {MAX_VALUE_DEPTH} levels"


class Link(Model):
    name: str = ""
    next: "Link | None" = None


class Flat(Model):
    one: "Point | None" = None
    other: "Point | None" = None
    names: list[list[str]] = []  # noqa: RUF012


class Point(Model):
    x: int = 0


class Anything(Model):
    value: Json = None


Tree = TypeAliasType("Tree", "dict[str, Tree]")


def chain(depth: int) -> Link:
    link = Link(name="[{")  # which are no levels
    for _ in range(depth - 1):
        link = Link(next=link)
    return link


def test_the_deepest_value_arrives() -> None:
    codec, link = Codec(Link), chain(MAX_VALUE_DEPTH)
    assert codec.decode(codec.encode(link)) == link
    params = Params(Link)
    text = params.encode("S/m", (), {"next": chain(MAX_VALUE_DEPTH - 1)})
    assert params.decode("S/m", text).next == chain(MAX_VALUE_DEPTH - 1)


def test_a_deeper_one_is_refused_before_it_is_sent() -> None:
    with pytest.raises(InvalidResult, match=TOO_DEEP):
        Codec(Link).encode(chain(MAX_VALUE_DEPTH + 1))
    with pytest.raises(InvalidParams, match=TOO_DEEP):
        Params(Link).encode("S/m", (), {"next": chain(MAX_VALUE_DEPTH)})


def test_a_deeper_one_that_comes_all_the_same_is_refused_for_what_it_is() -> None:
    text = b'[{"next":' + b'{"next":' * MAX_VALUE_DEPTH + b"null" + b"}" * (MAX_VALUE_DEPTH + 1)
    with pytest.raises(InvalidParams, match=TOO_DEEP):
        Params(Link).decode("S/m", text + b"]")


@pytest.mark.parametrize(
    ("form", "expected"),
    [(Link, True), (Anything, True), (Json, True), (Tree, True), (Flat, False), (list[str], False)],
)
def test_only_types_that_contain_themselves_are_looked_at(form: object, expected: bool) -> None:
    codec: Codec[object] = Codec(form)
    assert codec.adapter is not None
    assert codec.may_be_deep is expected
