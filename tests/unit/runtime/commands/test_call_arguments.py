"""What is typed on the command line is what the contract is given."""

import warnings
from decimal import Decimal
from typing import Annotated

import pytest
from pydantic import Field

from duologue import Model
from duologue.commands.call import read_arguments
from duologue.commands.method_lookup import Found, WrongUse
from duologue.typed import NOTHING, Client, Int64, Json, Params, Unary


class Given(Model):
    volts: Decimal | None = None
    total: Int64 | None = None
    ratio: float | None = None
    room: Annotated[str, Field(pattern="^[a-z0-9]+$")] = "lobby"
    anything: Json = None
    steps: tuple[Decimal, ...] = ()
    old: Annotated[str | None, Field(deprecated="Use room.")] = None


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
        ("room=A7", "room: String should match pattern"),
        ("total=1.5", "total: String should match pattern"),
    ],
)
def test_what_would_change_or_does_not_fit_is_refused(argument: str, complaint: str) -> None:
    with pytest.raises(WrongUse, match=complaint.replace("+", r"\+").replace("[", r"\[")):
        read_arguments(FOUND, [argument])


def test_a_deprecated_field_is_passed_on_without_a_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_arguments(FOUND, ["old=x"]) == {"old": "x"}
