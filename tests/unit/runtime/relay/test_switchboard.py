"""Who listens, who waits, who speaks with whom: with literals and a clock that is an argument."""

import pytest

from duologue.relay.actions import Action, Close, Drop, HandOver, SendPing
from duologue.relay.events import Cause, Leg
from duologue.relay.limits import RelayLimits
from duologue.relay.messages import DRAINING, NO_LISTENER
from duologue.relay.switchboard import (
    Switchboard,
)

PROVIDER = b"P" * 32
OTHER = b"O" * 32
CALLER = b"C" * 32
HERE = "192.0.2.1"
THERE = "198.51.100.7"


def board(
    *,
    max_spares_per_key: int = 8,
    max_pairs_per_key: int = 64,
    max_pairs: int = 5000,
    max_waiting_per_target: int = 32,
    spare_age_s: float = 3600,
) -> Switchboard:
    return Switchboard(
        RelayLimits(
            max_spares_per_key=max_spares_per_key,
            max_pairs_per_key=max_pairs_per_key,
            max_pairs=max_pairs,
            max_waiting_per_target=max_waiting_per_target,
            spare_age_s=spare_age_s,
            request_burst_per_address_and_target=100,
            requests_per_min_per_address_and_target=6000,
            requests_per_min_per_address=6000,
            requests_per_min_per_target=6000,
        )
    )


def register(board: Switchboard, leg: int, now_s: float = 0, key: bytes = PROVIDER) -> list[Action]:
    return board.register(Leg(leg), key, HERE, now_s)


def request(
    board: Switchboard, leg: int, now_s: float = 0, target: bytes = PROVIDER, address: str = HERE
) -> list[Action]:
    return board.request(Leg(leg), CALLER, target, address, now_s)


def joined(leg: int, listener: int) -> list[Action]:
    return [HandOver(Leg(leg), Leg(listener), CALLER, PROVIDER)]


def refused(leg: int) -> list[Action]:
    return [Close(Leg(leg), NO_LISTENER, Cause.NO_SPARE)]


def over(leg: int, limit: str, actions: list[Action]) -> bool:
    [action] = actions
    return isinstance(action, Close) and (action.leg, action.cause, action.limit) == (
        leg,
        Cause.LIMIT,
        limit,
    )


def test_a_request_gets_the_newest_spare() -> None:
    switchboard = board()
    for leg in (1, 2, 3):
        assert register(switchboard, leg) == []
    assert request(switchboard, 10) == joined(10, 3)
    assert request(switchboard, 11) == joined(11, 2)
    assert (switchboard.spares, switchboard.pairs) == (1, 2)


def test_a_key_nobody_registered_is_refused_at_once() -> None:
    assert request(board(), 1) == refused(1)


def test_a_key_whose_last_spare_has_gone_is_forgotten() -> None:
    switchboard = board()
    register(switchboard, 1)
    assert switchboard.leave(Leg(1), 0.0) is None
    assert switchboard.keys == 0
    assert request(switchboard, 2) == refused(2)


def test_after_a_handover_a_request_waits_for_the_refill() -> None:
    switchboard = board()
    register(switchboard, 1)
    request(switchboard, 10, now_s=5)
    assert request(switchboard, 11, now_s=7) == []
    assert register(switchboard, 2, now_s=8.5) == joined(11, 2)
    assert switchboard.spares == 0


def test_waiting_ends_after_two_seconds() -> None:
    switchboard = board()
    register(switchboard, 1)
    request(switchboard, 10, now_s=5)
    request(switchboard, 11, now_s=6)
    assert switchboard.due(7.99) == []
    assert switchboard.due(8.01) == refused(11)
    assert register(switchboard, 2, now_s=9) == []


def test_long_after_a_handover_nobody_waits() -> None:
    switchboard = board()
    register(switchboard, 1)
    request(switchboard, 10, now_s=5)
    assert request(switchboard, 11, now_s=7.1) == refused(11)


def test_just_after_the_start_a_request_waits_for_a_listener_to_come_back() -> None:
    switchboard = Switchboard(RelayLimits(), started_s=0)
    assert request(switchboard, 11, now_s=0.5) == []
    assert request(switchboard, 12, now_s=9.9) == []
    assert register(switchboard, 2, now_s=9.95) == joined(11, 2)
    assert switchboard.due(9.98) == []
    assert switchboard.due(10.1) == refused(12)
    assert request(switchboard, 13, now_s=12.5, target=OTHER) == refused(13)


def test_a_key_that_had_come_back_and_is_gone_is_not_waited_for() -> None:
    switchboard = Switchboard(RelayLimits(), started_s=0)
    register(switchboard, 1, now_s=1)
    switchboard.leave(Leg(1), 0.0)
    assert request(switchboard, 11, now_s=2) == refused(11)


