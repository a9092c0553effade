"""The base of generated models: strict about types, generous about unknown fields."""

from typing import Any

import pytest
from pydantic import ValidationError

from duologue.typed import OmitNull
from duologue.typed.model import KeepsUnknown, Model


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
    assert text == '{"raw":"__4="}'
    assert Everything.model_validate_json(text).raw == b"\xff\xfe"


def test_fields_may_be_called_model_something() -> None:
    assert ModelFields(model_name="x").model_name == "x"


class Kept(KeepsUnknown):
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
