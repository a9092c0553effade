"""How counts are compared with what is written, and that they are the same every time."""

import json

import pytest

from duologue.bench.duologue_echo import PlainEcho
from tests.bench.counting import count, in_memory
from tests.bench.counts import differences, text_of

COSTS = {"python_calls": 93, "c_calls": 83, "allocated_bytes": 30_000, "peak_bytes": 1_600}


def test_equal_counts_are_no_difference() -> None:
    assert list(differences({"in memory": COSTS}, {"in memory": dict(COSTS)})) == []


@pytest.mark.parametrize("kind", ["python_calls", "c_calls"])
@pytest.mark.parametrize("more", [-1, 1])
def test_one_function_call_is_a_difference(kind: str, more: int) -> None:
    counted = {**COSTS, kind: COSTS[kind] + more}
    (said,) = differences({"in memory": COSTS}, {"in memory": counted})
    assert said == f"in memory: {kind} was {COSTS[kind]}, is {counted[kind]} ({more:+})"


@pytest.mark.parametrize(
    ("kind", "allowed"), [("allocated_bytes", 600), ("peak_bytes", 256)], ids=["share", "object"]
)
@pytest.mark.parametrize("sign", [-1, 1])
def test_bytes_may_differ_a_little(kind: str, allowed: int, sign: int) -> None:
    at_limit = {**COSTS, kind: COSTS[kind] + sign * allowed}
    above = {**COSTS, kind: COSTS[kind] + sign * (allowed + 1)}
    assert list(differences({"in memory": COSTS}, {"in memory": at_limit})) == []
    (said,) = differences({"in memory": COSTS}, {"in memory": above})
    assert kind in said


def test_a_situation_of_only_one_side_is_a_difference() -> None:
    assert sorted(differences({"gone": COSTS}, {"new": COSTS})) == [
        "gone: not counted any more",
        "new: not in the file yet",
    ]


def test_the_file_has_a_line_for_each_situation() -> None:
    situations = {"in memory": COSTS, "over loopback": COSTS}
    text = text_of({"Python": "CPython 3.11.7, Linux"}, situations)
    assert json.loads(text) == {
        "made_with": {"Python": "CPython 3.11.7, Linux"},
        "situations": situations,
    }
    assert [line.count("python_calls") for line in text.splitlines()] == [0, 0, 0, 1, 1, 0, 0]


async def test_what_a_call_does_more_is_counted_exactly() -> None:
    def nothing() -> None:
        pass

    async with in_memory(PlainEcho) as make:
        before = await count(make)

        async def with_more() -> None:
            nothing()
            abs(-1)
            await make()

        async def with_memory() -> None:
            held = bytearray(10_000)
            await make()
            del held

        more, memory = await count(with_more), await count(with_memory)
    # `nothing`, and itself twice: it is begun, and goes on when the answer is there.
    assert more.python_calls == before.python_calls + 3
    assert more.c_calls == before.c_calls + 1
    assert memory.peak_bytes >= before.peak_bytes + 10_000
    assert memory.allocated_bytes >= before.allocated_bytes + 10_000
