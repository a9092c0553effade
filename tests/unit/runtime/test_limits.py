"""Every bound has a positive value."""

import math
from dataclasses import FrozenInstanceError, fields, replace
from typing import Any

import pytest

from duologue.limits import SHARES_OF_RUNNING_CALLS, Limits

NAMES = [field.name for field in fields(Limits)]


def test_the_defaults_are_legal() -> None:
    Limits()


@pytest.mark.parametrize("name", NAMES)
def test_each_bound_may_be_small(name: str) -> None:
    values: dict[str, Any] = {name: 1}
    if name == "keepalive_timeout_s":
        values["keepalive_interval_s"] = 0.5
    assert getattr(Limits(**values), name) == 1


@pytest.mark.parametrize("value", [0, -1, math.nan])
@pytest.mark.parametrize("name", NAMES)
def test_a_bound_that_lets_nothing_through_is_refused_by_its_name(name: str, value: float) -> None:
    values: dict[str, Any] = {name: value}
    with pytest.raises(ValueError, match=rf"^Limits\.{name} must be above 0 but is {value}$"):
        Limits(**values)


@pytest.mark.parametrize("name", ["keepalive_interval_s", "stream_stall_timeout_s"])
def test_what_has_to_be_below_the_keepalive_timeout_is(name: str) -> None:
    values: dict[str, Any] = {name: 25.0}
    text = (
        rf"^Limits\.{name} is 25.0 and must be below keepalive_timeout_s, which is 25.0; set both$"
    )
    with pytest.raises(ValueError, match=text):
        Limits(**values)
    values[name] = 24.9
    assert getattr(Limits(**values), name) == 24.9


def test_a_short_keepalive_timeout_takes_the_usual_stall_timeout_with_it() -> None:
    limits = Limits(keepalive_interval_s=2, keepalive_timeout_s=3)
    assert limits.stream_stall_timeout_s == pytest.approx(2.4)
    assert replace(limits, keepalive_timeout_s=2.5).stream_stall_timeout_s == pytest.approx(2.4)


def test_who_lets_more_calls_run_leaves_room_for_others_beside_them() -> None:
    usual, more = Limits(), Limits(max_running_calls=1024)
    for name, times in SHARES_OF_RUNNING_CALLS.items():
        assert getattr(usual, name) == times * usual.max_running_calls
        assert getattr(more, name) == times * 1024
        assert getattr(Limits(max_running_calls=1), name) == getattr(usual, name)
        chosen: dict[str, Any] = {name: 1500}
        assert getattr(Limits(max_running_calls=1024, **chosen), name) == 1500


def test_limits_do_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        setattr(Limits(), NAMES[0], 5)
