"""Unions that may grow: known variants, unknown ones, and what is none."""

from typing import Annotated, Any, Literal, TypeAlias

import pytest
from pydantic import Field, TypeAdapter, ValidationError

from duologue.errors import InvalidResult
from duologue.typed import Codec, OpenUnion, TaggedUnion, Unknown
from duologue.typed.model import Model


class Text(Model):
    kind: Literal["text"] = "text"
    text: str


class Image(Model):
    kind: Literal["image"] = "image"
    width: int


Event: TypeAlias = Annotated[Text | Image | Unknown, OpenUnion("kind")]
EVENT = Codec[Event](Event)


class Log(Model):
    events: list[Event]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b'{"kind":"text","text":"hi"}', Text(text="hi")),
        (b'{"kind":"image","width":5}', Image(width=5)),
        (
            b'{"kind":"video","length":[1,{"a":null}]}',
            Unknown("video", {"kind": "video", "length": [1, {"a": None}]}),
        ),
        (b'{"kind":""}', Unknown("", {"kind": ""})),
    ],
)
def test_a_variant_and_its_json_stand_for_each_other(text: bytes, value: Any) -> None:
    assert EVENT.decode(text) == value
    assert EVENT.encode(value) == text


@pytest.mark.parametrize(
    "text",
    [
        b"{}",
        b'{"kind":5}',
        b'{"kind":null}',
        b'{"kind":["text"]}',
        b"null",
        b'"text"',
        b"[]",
        b'{"kind":"text"}',
        b'{"kind":"image","width":"5"}',
        b'{"kind":"\\u0000unknown"}garbage',
    ],
)
def test_what_is_no_variant_is_refused(text: bytes) -> None:
    with pytest.raises(ValidationError):
        EVENT.decode(text)


def test_the_tag_that_stands_for_unknown_ones_inside_is_unknown_too() -> None:
    assert EVENT.decode(b'{"kind":"\\u0000unknown"}') == Unknown("\0unknown", {"kind": "\0unknown"})


@pytest.mark.parametrize("value", [5, None, "text", object(), {"no": "tag"}])
def test_other_values_are_refused(value: Any) -> None:
    with pytest.raises(InvalidResult):
        EVENT.encode(value)


def test_it_holds_inside_models_and_unknown_variants_go_on_as_they_came() -> None:
    text = b'{"events":[{"kind":"text","text":"a"},{"kind":"poll","x":1.5}]}'
    log = Codec(Log).decode(text)
    assert log.events == [Text(text="a"), Unknown("poll", {"kind": "poll", "x": 1.5})]
    assert Codec(Log).encode(log) == text


def test_a_variant_without_a_literal_tag_is_a_mistake_of_the_contract() -> None:
    class Loose(Model):
        kind: str

    with pytest.raises(TypeError, match=r"Loose\.kind must be a Literal"):
        TypeAdapter(Annotated[Loose | Unknown, OpenUnion("kind")])


class One(Model):
    kind: Annotated[
        Literal["one"], Field(validation_alias="@type", serialization_alias="@type")
    ] = "one"
    type: Annotated[str, Field(validation_alias="kind", serialization_alias="kind")] = ""


class Two(Model):
    kind: Annotated[
        Literal["two"], Field(validation_alias="@type", serialization_alias="@type")
    ] = "two"


Closed: TypeAlias = Annotated[One | Two, TaggedUnion("kind", wire="@type")]
CLOSED = Codec[Closed](Closed)
Growing: TypeAlias = Annotated[One | Two | Unknown, OpenUnion("kind", wire="@type")]
GROWING = Codec[Growing](Growing)


@pytest.mark.parametrize("codec", [CLOSED, GROWING])
def test_a_tag_may_have_another_name_in_json(codec: Codec[Any]) -> None:
    # The name that the tag has in Python is that of another field there.
    text = b'{"@type":"one","kind":"two"}'
    assert codec.decode(text) == One(type="two")
    assert codec.encode(One(type="two")) == text
    assert codec.decode(b'{"@type":"two"}') == Two()


def test_an_unknown_form_is_refused_or_kept_by_its_tag_in_json() -> None:
    text = b'{"@type":"three","kind":"one"}'
    with pytest.raises(ValidationError):
        CLOSED.decode(text)
    assert GROWING.decode(text) == Unknown("three", {"@type": "three", "kind": "one"})
    assert GROWING.encode(GROWING.decode(text)) == text


@pytest.mark.parametrize("codec", [CLOSED, GROWING])
@pytest.mark.parametrize("text", [b'{"kind":"one"}', b'{"@type":1}', b"[]"])
def test_only_the_name_in_json_tells_the_forms_apart(codec: Codec[Any], text: bytes) -> None:
    with pytest.raises(ValidationError):
        codec.decode(text)
