"""JSON inside of a string."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

import pytest
from pydantic import ValidationError
from typing_extensions import TypeAliasType

from duologue.errors import InvalidResult
from duologue.protocol.parcels import Parts
from duologue.typed import Codec, Int64, JsonText
from duologue.typed.model import Model


class Order(Model):
    id: Int64
    at: datetime
    price: Decimal
    raw: bytes = b"\xff"
    note: str | None = None


class Envelope(Model):
    body: Annotated[Order, JsonText()]
    more: Annotated[list[Annotated[str | None, JsonText()]], JsonText()] = []  # noqa: RUF012


Pieces = TypeAliasType("Pieces", bytes)
ORDER = Order(id=5, at=datetime(2026, 1, 31, tzinfo=UTC), price=Decimal("1.50"), note='a "b" ü')
HELD = (
    r"{\"id\":\"5\",\"at\":\"2026-01-31T00:00:00Z\",\"price\":\"1.50\",\"raw\":\"/w==\","
    r"\"note\":\"a \\\"b\\\" ü\"}"
)


def test_value_is_written_as_a_string_and_read_back() -> None:
    codec = Codec(Envelope)
    text = codec.encode(Envelope(body=ORDER, more=["x", None]))
    assert text.decode() == rf'{{"body":"{HELD}","more":"[\"\\\"x\\\"\",\"null\"]"}}'
    assert codec.decode(text) == Envelope(body=ORDER, more=["x", None])


@pytest.mark.parametrize(
    "text",
    [
        b'{"body":{"id":"5"}}',
        b'{"body":"{"}',
        b'{"body":"5"}',
        b'{"body":"{\\"id\\":5,\\"at\\":\\"2026-01-31T00:00:00Z\\",\\"price\\":\\"1\\"}"}',
        b'{"body":null}',
    ],
)
def test_what_is_in_the_string_is_judged_as_strictly_as_the_rest(text: bytes) -> None:
    with pytest.raises(ValidationError):
        Codec(Envelope).decode(text)


@pytest.mark.parametrize("value", ["5", '{"a": NaN}', "Infinity"])
def test_no_number_comes_in_that_json_does_not_have(value: str) -> None:
    codec = Codec[Any](Annotated[dict[str, float], JsonText()])
    with pytest.raises(ValidationError):
        codec.decode(f'"{value}"'.replace('{"', '{\\"').replace('":', '\\":').encode())


def test_long_bytes_stay_in_the_string_and_travel_beside_it_elsewhere() -> None:
    class Both(Model):
        first: bytes
        held: Annotated[Order, JsonText()]
        last: bytes

    long = b"x" * 5000
    both = Both(first=long, held=ORDER.model_copy(update={"raw": long}), last=long)
    codec, parts = Codec(Both), Parts()
    sent = parts.with_text(codec.encode(both, parts))
    assert parts == [long, long]
    assert codec.decode(sent) == both


def test_model_is_written_as_it_is_elsewhere_in_python() -> None:
    assert Envelope(body=ORDER).model_dump()["body"]["id"] == 5


def test_text_is_a_result_by_itself() -> None:
    codec = Codec[Order](Annotated[Order, JsonText()])
    assert codec.encode(ORDER).decode() == f'"{HELD}"'
    assert codec.decode(f'"{HELD}"'.encode()) == ORDER
    with pytest.raises(InvalidResult):
        codec.encode(5)  # type: ignore[arg-type]


def test_an_alias_of_bytes_in_a_model_that_nobody_has_used_yet_is_read_as_base64() -> None:
    class Kept(Model):
        pieces: list[Pieces]

    codec = Codec[Kept](Annotated[Kept, JsonText()])
    value = codec.decode(b'"{\\"pieces\\": [\\"YWI=\\"]}"')
    assert value.pieces == [b"ab"]
    assert codec.encode(value) == b'"{\\"pieces\\":[\\"YWI=\\"]}"'
