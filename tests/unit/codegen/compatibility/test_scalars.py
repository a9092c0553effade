"""Which scalars hold which others, with their bounds."""

import pytest

from duologue_codegen.compatibility.scalars import scalar_within
from duologue_codegen.model import Constraints, ScalarKind

FREE = Constraints()


def within(
    kind: str, into: str, bounds: Constraints = FREE, into_bounds: Constraints = FREE
) -> bool:
    return scalar_within(ScalarKind(kind), bounds, ScalarKind(into), into_bounds)


@pytest.mark.parametrize(
    ("kind", "into"),
    [
        ("int32", "int"),
        ("uint32", "int"),
        ("int", "float"),
        ("uint64", "decimal"),
        ("uuid", "string"),
        ("bytes", "string"),
        ("string", "json"),
        ("bool", "json"),
    ],
)
def test_wider_scalars_hold_narrower_ones(kind: str, into: str) -> None:
    assert within(kind, into)
    assert not within(into, kind)


@pytest.mark.parametrize(
    ("kind", "into"),
    [
        ("int", "int64"),
        ("int", "string"),
        ("uint32", "int32"),
        ("uint64", "int64"),
        ("date", "time"),
    ],
)
def test_others_hold_none_of_each_other(kind: str, into: str) -> None:
    assert not within(kind, into)
    assert not within(into, kind)


def test_bounds_that_say_the_same_are_the_same() -> None:
    assert within("int", "int", Constraints(gt=0), Constraints(min=1))
    assert within("int", "int", Constraints(min=1), Constraints(gt=0))
    assert within("int32", "int", FREE, Constraints(max=2**31 - 1))
    assert not within("float", "float", Constraints(gt=0), Constraints(min=1))
    assert within("float", "float", Constraints(gt=0), Constraints(min=0))
    assert not within("float", "float", Constraints(min=0), Constraints(gt=0))


def test_a_number_of_twos_holds_all_numbers_of_fours() -> None:
    assert within("int", "int", Constraints(multiple_of=4), Constraints(multiple_of=2))
    assert not within("int", "int", Constraints(multiple_of=2), Constraints(multiple_of=4))
    assert within("int", "float", FREE, Constraints(multiple_of=0.5))
    assert within("float", "float", Constraints(multiple_of=0.3), Constraints(multiple_of=0.1))


def test_texts_are_held_by_length_and_pattern() -> None:
    assert within("string", "string", Constraints(max=3), Constraints(max=4))
    assert not within("string", "string", Constraints(max=4), Constraints(max=3))
    assert within("string", "string", Constraints(pattern="a", max=3), Constraints(pattern="a"))
    assert not within("string", "string", Constraints(pattern="a"), Constraints(pattern="b"))
    assert within("uuid", "string", FREE, Constraints(min=1))
    assert not within("bytes", "string", FREE, Constraints(min=1))
