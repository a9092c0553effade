"""When one tries again, and how often (reliability 3, row 10)."""

import random
from collections.abc import Callable

from duologue.limits import Limits
from duologue.protocol.backoff import MAX_TRIES, STEADY_S, TRIES_WINDOW_S, Backoff, full_jitter

LIMITS = Limits()


def tries_until(horizon_s: float, chance: Callable[[], float]) -> list[float]:
    """When a client tries that lost its connection at 0, and never succeeds."""
    backoff, tries, now_s = Backoff(LIMITS, chance), list[float](), 0.0
    while (now_s := backoff.next_try_s(now_s)) < horizon_s:
        tries.append(now_s)
    return tries


def test_waiting_grows_by_doubling_up_to_the_cap() -> None:
    def limit(failures: int) -> float:
        return full_jitter(failures, LIMITS, lambda: 1.0)

    assert [limit(failures) for failures in range(8)] == [0, 1, 2, 4, 8, 16, 30, 30]
    assert limit(10_000) == LIMITS.max_reconnect_pause_s


def test_the_first_pause_and_the_longest_are_limits() -> None:
    limits = Limits(reconnect_pause_s=0.01, max_reconnect_pause_s=5.0)
    pauses = [full_jitter(failures, limits, lambda: 1.0) for failures in range(1, 12)]
    assert pauses == [0.01 * 2**doublings for doublings in range(9)] + [5.0, 5.0]


def test_waiting_may_be_anything_below_that() -> None:
    assert full_jitter(5, LIMITS, lambda: 0.0) == 0
    assert full_jitter(5, LIMITS, lambda: 0.25) == 4


def test_nobody_tries_more_than_six_times_in_any_thirty_seconds() -> None:
    for seed in range(1000):
        tries = tries_until(300, random.Random(seed).random)
        for first, seventh in zip(tries, tries[MAX_TRIES:], strict=False):
            assert seventh - first >= TRIES_WINDOW_S - 1e-9


def test_the_most_unlucky_client_tries_six_times_and_then_once_the_window_has_passed() -> None:
    assert tries_until(30, lambda: 0.0) == [0.0] * MAX_TRIES
    assert tries_until(30.1, lambda: 0.0) == [*[0.0] * MAX_TRIES, *[30.0] * MAX_TRIES]


def test_even_the_first_tries_of_many_clients_are_spread_out() -> None:
    firsts = [tries_until(5, random.Random(seed).random)[0] for seed in range(2000)]
    tenths = [sum(tenth <= 10 * each < tenth + 1 for each in firsts) for tenth in range(10)]
    assert min(tenths) >= 150
    assert max(tenths) <= 250


def test_a_server_that_was_away_for_three_seconds_is_not_overrun() -> None:
    back: list[float] = []
    for seed in range(2000):
        tries = tries_until(60, random.Random(seed).random)
        back.append(next(each for each in tries if each >= 3) - 3)
    mean = sum(each < 5 for each in back) / 5
    for tenth in range(41):
        assert sum(tenth <= 10 * each < tenth + 10 for each in back) <= 2 * mean


def test_a_connection_that_has_lasted_starts_the_waiting_anew() -> None:
    backoff = Backoff(LIMITS, lambda: 1.0)
    now_s = 0.0
    for _ in range(5):
        now_s = backoff.next_try_s(now_s)
    now_s += 1000
    backoff.note_life(STEADY_S)
    assert backoff.next_try_s(now_s) == now_s + 1


def test_one_that_has_not_counts_as_a_failure_more() -> None:
    backoff = Backoff(LIMITS, lambda: 1.0)
    assert backoff.next_try_s(0.0) == 1
    backoff.note_life(STEADY_S - 0.1)
    assert backoff.next_try_s(100.0) == 102
