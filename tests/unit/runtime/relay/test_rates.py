"""How often something may happen, per key; the clock is an argument."""

from duologue.relay.rates import Rate, Usage


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


def test_what_is_to_be_left_is_a_part_of_the_rest_of_the_burst() -> None:
    rate: Rate[str] = Rate(1, 11)
    taken = 0
    while rate.take("a", 0, leaving=0.5):
        taken += 1
    assert taken == 6
    assert rate.has("a")
    assert sum(rate.take("a", 0) for _ in range(9)) == 5
    assert not rate.has("a")
    assert rate.has("b")


def test_a_full_bucket_always_has_one_to_give_however_much_is_to_be_left() -> None:
    for burst in (1, 2, 300):
        rate: Rate[str] = Rate(1, burst)
        assert rate.take("a", 0, leaving=0.999)


def test_usage_is_halved_with_each_half_life() -> None:
    usage: Usage[str] = Usage(10)
    usage.add("a", 0)
    usage.add("a", 10)
    assert usage.of("a", 10) == 1.5
    assert usage.of("a", 20) == 0.75
    assert usage.of("b", 20) == 0


def test_usage_is_remembered_of_so_many_and_longest_of_the_latest() -> None:
    usage: Usage[int] = Usage(10, max_keys=3)
    for key in range(3):
        usage.add(key, key)
    usage.add(0, 3)
    usage.add(3, 3)
    assert len(usage) == 3
    assert [usage.of(key, 3) > 0 for key in range(4)] == [True, False, True, True]


def test_usage_that_nobody_would_miss_is_forgotten() -> None:
    usage: Usage[int] = Usage(10)
    usage.add(0, 0)
    usage.add(1, 79)
    assert len(usage) == 2
    usage.add(2, 80)
    assert len(usage) == 2
    assert usage.of(0, 80) == 0


def test_a_bucket_with_one_left_has_it() -> None:
    rate: Rate[str] = Rate(1, 2)
    rate.take("a", 0)
    assert rate.has("a")
    rate.take("a", 0)
    assert not rate.has("a")
