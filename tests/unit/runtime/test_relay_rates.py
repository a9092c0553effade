"""How often something may happen, per key; the clock is an argument."""

from duologue.relay.rates import Rate


def test_as_many_as_the_burst_come_at_once_and_not_one_more() -> None:
    rate: Rate[str] = Rate(1, 3)
    assert [rate.take("a", 0) for _ in range(4)] == [True, True, True, False]


def test_in_the_long_run_as_many_come_as_the_rate_says() -> None:
    rate: Rate[str] = Rate(2, 4)
    taken = sum(rate.take("a", number / 100) for number in range(10_000))
    assert 200 <= taken <= 204


def test_one_key_does_not_count_for_another() -> None:
    rate: Rate[str] = Rate(1, 1)
    assert rate.take("a", 0)
    assert rate.take("b", 0)


def test_a_refused_one_costs_nothing() -> None:
    rate: Rate[str] = Rate(1, 1)
    rate.take("a", 0)
    for _ in range(100):
        assert not rate.take("a", 0.9)
    assert rate.take("a", 1)


def test_what_is_given_back_can_be_taken_again_but_not_twice() -> None:
    rate: Rate[str] = Rate(0.001, 2)
    rate.take("a", 0)
    for _ in range(5):
        rate.give_back("a")
    rate.give_back("never taken")
    assert [rate.take("a", 0) for _ in range(3)] == [True, True, False]


def test_a_burst_below_one_still_lets_one_through() -> None:
    rate: Rate[str] = Rate(0.01, 0.2)
    assert rate.take("a", 0)
    assert not rate.take("a", 50)


def test_memory_is_bounded_however_many_keys_come() -> None:
    rate: Rate[int] = Rate(1, 1, max_keys=100)
    for key in range(10_000):
        rate.take(key, 0)
        assert len(rate) <= 100


def test_those_in_debt_are_remembered_longer_than_those_that_are_not() -> None:
    rate: Rate[int] = Rate(1, 2, max_keys=10)
    rate.take(0, 0)
    for key in range(1, 10):
        rate.take(key, -100)
    for _ in range(2):
        rate.take(0, 0)
    rate.take(11, 0)
    assert not rate.take(0, 0)
