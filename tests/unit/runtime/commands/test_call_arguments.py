"""What is typed on the command line is what the contract is given."""

import re
import warnings
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import Field

from duologue import Model
from duologue.commands.arguments import read_arguments
from duologue.commands.method_lookup import Found, WrongUse
from duologue.typed import NOTHING, Client, Int64, Json, Params, Unary


class Spot(Model):
    x: int


class Given(Model):
    volts: Decimal | None = None
    total: Int64 | None = None
    ratio: float | None = None
    room: Annotated[str, Field(pattern="^[a-z0-9]+$")] = "lobby"
    anything: Json = None
    steps: tuple[Decimal, ...] = ()
    old: Annotated[str | None, Field(deprecated="Use room.")] = None
    tags: list[str] | None = None
    photo: bytes | None = None
    whole: Annotated[int, Field(ge=-(2**53) + 1, le=2**53 - 1)] = 0
    spot: Spot | None = None


LONG = "12345678901234567890.5"
METHOD = Unary(id=1, name="set", params=Params(Given), returns=NOTHING)
FOUND = Found(Client, METHOD, Given)


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        (f"volts={LONG}", Decimal(LONG)),
        ("volts=3.30", Decimal("3.30")),
        ('volts="3.30"', Decimal("3.30")),
        ("volts=-7", Decimal("-7")),
        ("total=9223372036854775807", 2**63 - 1),
        ("ratio=0.1", 0.1),
        ("ratio=1e300", 1e300),
        ("ratio=7", 7.0),
        ("room=7", "7"),
        ("room=lobby", "lobby"),
        ("anything=12345678901234567890", 12345678901234567890),
        ('anything={"a": [1.5, "1.5", null]}', {"a": [1.5, "1.5", None]}),
        ("anything=plain", "plain"),
        (f'steps=["0.10", "{LONG}"]', (Decimal("0.10"), Decimal(LONG))),
    ],
)
def test_a_value_arrives_exactly_as_it_was_typed(argument: str, value: object) -> None:
    (met,) = read_arguments(FOUND, [argument]).values()
    assert (met, type(met)) == (value, type(value))
    assert str(met) == str(value)


@pytest.mark.parametrize(
    ("argument", "complaint"),
    [
        ("ratio=12345678901234567890.5", "would be sent as 1.2345678901234567e+19"),
        ("anything=[0.30000000000000000001]", "anything: 0.30000000000000000001 would be sent as"),
        ("ratio=1e400", "ratio: Input should be a"),
        ("steps=[0.1]", "steps.0: Input should be a decimal number in quotes"),
        ("tags=a", """tags: write JSON, for instance tags='["a"]', or tags=a tags=b"""),
        ('tags=["a"', "tags: this is no JSON: Expecting ',' delimiter: line 1 column 5"),
        ("spot=5", """spot: write JSON, for instance spot='{"a": 1}'"""),
        ('spot={"x": "y"}', "spot.x: Input should be a valid integer"),
        ("whole=9007199254740992", "whole: too large for int (at most 9007199254740991); int64"),
        ("photo=@nowhere", "there is no file nowhere; text that begins with @ is written in"),
        ('{"room": 5', "the arguments of set are no JSON: Expecting"),
        ("[1]", "write arguments like name=value"),
        ("room=A7", "room: String should match pattern"),
        ("total=1.5", "total: String should match pattern"),
    ],
)
def test_what_would_change_or_does_not_fit_is_refused(argument: str, complaint: str) -> None:
    with pytest.raises(WrongUse, match=re.escape(complaint)):
        read_arguments(FOUND, [argument])


def test_a_deprecated_field_is_passed_on_without_a_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_arguments(FOUND, ["old=x"]) == {"old": "x"}


def test_a_list_may_be_given_item_by_item() -> None:
    assert read_arguments(FOUND, ["tags=a", "tags=7", "tags=b c"]) == {"tags": ["a", "7", "b c"]}


def test_what_is_no_list_is_given_once() -> None:
    with pytest.raises(WrongUse, match="room is given twice, and is no list"):
        read_arguments(FOUND, ["room=a", "room=b"])


def test_all_arguments_may_be_one_object(tmp_path: Path) -> None:
    text = f'{{"room": "lobby", "volts": "3.30", "anything": [{LONG}0, 1e300]}}'
    expected = {"room": "lobby", "volts": Decimal("3.30")}
    file = tmp_path / "params.json"
    file.write_text(text.replace(f"{LONG}0, ", ""))
    assert read_arguments(FOUND, [f"@{file}"]) == {**expected, "anything": [1e300]}
    with pytest.raises(WrongUse, match="would be sent as"):
        read_arguments(FOUND, [text])


def test_an_object_is_all_of_the_arguments() -> None:
    with pytest.raises(WrongUse, match="would be all of its arguments; give nothing beside it"):
        read_arguments(FOUND, ['{"room": "lobby"}', "ratio=1"])


def test_a_value_is_read_from_a_file_or_from_standard_input(tmp_path: Path) -> None:
    file = tmp_path / "value"
    file.write_bytes(b"\x00\xff")
    assert read_arguments(FOUND, [f"photo=@{file}"]) == {"photo": b"\x00\xff"}
    with pytest.raises(WrongUse, match="this is no text in UTF-8"):
        read_arguments(FOUND, [f"room=@{file}"])
    given = read_arguments(FOUND, ["room=-"], read_input=lambda: b"lobby")
    assert given == {"room": "lobby"}
    given = read_arguments(FOUND, ["tags=-"], read_input=lambda: b'["a"]')
    assert given == {"tags": ["a"]}
