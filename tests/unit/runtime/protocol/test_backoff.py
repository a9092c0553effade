"""When one tries again, and how often (reliability 3, row 10)."""

import random
from collections.abc import Callable

import pytest

from duologue.errors import (
    ConnectionClosed,
    DuologueError,
    HttpRefused,
    HttpUnavailable,
    RelayUnreachable,
)
from duologue.protocol.backoff import (
    HASTE_S,
    MAX_TRIES,
    MAX_WISHED_PAUSE_S,
    STEADY_S,
    TRIES_WINDOW_S,
    Backoff,
    Tries,
    wished_pause_s,
)

ALWAYS_LONGEST, ALWAYS_SHORTEST = (lambda: 1.0), (lambda: 0.0)


def pauses_of(backoff: Backoff, chance: Callable[[], float], count: int = 10) -> list[float]:
    return [backoff.pause_s(failures, chance) for failures in range(1, count + 1)]


def tries_until(horizon_s: float, chance: Callable[[], float]) -> list[float]:
    """When a client tries that lost its connection at 0, and never succeeds."""
    tries, times = Tries(Backoff(), chance), list[float]()
    while (now_s := tries.next_try_s(times[-1] if times else 0.0)) < horizon_s:
        tries.begin(now_s)
        times.append(now_s)
    return times


def no_window_has_more_than_six(times: list[float]) -> bool:
    later = zip(times, times[MAX_TRIES:], strict=False)
    return all(seventh - first >= TRIES_WINDOW_S - 1e-9 for first, seventh in later)


# -- pauses -------------------------------------------------------------------------------------


def test_the_first_pauses_are_short_and_only_then_they_double() -> None:
    assert pauses_of(Backoff(), ALWAYS_LONGEST) == [1, 2, 2, 2, 4, 8, 16, 30, 30, 30]
    assert pauses_of(Backoff(), ALWAYS_SHORTEST) == [0, 1, 1, 1, 2, 4, 8, 15, 15, 15]
    assert Backoff().pause_s(10_000, ALWAYS_LONGEST) == 30


def test_the_first_pause_and_the_longest_are_the_users() -> None:
    backoff = Backoff(first_s=0.5, max_s=3.0)
    assert pauses_of(backoff, ALWAYS_LONGEST, 7) == [0.5, 1, 1, 1, 2, 3, 3]


def test_jitter_says_how_much_of_it_is_chance() -> None:
    assert pauses_of(Backoff(jitter=0), ALWAYS_SHORTEST, 5) == [1, 2, 2, 2, 4]
    assert pauses_of(Backoff(jitter=0.5), ALWAYS_SHORTEST, 5) == [0.5, 1.5, 1.5, 1.5, 3]


@pytest.mark.parametrize(
    "values", [(0,), (-1,), (2, 1), (1, float("inf")), (float("nan"),), (1, 30, -0.1), (1, 30, 1.1)]
)
def test_values_that_make_no_sense_are_refused(values: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="Backoff"):
        Backoff(*values)


# -- how often ----------------------------------------------------------------------------------


def test_nobody_tries_more_than_six_times_in_any_thirty_seconds() -> None:
    for seed in range(1000):
        assert no_window_has_more_than_six(tries_until(300, random.Random(seed).random))


def test_not_even_if_calls_come_all_the_time_and_connections_are_made_and_lost() -> None:
    for seed in range(1000):
        chance = random.Random(seed)
        tries, times, now_s = Tries(Backoff(), chance.random), list[float](), 0.0
        due_s = tries.next_try_s(now_s)
        while now_s < 300:
            now_s += chance.expovariate(5)
            others_wait = chance.random() < 0.5
            if now_s >= due_s or tries.may_hasten(now_s, others_wait=others_wait):
                tries.begin(now_s)
                times.append(now_s)
                due_s = tries.next_try_s(now_s)
        assert no_window_has_more_than_six(times)


def test_a_server_that_was_away_for_three_seconds_is_found_within_two() -> None:
    back: list[float] = []
    for seed in range(2000):
        tries = tries_until(60, random.Random(seed).random)
        back.append(next(each for each in tries if each >= 3) - 3)
    assert max(back) <= 2
    # No storm: no tenth of a second has more than twice its share of these two seconds.
    for tenth in range(20):
        assert sum(tenth <= 10 * each < tenth + 1 for each in back) <= 2 * len(back) / 20


@pytest.mark.parametrize("away_s", [10, 20, 30, 60, 300])
def test_after_a_longer_time_many_clients_come_back_spread_over_seconds(away_s: float) -> None:
    """Those who have had their six tries in half a minute do not all come when it is over."""
    back: list[float] = []
    for seed in range(2000):
        tries = tries_until(away_s + 60, random.Random(seed).random)
        back.append(next(each for each in tries if each >= away_s) - away_s)
    seconds = [sum(second <= each < second + 1 for each in back) for second in range(61)]
    assert max(seconds) <= len(back) / 4


