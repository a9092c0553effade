"""How many calls run at once, without handlers, tasks or a connection."""

import asyncio

import pytest

from duologue.errors import LimitExceeded
from duologue.limits import STALLED_CALLS_PATIENCE_S, Limits
from duologue.promisifier.admission import Admission
from duologue.promisifier.served_call import ServedCall
from duologue.protocol.messages import RequestReceived
from tests.pretend_loop import PretendCarrier
from tests.support import NO_DESK, turns
from tests.virtual_time import at_once

NOBODY = object()


def call(request_id: int, args: bytes = b"[]", weight: int = 0) -> ServedCall[object]:
    return ServedCall(RequestReceived(request_id, 3, args, weight=weight), NOBODY, NO_DESK)


def nested(request_id: int, weight: int = 0) -> ServedCall[object]:
    """A call that its caller says is made for one of ours."""
    served = call(request_id, weight=weight)
    served.request.is_nested = True
    return served


class Door:
    """An admission, and what it has started."""

    def __init__(self, max_running_calls: int = 1, **limits: int) -> None:
        self.started: list[int] = []
        self.refused: list[int] = []
        self.running: list[ServedCall[object]] = []
        self.ends_at_once = False
        self.answers_shut_the_gate = False
        self.connection = PretendCarrier()
        self.admission: Admission[ServedCall[object]] = Admission(
            Limits(max_running_calls=max_running_calls, **limits),
            self.connection,
            self.start,
            self.refuse,
        )

    def start(self, served: ServedCall[object]) -> None:
        self.started.append(served.request.request_id)
        self.running.append(served)
        self.admission.began(served)
        if self.answers_shut_the_gate:
            self.connection.gate.shut()
        if self.ends_at_once:
            self.end()

    def refuse(self, served: ServedCall[object], error: LimitExceeded) -> None:
        self.refused.append(served.request.request_id)

    async def calls_back(self, *calls: ServedCall[object]) -> None:
        """Handlers call the peer; the turn goes by."""
        for each in calls:
            self.admission.note_own_call(each)
        await turns()

    def end(self) -> None:
        """The call that has run longest ends."""
        self.admission.ended(self.running.pop(0))


def test_what_waits_starts_in_order_when_there_is_room() -> None:
    door = Door()
    door.start(call(0))
    for number in (1, 2, 3):
        door.admission.wait(call(number))
    door.end()
    assert door.started == [0, 1]
    door.end()
    assert door.started == [0, 1, 2]


def test_calls_that_end_at_once_are_started_by_one_loop() -> None:
    door = Door(max_waiting_calls=5000)
    door.start(call(0))
    for number in range(1, 5000):
        door.admission.wait(call(number))
    door.ends_at_once = True
    door.end()
    assert door.started == list(range(5000))
    assert door.admission.running == 0


def test_as_many_wait_as_may_and_no_more() -> None:
    door = Door(max_waiting_calls=2)
    door.admission.wait(call(1))
    door.admission.wait(call(2))
    with pytest.raises(LimitExceeded, match="max_waiting_calls is 2"):
        door.admission.wait(call(3))


def test_what_waits_holds_as_much_as_it_may_and_no_more() -> None:
    door = Door(max_waiting_bytes=10)
    door.admission.wait(call(1, b"[12345678]"))
    with pytest.raises(LimitExceeded, match="max_waiting_bytes is 10"):
        door.admission.wait(call(2))


def test_room_comes_back_when_a_waiting_call_is_withdrawn() -> None:
    door = Door(max_waiting_bytes=10)
    waiting = call(1, b"[12345678]")
    door.admission.wait(waiting)
    assert door.admission.withdraw(1) is waiting
    assert door.admission.withdraw(1) is None
    door.admission.wait(call(2, b"[12345678]"))


def test_a_shut_door_has_no_room_and_lets_those_inside_finish() -> None:
    door = Door()
    door.start(call(0))
    door.admission.wait(call(1))
    door.admission.shut()
    assert door.admission.room == 0
    door.end()
    assert door.started == [0, 1]


async def test_idle_gives_back_what_still_waits_when_the_time_is_over() -> None:
    door = Door()
    door.start(call(0))
    door.admission.wait(call(1))
    assert [each.request.request_id for each in await door.admission.idle(0.01)] == [1]
    assert await door.admission.idle(0.01) == []