def test_waiting_for_listeners_is_bounded_as_all_waiting() -> None:
    switchboard = Switchboard(RelayLimits(max_waiting_per_target=1), started_s=0)
    assert request(switchboard, 11, now_s=1) == []
    assert over(12, "max_waiting_per_target", request(switchboard, 12, now_s=1))


def test_requests_wait_in_their_order() -> None:
    switchboard = board()
    register(switchboard, 1)
    request(switchboard, 10)
    request(switchboard, 11)
    request(switchboard, 12)
    assert register(switchboard, 2) == joined(11, 2)
    assert register(switchboard, 3) == joined(12, 3)


def test_a_caller_that_leaves_while_waiting_gets_no_spare() -> None:
    switchboard = board()
    register(switchboard, 1)
    request(switchboard, 10)
    request(switchboard, 11)
    switchboard.leave(Leg(11), 0.0)
    assert register(switchboard, 2) == []
    assert (switchboard.spares, switchboard.waiting) == (1, 0)


def test_spares_are_pinged_and_dropped_without_a_pong() -> None:
    switchboard = board()
    register(switchboard, 1, now_s=0)
    assert switchboard.next_due_s() == pytest.approx(20)
    assert switchboard.due(20) == [SendPing(Leg(1))]
    assert switchboard.receive_pong(Leg(1), 29.9) == []
    assert switchboard.due(49.8) == []
    assert switchboard.due(50) == [SendPing(Leg(1))]
    assert switchboard.due(60) == [Drop(Leg(1), "Ping: Connection timed out", Cause.NO_PONG)]
    assert switchboard.spares == 0


def test_a_pong_without_a_ping_ends_the_spare() -> None:
    switchboard = board()
    register(switchboard, 1)
    [action] = switchboard.receive_pong(Leg(1), 1)
    assert isinstance(action, Close)
    assert action.cause is Cause.BAD_MESSAGE


def test_a_spare_that_owes_a_pong_is_not_handed_out_before_it() -> None:
    switchboard = board()
    register(switchboard, 1, now_s=0)
    register(switchboard, 2, now_s=1)
    assert switchboard.due(21) == [SendPing(Leg(1)), SendPing(Leg(2))]
    switchboard.receive_pong(Leg(1), 21.1)
    assert request(switchboard, 10, now_s=21.2) == joined(10, 1)
    assert request(switchboard, 11, now_s=21.3) == []
    assert switchboard.receive_pong(Leg(2), 21.4) == joined(11, 2)


def test_an_old_spare_is_closed_instead_of_pinged() -> None:
    switchboard = board(spare_age_s=30)
    register(switchboard, 1, now_s=0)
    switchboard.due(20)
    switchboard.receive_pong(Leg(1), 20)
    [action] = switchboard.due(40)
    assert isinstance(action, Close)
    assert action.cause is Cause.SPARE_AGE
    # Its listener is on its way back: a request waits for it.
    assert request(switchboard, 10, now_s=41) == []
    assert register(switchboard, 2, now_s=41.5) == joined(10, 2)


@pytest.mark.parametrize(("age_s", "is_old"), [(20.0, True), (20.5, False)])
def test_a_spare_is_old_when_its_time_is_full(age_s: float, is_old: bool) -> None:
    switchboard = board(spare_age_s=age_s)
    register(switchboard, 1, now_s=0)
    [action] = switchboard.due(20)
    assert isinstance(action, Close) is is_old


def test_that_a_key_was_asked_for_is_known_as_long_as_a_request_waits_for_it() -> None:
    switchboard = board()
    register(switchboard, 1, now_s=0)
    register(switchboard, 2, now_s=0, key=OTHER)
    request(switchboard, 10, now_s=0)
    wait_s = RelayLimits().spare_wait_s
    # Another key's handover is when the old ones are forgotten.
    request(switchboard, 11, now_s=wait_s, target=OTHER)
    assert request(switchboard, 12, now_s=wait_s) == []


def test_leaving_a_pair_names_the_partner_once() -> None:
    switchboard = board()
    register(switchboard, 1)
    request(switchboard, 10)
    assert switchboard.leave(Leg(10), 0.0) == 1
    assert switchboard.leave(Leg(1), 0.0) is None
    assert switchboard.pairs == 0


def test_a_key_has_as_many_spares_as_it_may_and_no_more() -> None:
    switchboard = board(max_spares_per_key=2)
    assert register(switchboard, 1) == []
    assert switchboard.admit_registration(Leg(2), PROVIDER, HERE, 0) is None
    assert register(switchboard, 2) == []
    refusal = switchboard.admit_registration(Leg(3), PROVIDER, HERE, 0)
    assert refusal is not None
    assert refusal.limit == "max_spares_per_key"
    assert over(3, "max_spares_per_key", register(switchboard, 3))
    assert register(switchboard, 4, key=OTHER) == []


