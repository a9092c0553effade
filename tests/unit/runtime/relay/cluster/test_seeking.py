"""One request among other nodes, step by step."""

from collections.abc import Sequence

from duologue.relay import messages
from duologue.relay.cluster.bus_messages import SpareState
from duologue.relay.cluster.seeking import Seeking, State
from duologue.relay.cluster.seeking_steps import (
    Ask,
    Cancel,
    HangUp,
    JoinLine,
    LeaveLine,
    Refuse,
    Tunnel,
    Visit,
)
from duologue.relay.cluster_limits import ClusterLimits
from duologue.relay.events import Cause

LIMITS = ClusterLimits()
FREE, REFILLING, FULL = SpareState.FREE, SpareState.REFILLING, SpareState.FULL
NOBODY = Refuse(messages.NO_LISTENER, Cause.NO_SPARE)
NO_WAY = Refuse(messages.NO_WAY, Cause.NO_WAY)


class Around:
    def __init__(self, *servers: int) -> None:
        self.up = list(servers)
        self.doubt = False
        self.bad: set[str] = set()
        self.spare_here = False

    def servers(self) -> Sequence[int]:
        return self.up

    def is_in_doubt(self) -> bool:
        return self.doubt

    def is_bad(self, node: str) -> bool:
        return node in self.bad


def seeking(around: Around, *, in_line: bool = False) -> Seeking:
    return Seeking(
        LIMITS,
        around,
        now_s=0.0,
        patience_s=2.0,
        is_in_line=in_line,
        has_spare_here=lambda: around.spare_here,
    )


def test_a_free_spare_is_visited_at_once_and_the_caller_tunnelled() -> None:
    machine = seeking(Around(0, 1))
    assert machine.start(0.0) == [Ask(0, 1)]
    assert machine.have("b", "h:1", FREE, 0.001) == [Visit("b", "h:1", 1.999)]
    assert machine.have("c", "h:2", FREE, 0.002) == []
    assert machine.accepted() == [Tunnel()]
    assert machine.state is State.DONE
    assert machine.accepted() == []


def test_nobody_is_believed_only_twice_from_every_server() -> None:
    machine = seeking(Around(0, 1))
    machine.start(0.0)
    assert machine.nobody(1, 0.001) == [Ask(1, 2)]
    assert machine.nobody(2, 0.002) == []
    assert machine.due_s == 0.002 + LIMITS.second_look_s
    assert machine.due(0.1021) == [Ask(0, 3), JoinLine()]
    assert machine.nobody(2, 0.103) == []
    assert machine.nobody(3, 0.104) == [Ask(1, 4)]
    assert machine.nobody(4, 0.105) == [NOBODY]


def test_a_silent_server_keeps_no_other_from_being_asked_again() -> None:
    machine = seeking(Around(0, 1))
    machine.start(0.0)
    assert machine.nobody(1, 0.001) == [Ask(1, 2)]
    later_s = 0.001 + LIMITS.find_again_s
    assert machine.due(later_s) == [Ask(0, 3), JoinLine()]
    assert machine.nobody(3, later_s) == [Ask(1, 4)]
    again_s = later_s + LIMITS.find_again_s
    assert machine.due(again_s) == [Ask(0, 5), JoinLine()]
    assert machine.have("b", "h:1", FREE, again_s) == [Visit("b", "h:1", 2.0 - again_s)]


def test_a_have_undoes_every_nobody() -> None:
    machine = seeking(Around(0))
    machine.start(0.0)
    machine.nobody(1, 0.001)
    machine.due(0.101)
    assert machine.have("b", "h:1", FREE, 0.102) == [Visit("b", "h:1", 2.0 - 0.102)]


def test_a_server_in_doubt_is_not_believed() -> None:
    around = Around(0)
    around.doubt = True
    machine = seeking(around)
    machine.start(0.0)
    for number in range(1, 6):
        assert machine.nobody(number, number / 10) == []
        machine.due(number / 10 + LIMITS.find_again_s)
    assert machine.due(2.0) == [NOBODY]


def test_who_stands_in_the_line_of_its_own_node_is_not_refused_by_nobody_elsewhere() -> None:
    machine = seeking(Around(0), in_line=True)
    machine.start(0.0)
    machine.nobody(1, 0.001)
    machine.due(0.101)
    assert machine.nobody(2, 0.102) == []


def test_it_leaves_its_place_in_the_line_for_a_free_spare_only() -> None:
    machine = seeking(Around(0), in_line=True)
    machine.start(0.0)
    assert machine.have("b", "h:1", REFILLING, 0.1) == []
    assert machine.have("b", "h:1", FULL, 0.2) == []
    assert machine.have("b", "h:1", FREE, 0.25) == [LeaveLine(), Visit("b", "h:1", 1.75)]
    assert not machine.is_in_line


def test_silence_is_answered_by_the_same_question_over_the_next_server() -> None:
    machine = seeking(Around(1, 0))
    assert machine.start(0.0) == [Ask(1, 1)]
    assert machine.due_s == LIMITS.find_again_s
    assert machine.due(0.25) == [Ask(0, 2), JoinLine()]
    assert machine.due(0.5) == [Ask(1, 3), JoinLine()]


def test_without_any_server_it_is_refused_when_its_patience_ends() -> None:
    machine = seeking(Around())
    assert machine.start(0.0) == []
    assert machine.due(0.25) == [JoinLine()]
    assert machine.due(2.0) == [NOBODY]
    assert not machine.asked_anyone


