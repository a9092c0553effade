"""Every bound has a positive value."""

import math
from dataclasses import FrozenInstanceError, fields
from typing import Any

import pytest

from duologue.limits import Limits

NAMES = [field.name for field in fields(Limits)]


def test_the_defaults_are_legal() -> None:
    Limits()


@pytest.mark.parametrize("name", NAMES)
def test_each_bound_may_be_small(name: str) -> None:
    assert getattr(Limits(**{name: 1}), name) == 1


@pytest.mark.parametrize("value", [0, -1, math.nan])
@pytest.mark.parametrize("name", NAMES)
def test_a_bound_that_lets_nothing_through_is_refused_by_its_name(name: str, value: float) -> None:
    values: dict[str, Any] = {name: value}
    with pytest.raises(ValueError, match=rf"^Limits\.{name} must be above 0 but is {value}$"):
        Limits(**values)


def test_limits_do_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        setattr(Limits(), NAMES[0], 5)