def test_even_the_first_tries_of_many_clients_are_spread_out() -> None:
    firsts = [tries_until(5, random.Random(seed).random)[0] for seed in range(2000)]
    tenths = [sum(tenth <= 10 * each < tenth + 1 for each in firsts) for tenth in range(10)]
    assert min(tenths) >= 150
    assert max(tenths) <= 250


def test_a_connection_that_has_lasted_starts_the_waiting_anew() -> None:
    tries = Tries(Backoff(), ALWAYS_LONGEST)
    for _ in range(5):
        tries.next_try_s(0.0)
    tries.note_life(STEADY_S - 0.1)
    assert tries.next_try_s(100.0) == 108
    tries.note_life(STEADY_S)
    assert tries.next_try_s(1000.0) == 1001


# -- calls that wait ----------------------------------------------------------------------------


def test_a_call_makes_the_next_try_come_once_the_last_is_a_second_ago() -> None:
    tries = Tries(Backoff(), ALWAYS_LONGEST)
    assert tries.may_hasten(0.0, others_wait=False)
    tries.begin(5.0)
    assert not tries.may_hasten(5.0 + HASTE_S - 0.1, others_wait=False)
    assert tries.may_hasten(5.0 + HASTE_S, others_wait=False)


def test_calls_that_join_others_do_not_use_up_the_last_tries_of_a_window() -> None:
    tries = Tries(Backoff(), ALWAYS_LONGEST)
    for time_s in (0.0, 2.0, 4.0, 6.0):
        assert tries.may_hasten(time_s, others_wait=True)
        tries.begin(time_s)
    assert not tries.may_hasten(20.0, others_wait=True)
    assert tries.may_hasten(20.0, others_wait=False)
    assert tries.may_hasten(TRIES_WINDOW_S, others_wait=True)


def test_clients_that_call_all_the_time_do_not_come_back_in_the_same_moment() -> None:
    froms: set[int] = set()
    for seed in range(100):
        tries = Tries(Backoff(), random.Random(seed).random)
        tries.begin(0.0)
        times = [tenth / 10 for tenth in range(31)]
        froms.add(
            int(10 * next(each for each in times if tries.may_hasten(each, others_wait=True)))
        )
    assert len(froms) >= 8


# -- when the other side says how long ----------------------------------------------------------


def test_what_the_other_side_wishes_is_obeyed_by_tries_and_calls() -> None:
    tries = Tries(Backoff(), ALWAYS_LONGEST)
    tries.begin(0.0)
    tries.wait_for(20.0, 0.0)
    assert not tries.may_hasten(19.9, others_wait=False)
    assert tries.may_hasten(20.0, others_wait=False)
    assert tries.next_try_s(0.0) == 21
    tries.wait_for(0.0, 20.0)
    assert tries.next_try_s(20.0) == 22


def test_those_who_are_told_the_same_do_not_come_in_the_same_moment() -> None:
    due: list[float] = []
    for seed in range(100):
        tries = Tries(Backoff(), random.Random(seed).random)
        tries.begin(0.0)
        tries.wait_for(20.0, 0.0)
        due.append(tries.next_try_s(0.0))
    assert 20 <= min(due) < 20.1
    assert 20.5 < max(due) < 21


def test_without_jitter_it_is_tried_as_soon_as_the_other_side_wishes() -> None:
    tries = Tries(Backoff(jitter=0), ALWAYS_LONGEST)
    tries.wait_for(20.0, 0.0)
    assert tries.next_try_s(0.0) == 20


def caused_by(error: DuologueError, cause: DuologueError) -> DuologueError:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (HttpUnavailable("answered 503", 503), 0),
        (HttpUnavailable("answered 503", 503, 7), 7),
        (HttpRefused("answered 404", 404, MAX_WISHED_PAUSE_S), MAX_WISHED_PAUSE_S),
        (HttpUnavailable("answered 503", 503, 86_400), MAX_WISHED_PAUSE_S),
        (caused_by(RelayUnreachable("away"), HttpUnavailable("answered 503", 503, 7)), 7),
        (ConnectionClosed(1006, "nobody there"), 0),
    ],
    ids=lambda part: type(part).__name__ if isinstance(part, Exception) else "",
)
def test_a_wish_is_found_and_bounded(error: DuologueError, seconds: float) -> None:
    assert wished_pause_s(error) == seconds


def test_the_first_pause_may_be_the_longest() -> None:
    assert Backoff(first_s=2.0, max_s=2.0).pause_s(9, lambda: 1.0) == 2.0
