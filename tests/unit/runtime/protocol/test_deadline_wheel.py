"""The wheel of deadlines, driven by numbers."""

from duologue.protocol.deadline_wheel import TICK_S, DeadlineWheel


def test_an_empty_wheel_has_nothing_due() -> None:
    wheel: DeadlineWheel[str] = DeadlineWheel()
    assert wheel.next_due_s() is None
    assert wheel.expired(1e9) == []


def test_a_deadline_is_never_early_and_at_most_a_tick_late() -> None:
    wheel: DeadlineWheel[str] = DeadlineWheel()
    wheel.add("a", 5.001)
    assert wheel.expired(5.001) == []
    due_s = wheel.next_due_s()
    assert due_s is not None
    assert 5.001 <= due_s <= 5.001 + TICK_S
    assert wheel.expired(due_s) == ["a"]


def test_a_deadline_expires_once() -> None:
    wheel: DeadlineWheel[str] = DeadlineWheel()
    wheel.add("a", 1.0)
    assert wheel.expired(2.0) == ["a"]
    assert wheel.expired(2.0) == []
    assert wheel.next_due_s() is None


def test_deadlines_expire_earliest_first() -> None:
    wheel: DeadlineWheel[str] = DeadlineWheel()
    for key, due_s in (("c", 3.0), ("a", 1.0), ("b", 2.0), ("d", 4.0)):
        wheel.add(key, due_s)
    assert wheel.next_due_s() == 1.0
    assert wheel.expired(3.0) == ["a", "b", "c"]
    assert wheel.next_due_s() == 4.0


def test_deadlines_of_one_tick_share_it() -> None:
    wheel: DeadlineWheel[str] = DeadlineWheel()
    assert wheel.add("a", 1.001) == wheel.add("b", 1.009)
    assert sorted(wheel.expired(1.01)) == ["a", "b"]


def test_a_discarded_deadline_does_not_expire() -> None:
    wheel: DeadlineWheel[str] = DeadlineWheel()
    tick = wheel.add("a", 1.0)
    wheel.add("b", 2.0)
    wheel.discard(tick, "a")
    assert wheel.next_due_s() == 2.0
    assert wheel.expired(9.0) == ["b"]


def test_discarding_the_last_one_leaves_nothing_due() -> None:
    wheel: DeadlineWheel[str] = DeadlineWheel()
    wheel.discard(wheel.add("a", 1.0), "a")
    assert wheel.next_due_s() is None


def test_discarding_what_has_expired_is_no_mistake() -> None:
    wheel: DeadlineWheel[str] = DeadlineWheel()
    tick = wheel.add("a", 1.0)
    wheel.expired(1.0)
    wheel.discard(tick, "a")
    wheel.discard(tick, "never filed")


def test_a_tick_that_has_passed_can_be_used_again() -> None:
    wheel: DeadlineWheel[str] = DeadlineWheel()
    wheel.add("a", 1.0)
    wheel.expired(1.0)
    wheel.add("b", 1.0)
    assert wheel.expired(1.0) == ["b"]