def test_a_key_has_as_many_pairs_as_it_may_and_no_more() -> None:
    switchboard = board(max_pairs_per_key=2)
    for leg in (1, 2, 3):
        register(switchboard, leg)
    assert request(switchboard, 10) == joined(10, 3)
    assert request(switchboard, 11) == joined(11, 2)
    assert over(12, "max_pairs_per_key", request(switchboard, 12))
    switchboard.leave(Leg(10), 0.0)
    assert request(switchboard, 13) == joined(13, 1)


def test_an_address_without_a_pair_waits_for_the_end_of_one() -> None:
    switchboard = board(max_pairs_per_key=1)
    register(switchboard, 1)
    register(switchboard, 2)
    assert request(switchboard, 10) == joined(10, 2)
    assert request(switchboard, 11, now_s=1, address=THERE) == []
    assert switchboard.due(1) == []
    switchboard.leave(Leg(10), 0.0)
    assert switchboard.next_due_s() == 0
    assert switchboard.due(1.5) == joined(11, 1)
    assert (switchboard.waiting, switchboard.pairs) == (0, 1)


def test_waiting_for_the_end_of_a_pair_ends_after_two_seconds() -> None:
    switchboard = board(max_pairs_per_key=1)
    register(switchboard, 1)
    register(switchboard, 2)
    request(switchboard, 10)
    assert request(switchboard, 11, now_s=1, address=THERE) == []
    assert switchboard.due(2.99) == []
    assert over(11, "max_pairs_per_key", switchboard.due(3.01))
    switchboard.leave(Leg(10), 0.0)
    assert switchboard.due(3.1) == []


def test_of_those_that_wait_no_more_are_joined_than_may_be() -> None:
    switchboard = board(max_pairs_per_key=2)
    register(switchboard, 1)
    request(switchboard, 10)
    assert request(switchboard, 11) == []
    assert request(switchboard, 12) == []
    assert register(switchboard, 2) == joined(11, 2)
    assert register(switchboard, 3) == []
    switchboard.leave(Leg(11), 0.0)
    assert switchboard.due(0) == joined(12, 3)


def test_the_relay_has_as_many_pairs_as_it_may_and_no_more() -> None:
    switchboard = board(max_pairs=1)
    register(switchboard, 1)
    register(switchboard, 2)
    request(switchboard, 10)
    assert over(11, "max_pairs", request(switchboard, 11))


def test_only_so_many_wait_for_one_key() -> None:
    switchboard = board(max_waiting_per_target=1)
    register(switchboard, 1)
    request(switchboard, 10)
    assert request(switchboard, 11) == []
    assert over(12, "max_waiting_per_target", request(switchboard, 12))


def test_one_address_cannot_use_up_the_spares_of_a_key() -> None:
    switchboard = Switchboard(RelayLimits())
    taken = 0
    # 500 requests a second for ten seconds; the listener refills at once.
    for number in range(5000):
        register(switchboard, 2 * number, now_s=number / 500)
        actions = request(switchboard, 2 * number + 1, now_s=number / 500)
        taken += any(isinstance(action, HandOver) for action in actions)
    assert taken <= 20 + 10 * 60 / 60
    register(switchboard, 20_000, now_s=10)
    [action] = request(switchboard, 20_001, now_s=10, address=THERE)
    assert isinstance(action, HandOver)


def test_registrations_of_an_address_and_of_a_key_are_limited() -> None:
    switchboard = Switchboard(RelayLimits())
    keys = [bytes([number]) * 32 for number in range(31)]
    results = [switchboard.admit_registration(Leg(1), key, HERE, 0) for key in keys]
    assert results[:30] == [None] * 30
    assert results[30] is not None
    assert results[30].limit == "registers_per_min_per_address"
    per_key = [
        switchboard.admit_registration(Leg(1), PROVIDER, f"192.0.2.{number}", 0)
        for number in range(10, 26)
    ]
    assert per_key[:15] == [None] * 15
    assert per_key[15] is not None
    assert per_key[15].limit == "registers_per_min_per_key"


def test_replacing_a_spare_that_was_handed_over_costs_nothing() -> None:
    switchboard = board()
    for number in range(80):
        leg = Leg(2 * number)
        assert switchboard.admit_registration(leg, PROVIDER, HERE, 0) is None
        register(switchboard, leg)
        assert request(switchboard, leg + 1) == joined(leg + 1, leg)
        switchboard.leave(leg, 0.0)


def test_draining_refuses_what_is_new_and_what_waits() -> None:
    switchboard = board()
    register(switchboard, 1)
    request(switchboard, 10)
    request(switchboard, 11)
    assert switchboard.start_draining() == [Close(Leg(11), DRAINING, Cause.DRAINING)]
    assert register(switchboard, 2) == [Close(Leg(2), DRAINING, Cause.DRAINING)]
    assert request(switchboard, 12) == [Close(Leg(12), DRAINING, Cause.DRAINING)]
    assert switchboard.admit_registration(Leg(3), PROVIDER, HERE, 0) is not None
    assert switchboard.pairs == 1
