"""The base of generated models: strict about types, generous about unknown fields."""

from typing import Any

import pytest
from pydantic import ValidationError

from duologue.typed.model import Model


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
