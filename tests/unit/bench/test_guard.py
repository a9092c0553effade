"""How the guard judges."""

from tests.bench.guard import paired_ratio


def test_the_ratio_is_that_of_neighbours() -> None:
    # The machine was twice as slow in the middle pair, and something hit one phase of the last.
    assert paired_ratio([6.0, 12.0, 6.0, 60.0], [10.0, 20.0, 10.0, 10.0]) == 0.6
