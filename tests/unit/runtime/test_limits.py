"""Every bound has a positive value, a unit, a reason, and somebody who meets it."""

import ast
import inspect
import math
import re
from collections.abc import Iterator
from dataclasses import FrozenInstanceError, fields, replace
from itertools import pairwise
from types import ModuleType
from typing import Any

import pytest

from duologue import limits
from duologue.limits import SHARES_OF_RUNNING_CALLS, Limits
from duologue.relay import cluster_limits
from duologue.relay import limits as relay_limits

UNIT = re.compile(
    r"(?i)(?:^|_)(s|ms|bytes|characters|text|base|depth|descriptor|calls|connections|entries"
    r"|events|features|flights|fragments|keys|lineages|links|lookups|messages|newcomers|objects"
    r"|pairs|parts|pings|problems|request|requests|registers|services|sent|share|spares"
    r"|strangers|streams|subscriptions|unauthenticated|unconfirmed|values|visits|waiting)(?:_|$)"
)
"""What a bound counts, or is measured in; beside it, per what."""

NO_BOUNDS = {
    "MAX_SAFE_INTEGER": "a property of JSON",
    "SHORT_FRAGMENT_BYTES": "what MAX_SHORT_FRAGMENTS_PER_S counts",
    "REPLAYED_EVENTS_AT_ONCE": "a part of MAX_REPLAYED_EVENTS_PER_S",
    "WAITING_CALL_BYTES": "a measure",
    "PART_ABOVE_BYTES": "a choice of form",
    "DEFAULT_STREAM_STALL_S": "a default",
    "DEFAULT_RUNNING_CALLS": "a default",
    "SHARES_OF_RUNNING_CALLS": "defaults",
}
"""Names beside the bounds, about which nobody is punished."""

Stated = tuple[ModuleType, str, str, str]


def stated() -> Iterator[Stated]:
    """Every bound: its module, its name, its default as it is written, and what is said of it."""
    for module in (limits, relay_limits, cluster_limits):
        tree = ast.parse(inspect.getsource(module))
        classes = [each for each in tree.body if isinstance(each, ast.ClassDef)]
        for body in (tree.body, *(each.body for each in classes)):
            for each, after in pairwise([*body, ast.Pass()]):
                if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name):
                    said = ""
                    if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
                        said = str(after.value.value)
                    default = "" if each.value is None else ast.unparse(each.value)
                    yield module, each.target.id, default, said


STATED = list(stated())

NAMES = [field.name for field in fields(Limits)]


def test_the_bounds_are_found() -> None:
    assert {name for _, name, _, _ in STATED} >= {*NAMES, "MAX_PARTS", "max_lookups", "spare_age_s"}


@pytest.mark.parametrize(
    ("module", "name", "default", "said"), STATED, ids=[name for _, name, _, _ in STATED]
)
def test_every_bound_says_its_unit_its_default_and_its_reason(
    module: ModuleType, name: str, default: str, said: str
) -> None:
    assert UNIT.search(name) or name in NO_BOUNDS, f"{name} in {module.__name__}: no unit"
    assert default, f"{name} in {module.__name__} has no default"
    assert len(said) > 20, f"nothing is said of {name} in {module.__name__}"
    assert said.endswith((".", '."')), f"{name} in {module.__name__}: a sentence ends with a dot"


def test_it_is_said_who_meets_each_bound() -> None:
    table = limits.__doc__ or ""
    told = set(re.findall(r"\w+", table))
    told |= {f"{name}_total" for name in re.findall(r"(\w+), and _total", table)}
    told |= {f"{name}_per_key" for name in re.findall(r"(\w+) and _per_key", table)}
    bounds = {name for module, name, _, _ in STATED if module is limits} - set(NO_BOUNDS)
    assert bounds - told == set(), "who meets these, and what becomes of others?"
    assert {name for name in told if name.startswith(("max_", "MAX_"))} - bounds == set()
    assert bounds.isdisjoint(NO_BOUNDS)


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