async def test_idle_is_over_as_soon_as_nothing_runs() -> None:
    door = Door()
    assert await door.admission.idle(60) == []


async def test_nothing_starts_while_the_other_side_takes_no_answers() -> None:
    door = Door(max_running_calls=2)
    door.connection.gate.shut()
    door.admission.wait(call(0))
    door.admission.resume()
    assert door.started == []
    door.connection.gate.open()
    await turns(2)
    assert door.started == [0]


async def test_room_comes_back_though_the_gate_was_shut_when_nothing_waited_any_more() -> None:
    door = Door(max_running_calls=2)
    gate = door.connection.gate
    gate.shut()
    door.admission.wait(call(0))
    gate.open()
    # Between its opening and the turn in which it is told of that, an answer may shut it.
    gate.shut()
    door.admission.withdraw(0)
    await turns(2)
    gate.open()
    await turns(2)
    assert door.admission.room == 2


async def test_an_answer_that_shuts_the_gate_leaves_no_call_waiting_for_ever() -> None:
    door = Door(max_running_calls=2)
    gate = door.connection.gate
    gate.shut()
    door.admission.wait(call(0))
    door.answers_shut_the_gate = True
    gate.open()
    await turns(2)
    assert door.started == [0]
    gate.open()
    await turns(2)
    assert door.admission.room == 2


def test_it_is_nearly_full_when_one_more_large_message_would_not_fit() -> None:
    limits = Limits()
    door = Door(max_waiting_bytes=limits.max_message_bytes + 10)
    door.admission.wait(call(1, b"[12345678]"))
    assert not door.admission.is_nearly_full
    door.admission.wait(call(2, b"[]"))
    assert door.admission.is_nearly_full


# -- calls that wait for the peer that waits for them -------------------------------------------


async def test_a_call_may_be_nested_while_all_that_run_have_a_call_open_to_the_peer() -> None:
    door = Door(max_running_calls=2)
    assert not door.admission.lets_in(call(9))
    first, second = call(0), call(1)
    door.start(first)
    door.start(second)
    await door.calls_back(first, first)
    assert not door.admission.lets_in(call(9))
    await door.calls_back(second)
    assert door.admission.lets_in(call(9))
    door.admission.note_own_call_settled(first)
    assert door.admission.lets_in(call(9))
    door.admission.note_own_call_settled(first)
    assert not door.admission.lets_in(call(9))


async def test_what_comes_in_the_turn_in_which_a_call_back_is_made_is_not_nested() -> None:
    door = Door()
    running = call(0)
    door.start(running)
    door.admission.note_own_call(running)
    assert not door.admission.lets_in(call(1))
    await turns()
    assert door.admission.lets_in(call(1))


async def test_a_call_that_ends_before_its_own_calls_is_not_counted_twice() -> None:
    door = Door(max_running_calls=2)
    first, second = call(0), call(1)
    door.start(first)
    door.start(second)
    await door.calls_back(first)
    door.end()
    door.admission.note_own_call_settled(first)
    assert not door.admission.lets_in(call(9))
    await door.calls_back(second)
    assert door.admission.lets_in(call(9))


def test_a_call_that_is_said_to_be_nested_is_let_in_whatever_the_others_do() -> None:
    door = Door()
    door.start(call(0))
    assert door.admission.lets_in(nested(1))
    assert not door.admission.lets_in(call(1))


async def test_of_a_peer_that_says_which_are_nested_no_others_are_let_in() -> None:
    door = Door()
    door.admission.peer_tells_nested = True
    running = call(0)
    door.start(running)
    await door.calls_back(running)
    assert not door.admission.lets_in(call(1))
    assert door.admission.lets_in(nested(1))


async def test_as_many_run_beyond_the_room_as_may_nest_and_no_more() -> None:
    door = Door(max_nested_calls=2)
    calls = [call(number) for number in range(2)]
    for each in calls:
        door.start(each)
    await door.calls_back(*calls)
    assert door.admission.lets_in(nested(2))
    door.start(third := call(2))
    assert not door.admission.lets_in(nested(3)), "the third may end, and this one wait"
    await door.calls_back(third)
    for another in (nested(3), call(3)):
        with pytest.raises(LimitExceeded, match="max_nested_calls is 2"):
            door.admission.lets_in(another)


