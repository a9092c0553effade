"""Events for one subscriber alone, and who is to be told that one was lost (PROTOCOL 14.4)."""

import pytest

from duologue.protocol.lineages import Lineages


def test_each_subscription_has_an_epoch_that_is_known_again() -> None:
    lineages = Lineages("ab12")
    first, second = lineages.begin(), lineages.begin()
    assert lineages.epoch_of(first) != lineages.epoch_of(second)
    assert lineages.find(lineages.epoch_of(second)) == ("ab12", second)


@pytest.mark.parametrize(
    "epoch", ["cd34.1", "ab12", "ab12.", "ab12.0", "ab12.2", "ab12.-1", "ab12.x", "ab12.1.1",
              "ab12." + "1" * 5000, "ab12.\u0661", ""]
)  # fmt: skip
def test_what_was_never_begun_here_is_no_lineage(epoch: str) -> None:
    lineages = Lineages("ab12")
    lineages.begin()
    assert lineages.find(epoch)[1] is None


def test_who_had_an_event_alone_behind_its_cursor_has_lost_it_and_nobody_else_has() -> None:
    lineages = Lineages("e")
    mine, other = lineages.begin(), lineages.begin()
    lineages.note(mine, 7)
    assert lineages.has_lost(mine, 6)
    assert not lineages.has_lost(mine, 7)
    assert not lineages.has_lost(other, 0)
    assert not lineages.has_lost(None, 0)


def test_one_that_has_ended_has_lost_nothing() -> None:
    lineages = Lineages("e")
    mine = lineages.begin()
    lineages.note(mine, 7)
    lineages.end(mine)
    lineages.end(mine)
    assert not lineages.has_lost(mine, 0)


def test_above_the_bound_the_one_noted_first_may_have_lost_something_for_ever() -> None:
    lineages = Lineages("e", max_remembered=2)
    first, second, third, fourth = (lineages.begin() for _ in range(4))
    lineages.note(first, 1)
    lineages.note(second, 2)
    lineages.note(first, 3)
    assert not lineages.has_lost(third, 0)
    lineages.note(third, 4)
    assert lineages.has_lost(first, 2)
    assert not lineages.has_lost(first, 3)
    # Nobody knows any more whose the second event was.
    assert lineages.has_lost(second, 1)
    assert lineages.has_lost(fourth, 1)
    assert not lineages.has_lost(fourth, 2)
