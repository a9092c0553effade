"""The base of generated models: strict about types, generous about unknown fields."""

from typing import Annotated, Any

import pytest
from pydantic import Field, ValidationError

from duologue.errors import Problem
from duologue.typed import Codec, OmitNull, PositionalParams
from duologue.typed.model import HIDDEN, Model
from duologue.typed.problems import problems_of


class Everything(Model):
    text: str = ""
    number: int = 0
    real: float = 0.0
    truth: bool = False
    raw: bytes = b""
    many: list[int] = []  # noqa: RUF012


class ModelFields(Model):
    """Names that pydantic would warn of."""

    model_name: str = ""


@pytest.mark.parametrize(
    "text",
    [
        '{"text":5}',
        '{"number":"5"}',
        '{"number":5.5}',
        '{"number":true}',
        '{"real":"1.5"}',
        '{"real":NaN}',
        '{"real":1e400}',
        '{"truth":1}',
        '{"truth":"true"}',
        '{"raw":"*"}',
        '{"many":{"0":1}}',
        "[]",
        "null",
    ],
)
def test_json_of_another_type_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        Everything.model_validate_json(text)


@pytest.mark.parametrize(
    "fields", [{"number": "5"}, {"real": float("inf")}, {"text": b"x"}, {"many": (1,)}]
)
def test_values_of_another_type_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Everything(**fields)


def test_unknown_fields_of_a_newer_side_are_ignored() -> None:
    assert Everything.model_validate_json('{"text":"a","newer":[1]}') == Everything(text="a")


def test_bytes_are_base64_in_json() -> None:
    text = Everything(raw=b"\xff\xfe").model_dump_json(include={"raw"})
    assert text == '{"raw":"//4="}'
    assert Everything.model_validate_json(text).raw == b"\xff\xfe"


def test_base64_of_urls_is_read_too() -> None:
    assert Everything.model_validate_json('{"text":"","raw":"__4="}').raw == b"\xff\xfe"


def test_fields_may_be_called_model_something() -> None:
    assert ModelFields(model_name="x").model_name == "x"


class Kept(Model, extra="allow"):
    name: str
    nick: OmitNull[str] = None


def test_what_a_model_does_not_know_is_kept_if_it_says_so() -> None:
    text = b'{"name":"a","x":{"a":[1,2.5,null]},"model_config":1,"__class__":2,"":"e"}'
    kept = Kept.model_validate_json(text)
    assert kept.model_extra == {
        "x": {"a": [1, 2.5, None]},
        "model_config": 1,
        "__class__": 2,
        "": "e",
    }
    assert kept.model_dump_json().encode() == text
    assert type(kept) is Kept


def test_what_is_kept_has_no_number_that_json_does_not_have() -> None:
    with pytest.raises(ValidationError):
        Kept.model_validate_json(b'{"name":"a","x":[NaN]}')


def test_field_that_leaves_null_out_reads_it_and_never_writes_it() -> None:
    assert Kept(name="a").model_dump_json() == '{"name":"a"}'
    assert Kept(name="a", nick="b").model_dump_json() == '{"name":"a","nick":"b"}'
    assert Kept.model_validate_json(b'{"name":"a","nick":null}') == Kept(name="a")


class Hiding(Model):
    """Names that pydantic's models or their class have as well."""

    construct: int
    copy: str
    dict: str = "d"
    json: list[int]
    mro: int
    register: int = 5
    schema: str | None = None
    validate: bool


def test_fields_may_be_called_as_what_pydantic_had_long_ago() -> None:
    text = b'{"construct":1,"copy":"c","json":[1],"mro":2,"validate":true}'
    met = Hiding.model_validate_json(text)
    assert met == Hiding(construct=1, copy="c", json=[1], mro=2, validate=True)
    assert (met.copy, met.dict, met.register, met.schema) == ("c", "d", 5, None)
    assert met.model_copy(update={"mro": 3}).mro == 3


@pytest.mark.parametrize("name", sorted(HIDDEN))
def test_what_is_hidden_is_not_there(name: str) -> None:
    assert not hasattr(Everything, name)
    assert not hasattr(Everything(), name)
    with pytest.raises(AttributeError, match=name):
        getattr(Everything(), name)


class Swapped(Model):
    a: Annotated[int, Field(validation_alias="b", serialization_alias="b")]
    b: Annotated[int, Field(validation_alias="a", serialization_alias="a")]


class Pair(Model):
    left: Swapped
    rest: list[Swapped] = []  # noqa: RUF012


PAIR = Pair(left=Swapped(a=1, b=2), rest=[Swapped(a=3, b=4)])
PAIR_JSON = '{"left":{"b":1,"a":2},"rest":[{"b":3,"a":4}]}'


def test_wire_names_are_those_of_json_and_of_nothing_else() -> None:
    assert PAIR.model_dump_json() == PAIR_JSON
    assert Pair.model_validate_json(PAIR_JSON) == PAIR
    assert PAIR.model_dump()["left"] == {"a": 1, "b": 2}
    assert list(Swapped.model_json_schema()["properties"]) == ["b", "a"]
    assert Swapped.model_validate({"a": 1, "b": 2}) == PAIR.left


def test_messages_are_written_and_read_by_wire_names() -> None:
    alone: tuple[Codec[Any], Any, str] = (Codec(Pair), PAIR, PAIR_JSON)
    listed: tuple[Codec[Any], Any, str] = (Codec(list[Pair]), [PAIR], f"[{PAIR_JSON}]")
    for codec, value, text in (alone, listed):
        assert codec.encode(value) == text.encode()
        assert codec.decode(text.encode()) == value


class Tool(Model):
    input_schema: Annotated[
        int, Field(validation_alias="inputSchema", serialization_alias="inputSchema")
    ]


def test_only_the_wire_name_is_read_from_json_and_told_of() -> None:
    codec = Codec(Tool)
    with pytest.raises(ValidationError) as caught:
        codec.decode(b'{"input_schema":1}')
    assert problems_of(caught.value, codec.adapter.core_schema) == [
        Problem("inputSchema", "Field required")
    ]


def test_only_the_field_s_own_name_is_taken_in_python() -> None:
    with pytest.raises(ValidationError):
        Tool.model_validate({"inputSchema": 1})


def test_positional_params_are_arguments_whatever_their_wire_names() -> None:
    params = PositionalParams(Swapped)
    assert params.encode("swap", (), {"a": 1, "b": 2}) == b"[1,2]"
    assert params.decode("swap", b"[1,2]") == Swapped(a=1, b=2)