def test_nested_calls_that_wait_go_first_and_beyond_the_room() -> None:
    door = Door(max_nested_calls=1)
    door.start(call(0))
    door.start(nested(1))
    door.admission.wait(call(2))
    door.admission.wait(nested(3))
    door.end()
    assert door.started == [0, 1, 3]
    door.end()
    assert door.started == [0, 1, 3]
    door.end()
    assert door.started == [0, 1, 3, 2]


def test_a_nested_call_that_weighs_too_much_waits_for_what_may_end() -> None:
    door = Door(max_running_bytes=10)
    door.start(call(0, weight=6))
    assert not door.admission.lets_in(nested(1, weight=5))
    assert door.admission.lets_in(nested(1, weight=4))


async def test_a_heavy_nested_call_is_let_in_when_nothing_else_would_end() -> None:
    door = Door(max_running_bytes=10)
    running = call(0, weight=6)
    door.start(running)
    await door.calls_back(running)
    assert door.admission.lets_in(nested(1, weight=5))


async def test_nothing_is_let_in_while_the_other_side_takes_no_answers() -> None:
    door = Door()
    door.start(call(0))
    door.connection.gate.shut()
    assert not door.admission.lets_in(nested(1))


@at_once
async def test_when_nothing_moves_the_newest_that_waits_is_let_in() -> None:
    door = Door()
    running = call(0)
    door.start(running)
    door.admission.wait(call(1))
    door.admission.wait(call(2))
    await asyncio.sleep(STALLED_CALLS_PATIENCE_S + 1)
    assert door.started == [0], "it may end"
    await door.calls_back(running)
    await asyncio.sleep(STALLED_CALLS_PATIENCE_S * 0.9)
    assert door.started == [0]
    await asyncio.sleep(STALLED_CALLS_PATIENCE_S * 0.2)
    assert door.started == [0, 2]
    await asyncio.sleep(STALLED_CALLS_PATIENCE_S * 2)
    assert door.started == [0, 2], "that one may end"


@at_once
async def test_what_moves_meanwhile_is_no_stall() -> None:
    door = Door(max_running_calls=2)
    running = [call(0), call(1)]
    for each in running:
        door.start(each)
    await door.calls_back(*running)
    door.admission.wait(call(2))
    door.admission.wait(call(3))
    await asyncio.sleep(STALLED_CALLS_PATIENCE_S / 2)
    door.end()
    await door.calls_back(door.running[-1])
    await asyncio.sleep(STALLED_CALLS_PATIENCE_S * 0.9)
    assert door.started == [0, 1, 2]
    await asyncio.sleep(STALLED_CALLS_PATIENCE_S * 0.7)
    assert door.started == [0, 1, 2, 3]


@at_once
async def test_when_nothing_moves_and_no_more_may_nest_those_that_are_nested_are_refused() -> None:
    door = Door(max_nested_calls=1)
    calls = [call(0), nested(1)]
    for each in calls:
        door.start(each)
    for waiting in (call(2), nested(3), nested(4)):
        door.admission.wait(waiting)
    await door.calls_back(*calls)
    await asyncio.sleep(STALLED_CALLS_PATIENCE_S + 1)
    assert door.refused == [3, 4]
    door.end()
    door.end()
    assert door.started == [0, 1, 2]


@at_once
async def test_where_the_peer_says_which_are_nested_no_other_is_let_in_for_a_stall() -> None:
    door = Door()
    door.admission.peer_tells_nested = True
    running = call(0)
    door.start(running)
    door.admission.wait(call(1))
    await door.calls_back(running)
    await asyncio.sleep(STALLED_CALLS_PATIENCE_S * 3)
    assert door.started == [0]


@at_once
async def test_a_stall_is_forgotten_with_the_connection() -> None:
    door = Door()
    running = call(0)
    door.start(running)
    await door.calls_back(running)
    door.admission.wait(call(1))
    door.admission.close()
    await asyncio.sleep(STALLED_CALLS_PATIENCE_S + 1)
    assert door.started == [0]


def test_it_is_nearly_full_when_as_many_wait_as_may() -> None:
    door = Door(max_waiting_calls=2)
    door.admission.wait(call(1))
    assert not door.admission.is_nearly_full
    door.admission.wait(call(2))
    assert door.admission.is_nearly_full
