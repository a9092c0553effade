"""How many calls run at once, without handlers, tasks or a connection."""

import pytest

from duologue.errors import LimitExceeded
from duologue.limits import Limits
from duologue.promisifier.admission import Admission
from duologue.promisifier.served_call import ServedCall
from duologue.protocol.messages import RequestReceived
from tests.pretend_loop import PretendCarrier
from tests.support import NO_DESK, turns

NOBODY = object()


def call(request_id: int, args: bytes = b"[]") -> ServedCall[object]:
    return ServedCall(RequestReceived(request_id, 3, args), NOBODY, NO_DESK)


class Door:
    """An admission, and what it has started."""

    def __init__(self, max_running_calls: int = 1, **limits: int) -> None:
        self.started: list[int] = []
        self.running: list[ServedCall[object]] = []
        self.ends_at_once = False
        self.connection = PretendCarrier()
        self.admission: Admission[ServedCall[object]] = Admission(
            Limits(max_running_calls=max_running_calls, **limits), self.connection, self.start
        )

    def start(self, served: ServedCall[object]) -> None:
        self.started.append(served.request.request_id)
        self.running.append(served)
        self.admission.began(served)
        if self.ends_at_once:
            self.end()

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


def test_it_is_nearly_full_when_one_more_large_message_would_not_fit() -> None:
    limits = Limits()
    door = Door(max_waiting_bytes=limits.max_message_bytes + 10)
    door.admission.wait(call(1, b"[12345678]"))
    assert not door.admission.is_nearly_full
    door.admission.wait(call(2, b"[]"))
    assert door.admission.is_nearly_full


# -- calls that wait for the peer that waits for them -------------------------------------------


def test_the_peer_is_waited_for_while_all_that_run_have_a_call_open_to_it() -> None:
    door = Door(max_running_calls=2)
    assert not door.admission.waits_for_peer
    first, second = call(0), call(1)
    door.start(first)
    door.start(second)
    door.admission.note_own_call(first)
    door.admission.note_own_call(first)
    assert not door.admission.waits_for_peer
    door.admission.note_own_call(second)
    assert door.admission.waits_for_peer
    door.admission.note_own_call_settled(first)
    assert door.admission.waits_for_peer
    door.admission.note_own_call_settled(first)
    assert not door.admission.waits_for_peer


def test_a_call_that_ends_before_its_own_calls_is_not_counted_twice() -> None:
    door = Door(max_running_calls=2)
    first, second = call(0), call(1)
    door.start(first)
    door.start(second)
    door.admission.note_own_call(first)
    door.end()
    door.admission.note_own_call_settled(first)
    assert not door.admission.waits_for_peer
    door.admission.note_own_call(second)
    assert door.admission.waits_for_peer


def test_as_many_run_beyond_the_room_as_may_nest_and_no_more() -> None:
    door = Door(max_nested_calls=2)
    for number in range(2):
        door.start(call(number))
    door.admission.check_nesting()
    door.start(call(2))
    with pytest.raises(LimitExceeded, match="max_nested_calls is 2"):
        door.admission.check_nesting()


def test_it_is_nearly_full_when_as_many_wait_as_may() -> None:
    door = Door(max_waiting_calls=2)
    door.admission.wait(call(1))
    assert not door.admission.is_nearly_full
    door.admission.wait(call(2))
    assert door.admission.is_nearly_full
