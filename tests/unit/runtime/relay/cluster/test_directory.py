"""For which keys a node answers, and how long."""

from duologue.relay.cluster.bus_messages import MOST_FREE, SpareState
from duologue.relay.cluster.directory import Announce, Directory, TakeBack
from duologue.relay.cluster_limits import ClusterLimits

KEY = b"K" * 32
LIMITS = ClusterLimits()


class Desk:
    def __init__(self) -> None:
        self.free, self.is_full = 2, False
        self.directory = Directory(LIMITS, lambda _: (self.free, self.is_full))


def test_a_key_is_announced_with_its_first_spare_and_taken_back_when_its_listener_is_lost() -> None:
    directory = Desk().directory
    assert directory.gain(KEY) == [Announce(KEY)]
    assert directory.lose(KEY, 1.0, comes_back=False) == [TakeBack(KEY)]
    assert directory.answer(KEY) is None
    assert len(directory) == 0


def test_after_its_last_spare_was_used_it_lingers_and_says_so() -> None:
    directory = Desk().directory
    directory.gain(KEY)
    assert directory.lose(KEY, 1.0, comes_back=True) == []
    assert directory.answer(KEY) == (SpareState.REFILLING, 0)
    assert list(directory) == [KEY]
    assert directory.due(1.0 + LIMITS.linger_s - 0.02) == []
    assert directory.due(1.0 + LIMITS.linger_s + 0.02) == [TakeBack(KEY)]


def test_a_key_that_comes_back_while_it_lingers_needs_no_announcing() -> None:
    directory = Desk().directory
    directory.gain(KEY)
    directory.lose(KEY, 1.0, comes_back=True)
    assert directory.gain(KEY) == []
    assert directory.due(100.0) == []
    assert directory.answer(KEY) == (SpareState.FREE, 2)


def test_it_says_what_a_visit_would_find() -> None:
    desk = Desk()
    desk.directory.gain(KEY)
    desk.free = 1_000
    assert desk.directory.answer(KEY) == (SpareState.FREE, MOST_FREE)
    desk.is_full = True
    assert desk.directory.answer(KEY) == (SpareState.FULL, 0)
    desk.free, desk.is_full = 0, False
    assert desk.directory.answer(KEY) == (SpareState.REFILLING, 0)


def test_a_node_that_drains_sends_nobody_away_and_lets_nobody_come() -> None:
    desk = Desk()
    desk.directory.gain(KEY)
    desk.directory.is_draining = True
    assert desk.directory.answer(KEY) == (SpareState.REFILLING, 0)


def test_a_key_that_was_never_there_changes_nothing_when_it_is_lost() -> None:
    assert Desk().directory.lose(KEY, 1.0, comes_back=True) == []