def test_who_waits_at_one_holder_is_cancelled_before_another_is_visited() -> None:
    machine = seeking(Around(0))
    machine.start(0.0)
    machine.have("b", "h:1", REFILLING, 0.0)
    assert machine.waiting(0.1) == [Ask(0, 2)]
    assert machine.have("c", "h:2", FREE, 0.2) == [Cancel()]
    assert machine.state is State.CANCELLING
    assert machine.cancelled(0.21) == [Visit("c", "h:2", 1.79)]


def test_an_accepted_that_crosses_a_cancel_is_used() -> None:
    machine = seeking(Around(0))
    machine.start(0.0)
    machine.have("b", "h:1", REFILLING, 0.0)
    machine.waiting(0.1)
    machine.have("c", "h:2", FREE, 0.2)
    assert machine.accepted() == [Tunnel()]


def test_a_spare_of_the_own_node_ends_the_waiting_elsewhere() -> None:
    around = Around(0)
    machine = seeking(around)
    machine.start(0.0)
    machine.have("b", "h:1", REFILLING, 0.0)
    machine.waiting(0.1)
    around.spare_here = True
    assert machine.due(0.35) == [Cancel()]
    assert machine.cancelled(0.36) == [JoinLine()]


def test_a_refusal_leads_to_the_next_answer_or_back_to_the_own_node() -> None:
    machine = seeking(Around(0))
    machine.start(0.0)
    machine.have("b", "h:1", FREE, 0.0)
    machine.have("c", "h:2", FREE, 0.01)
    assert machine.refused("full", Cause.LIMIT, "x", 0.02) == [Visit("c", "h:2", 1.98)]
    assert machine.refused("full", Cause.LIMIT, "x", 0.03) == [JoinLine()]
    assert machine.due(0.1) == [Ask(0, 2), JoinLine()]
    assert machine.due(2.0) == [Refuse("full", Cause.LIMIT, "x")]


def test_a_holder_that_was_lost_is_tried_again_but_last_and_later() -> None:
    machine = seeking(Around(0))
    machine.start(0.0)
    machine.have("b", "h:1", FREE, 0.0)
    assert machine.lost(0.01) == [JoinLine()]
    assert machine.have("b", "h:1", FREE, 0.02) == []
    assert machine.have("c", "h:2", FREE, 0.03) == [Visit("c", "h:2", 1.97)]
    machine.lost(0.04)
    assert machine.due(0.26) == [Ask(0, 2), Visit("b", "h:1", 1.74)]


def test_holders_that_cannot_be_reached_do_not_keep_others_from_being_asked() -> None:
    machine = seeking(Around(0))
    machine.start(0.0)
    machine.have("b", "h:1", FREE, 0.0)
    machine.lost(0.0)
    asked = 1
    now_s = 0.0
    while machine.due_s < 1.9:
        # A timer is late by more than it takes to be refused.
        now_s = machine.due_s + 0.001
        steps = machine.due(now_s)
        asked += sum(isinstance(each, Ask) for each in steps)
        if machine.state is State.OPENING:
            machine.lost(now_s)
    assert asked == 8
    assert machine.have("c", "h:2", FREE, now_s) == [Visit("c", "h:2", 2 - now_s)]


def test_two_holders_that_say_nothing_do_not_either() -> None:
    machine = Seeking(
        ClusterLimits(link_open_timeout_s=0.3),
        Around(0),
        now_s=0.0,
        patience_s=2.0,
        is_in_line=False,
        has_spare_here=lambda: False,
    )
    machine.start(0.0)
    machine.have("b", "h:1", FREE, 0.0)
    machine.have("c", "h:2", FREE, 0.0)
    asked_s: list[float] = []
    while machine.due_s < 1.9:
        now_s = machine.due_s + 0.001
        if any(isinstance(each, Ask) for each in machine.due(now_s)):
            asked_s.append(now_s)
    assert len(asked_s) >= 5


def test_a_node_that_could_not_be_connected_lately_is_the_last_choice() -> None:
    around = Around(0)
    around.bad.add("b")
    machine = seeking(around)
    machine.start(0.0)
    assert machine.have("b", "h:1", FREE, 0.001) == []
    assert machine.have("c", "h:2", FREE, 0.002) == [Visit("c", "h:2", 1.998)]


def test_a_bad_node_is_not_left_out() -> None:
    around = Around(0)
    around.bad.add("b")
    machine = seeking(around)
    machine.start(0.0)
    machine.have("b", "h:1", FREE, 0.0)
    assert machine.due(LIMITS.second_look_s) == [Visit("b", "h:1", 1.9)]


def test_holders_that_answer_and_cannot_be_reached_are_named_as_the_cause() -> None:
    machine = seeking(Around(0))
    machine.start(0.0)
    machine.have("b", "h:1", FREE, 0.0)
    assert machine.due(1.0) == [HangUp(), Ask(0, 2), JoinLine()]
    machine.have("b", "h:1", FREE, 1.1)
    assert machine.due(1.25) == [Ask(0, 3), Visit("b", "h:1", 0.75)]
    assert machine.due(2.25) == [HangUp(), NO_WAY]


def test_an_open_visit_may_settle_after_the_patience_but_not_after_the_deadline() -> None:
    machine = seeking(Around(0))
    machine.start(0.0)
    machine.have("b", "h:1", REFILLING, 0.0)
    machine.waiting(0.1)
    assert machine.due(2.0) == []
    assert machine.due_s == LIMITS.request_deadline_s
    assert machine.due(3.0) == [HangUp(), NOBODY]
    assert machine.accepted() == []


def test_a_caller_that_leaves_ends_its_visit() -> None:
    machine = seeking(Around(0))
    machine.start(0.0)
    machine.have("b", "h:1", FREE, 0.0)
    assert machine.end() == [HangUp()]
    assert machine.end() == []
