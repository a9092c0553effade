"""Charts: numbers on axes, and small print that stays within the picture."""

import pytest

from tests.bench.svg import SMALL_PRINT_CHARACTERS, Chart, Line, nice_ceiling, shown


@pytest.mark.parametrize(
    ("value", "ceiling"), [(0.7, 1), (1, 1), (1.1, 2), (3, 5), (51, 100), (0, 1)]
)
def test_an_axis_ends_at_a_round_number(value: float, ceiling: float) -> None:
    assert nice_ceiling(value) == ceiling


def test_numbers_on_axes_are_short() -> None:
    assert [shown(each) for each in (0.25, 5, 1500, 64_000)] == ["0.25", "5", "1,500", "64k"]


def test_small_print_is_broken_into_lines() -> None:
    chart = Chart(
        title="Growth",
        x="listeners",
        y="MiB",
        lines=[Line("relay", [(100, 50.0), (10_000, 150.0)])],
        small_print="words " * 50,
    )
    lines = [line for line in chart.svg().splitlines() if 'font-size="9"' in line]
    assert len(lines) == 3
    assert all(len(line.split(">")[1]) <= SMALL_PRINT_CHARACTERS + 10 for line in lines)
