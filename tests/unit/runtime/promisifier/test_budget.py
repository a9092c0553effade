"""What all peers of one endpoint use together."""

import asyncio
import itertools

import pytest

from duologue import Limits
from duologue.errors import LimitExceeded
from duologue.limits import WAITING_CALL_BYTES
from duologue.promisifier.admission import Admission
from duologue.promisifier.budget import Budget
from duologue.promisifier.promisifier import WebsocketPromisifier, create_websocket_promisifier
from duologue.promisifier.served_call import ServedCall
from duologue.protocol.messages import RequestReceived
from duologue.testing import connected_pair
from tests.pretend_loop import PretendCarrier
from tests.support import NO_DESK, turns

NOBODY = object()


class Door:
    """One peer's admission, and the calls that run."""

    def __init__(self, limits: Limits, budget: Budget | None = None, key: bytes | None = None):
        self.connection = PretendCarrier()
        self.connection.claimed_key = key
        self.running: list[ServedCall[object]] = []
        self.admission: Admission[ServedCall[object]] = Admission(
            limits, self.connection, self.start, self.refuse, budget
        )
        self._next_id = 0

    def arrive(self, *weights: int) -> int:
        """Calls come; returns how many run."""
        for weight in weights:
            request = RequestReceived(self._next_id, 3, b"[]", False, weight)
            self._next_id += 1
            self.admission.wait(ServedCall(request, NOBODY, NO_DESK))
        self.admission.resume()
        return len(self.running)

    def end(self) -> None:
        """The call that has run longest ends."""
        self.admission.ended(self.running.pop(0))

    def start(self, served: ServedCall[object]) -> None:
        self.running.append(served)
        self.admission.began(served)

    def refuse(self, served: ServedCall[object], error: LimitExceeded) -> None:
        raise AssertionError(f"{served} was refused: {error}")


def doors(number: int, **values: int) -> list[Door]:
    limits = Limits(**values)
    budget = Budget(limits)
    return [Door(limits, budget) for _ in range(number)]


def test_nobody_runs_more_than_are_left_for_others() -> None:
    first, second, third, fourth = doors(4, max_running_calls_total=4)
    assert first.arrive(0, 0, 0, 0) == 2
    assert second.arrive(0, 0) == 1
    assert third.arrive(0) == 1
    assert fourth.arrive(0) == 0


def test_connections_of_one_address_rest_one_behind_the_other() -> None:
    budget = Budget(Limits())
    share, other = budget.share_of(None, "192.0.2.1"), budget.share_of(None, "192.0.2.2")
    assert share.replay_rest_s(2.0, 100.0) == 2.0
    assert budget.share_of(None, "192.0.2.1").replay_rest_s(1.0, 101.0) == 2.0
    assert other.replay_rest_s(1.0, 101.0) == 1.0
    assert share.replay_rest_s(1.0, 200.0) == 1.0


async def test_room_that_is_given_back_goes_to_those_who_wait() -> None:
    first, second, third = doors(3, max_running_calls_total=2)
    first.arrive(0)
    second.arrive(0)
    assert third.arrive(0) == 0
    first.end()
    await turns(2)
    assert len(third.running) == 1


async def test_whoever_has_had_a_turn_is_behind_those_who_have_not() -> None:
    busy, first, second = doors(3, max_running_calls_total=1)
    busy.arrive(0)
    first.arrive(0, 0)
    second.arrive(0)
    busy.end()
    await turns(2)
    assert (len(first.running), len(second.running)) == (1, 0)
    first.end()
    await turns(2)
    # Its own second call may be first, as it ends its first; what waits elsewhere comes then.
    (first if first.running else second).end()
    await turns(2)
    assert len(first.running) + len(second.running) == 1


async def test_what_has_ended_waits_for_no_room() -> None:
    first, second = doors(2, max_running_calls_total=1)
    first.arrive(0)
    second.arrive(0)
    second.admission.close()
    assert first.admission.budget.calls.waiting == {}
    first.end()
    await turns(2)
    assert second.running == []


def test_a_key_runs_as_many_calls_as_it_may_over_all_its_connections() -> None:
    limits = Limits(max_running_calls_per_key=3)
    budget = Budget(limits)
    same = [Door(limits, budget, b"k" * 32) for _ in range(2)]
    other = Door(limits, budget, b"o" * 32)
    assert same[0].arrive(0, 0) == 2
    assert same[1].arrive(0, 0) == 1
    assert other.arrive(0, 0, 0) == 3


def test_the_share_of_a_key_ends_with_its_last_connection() -> None:
    limits = Limits(max_running_calls_per_key=1)
    budget = Budget(limits)
    share = budget.share_of(b"k" * 32, "a")
    share.free = 0
    assert budget.share_of(b"k" * 32, "a") is share
    del share
    assert budget.share_of(b"k" * 32, "a").free == 1


def test_a_peer_without_key_and_address_has_a_share_of_its_own() -> None:
    budget = Budget(Limits())
    assert budget.share_of(None, "") is not budget.share_of(None, "")


def test_peers_without_a_key_have_the_share_of_their_address() -> None:
    budget = Budget(Limits(max_running_calls_per_address=3))
    share = budget.share_of(None, "192.0.2.1")
    assert budget.share_of(None, "192.0.2.1") is share
    assert budget.share_of(None, "192.0.2.2") is not share
    assert (share.free, share.limit) == (3, "max_running_calls_per_address")


@pytest.mark.parametrize("name", ["max_running_calls_total", "max_running_calls_per_key"])
async def test_no_call_nests_beyond_what_all_may_run(name: str) -> None:
    door = Door(Limits(**{name: 2}, max_running_calls=1), key=b"k" * 32)
    for number in range(2):
        served = ServedCall(RequestReceived(number, 3, b"[]"), NOBODY, NO_DESK)
        assert not number or door.admission.lets_in(served)
        door.start(served)
        door.admission.note_own_call(served)
        await turns()
    with pytest.raises(LimitExceeded, match=f"{name} is 2"):
        door.admission.lets_in(ServedCall(RequestReceived(2, 3, b"[]"), NOBODY, NO_DESK))


# -- bytes --------------------------------------------------------------------------------------


def test_arguments_that_run_weigh_as_much_as_they_may_and_no_more() -> None:
    assert Door(Limits(max_running_bytes=10)).arrive(4, 6, 0) == 3
    assert Door(Limits(max_running_bytes=10)).arrive(4, 7) == 1


async def test_what_runs_alone_may_weigh_more() -> None:
    door = Door(Limits(max_running_bytes=10, max_running_bytes_total=10))
    assert door.arrive(11, 1) == 1
    door.end()
    assert len(door.running) == 1


def test_nobody_weighs_more_than_is_left_for_others() -> None:
    first, second = doors(2, max_running_bytes_total=10)
    assert first.arrive(3, 3) == 2, "the first left 7 to others, the second 4"
    assert first.arrive(1) == 2
    assert second.arrive(5) == 0
    assert second.arrive(0) == 0, "it is behind the one that waits"


def test_what_is_left_may_be_taken_to_the_last() -> None:
    first, second = doors(2, max_running_bytes_total=10)
    first.arrive(3, 3)
    assert second.arrive(4) == 1


def test_small_arguments_do_not_wait_for_heavy_ones() -> None:
    first, second = doors(2, max_running_bytes_total=10)
    first.arrive(10)
    assert second.arrive(0) == 1


# -- what waits ---------------------------------------------------------------------------------


def waits(door: Door, size: int) -> None:
    """A call with arguments of `size` bytes comes while there is no room for it."""
    args = b"[" + b" " * (size - 2) + b"]"
    request = RequestReceived(next(_numbers), 3, args)
    door.admission.wait(ServedCall(request, NOBODY, NO_DESK))


_numbers = itertools.count(1000)


def test_nobody_has_more_waiting_than_is_left_for_others() -> None:
    unit = 488 + WAITING_CALL_BYTES
    first, second = doors(2, max_running_calls=1, max_waiting_bytes_total=3 * unit)
    waits(first, 488)
    with pytest.raises(LimitExceeded, match=f"max_waiting_bytes_total is {3 * unit}"):
        waits(first, 489)
    waits(second, 488)
    with pytest.raises(LimitExceeded, match="max_waiting_bytes_total"):
        waits(second, 488)


def test_what_is_left_to_wait_may_be_taken_to_the_last() -> None:
    unit = 488 + WAITING_CALL_BYTES
    first, second, third = doors(3, max_waiting_bytes_total=2 * unit)
    waits(first, 488)
    with pytest.raises(LimitExceeded, match="max_waiting_bytes_total"):
        waits(second, 489 + unit)
    waits(second, 488)
    with pytest.raises(LimitExceeded, match="max_waiting_bytes_total"):
        waits(third, 2)


def test_a_call_that_has_waited_leaves_its_room_to_others() -> None:
    (door,) = doors(1)
    most = door.admission.budget.free_waiting_bytes
    waits(door, 100)
    waits(door, 200)
    waits(door, 300)
    last = next(_numbers) - 1
    assert door.admission.budget.free_waiting_bytes < most
    assert door.admission.withdraw(last) is not None
    door.admission.resume()
    assert len(door.running) == 2
    assert door.admission.budget.free_waiting_bytes == most


def test_who_goes_leaves_the_room_of_what_waited_to_others() -> None:
    (door,) = doors(1)
    most = door.admission.budget.free_waiting_bytes
    waits(door, 100)
    door.admission.close()
    door.admission.close()
    assert door.admission.budget.free_waiting_bytes == most


def test_whoever_waits_is_nearly_full_when_the_next_might_not_fit_what_all_may_have() -> None:
    largest = Limits().max_message_bytes
    # What waits here is also what it must leave to others.
    room = 2 * (100 + WAITING_CALL_BYTES) + largest + WAITING_CALL_BYTES
    first, second = doors(2, max_waiting_bytes_total=room)
    waits(first, 100)
    assert not first.admission.is_nearly_full
    waits(second, 2)
    assert first.admission.is_nearly_full


def test_whoever_has_nothing_waiting_is_not_held_by_what_others_have() -> None:
    first, second = doors(2, max_waiting_bytes_total=3 * WAITING_CALL_BYTES)
    waits(first, 2)
    assert first.admission.is_nearly_full
    assert not second.admission.is_nearly_full


# -- over connections ---------------------------------------------------------------------------


class Server:
    """Peers that share a budget, with a handler that ends when it is told."""

    def __init__(self, **values: int) -> None:
        self.limits = Limits(**values)
        self.budget = Budget(self.limits)
        self.running = 0
        self.may_end = asyncio.Event()

    def connect(self) -> WebsocketPromisifier:
        mine, theirs = connected_pair()
        peer = create_websocket_promisifier(mine, limits=self.limits, budget=self.budget)
        peer.add_service(3, self.serve)
        return create_websocket_promisifier(theirs)

    async def serve(self, *_args: object) -> int:
        self.running += 1
        while not self.may_end.is_set():
            try:
                await self.may_end.wait()
            except asyncio.CancelledError:
                continue
        self.running -= 1
        return 1


async def test_handlers_that_ignore_their_cancellation_count_over_connections() -> None:
    server = Server(max_running_calls_total=16)
    for _ in range(10):
        caller = server.connect()
        for _ in range(16):
            caller.send(3)
        await turns()
        caller.close()
        await caller.promise
    assert server.running == 16
    newcomer = server.connect()
    call = newcomer.send(3)
    await turns()
    assert not call.done()
    server.may_end.set()
    assert await call == 1
    newcomer.close()
    await newcomer.promise


async def test_heavy_arguments_wait_undecoded() -> None:
    text = "x" * 1000
    server = Server(max_running_bytes=5000)
    caller = server.connect()
    calls = [caller.send(3, text) for _ in range(4)]
    await turns()
    assert server.running == 1, "each weighs 2 bytes for each character, and 1 KiB for its list"
    calls += [caller.send(3) for _ in range(4)]
    await turns()
    assert server.running == 5
    server.may_end.set()
    assert await asyncio.gather(*calls) == [1] * 8
    caller.close()
    await caller.promise


# -- who waits ----------------------------------------------------------------------------------


class Patient:
    def __init__(self) -> None:
        self.resumed = 0

    def resume(self) -> None:
        self.resumed += 1


@pytest.mark.parametrize(("free", "resumed"), [(0, 0), (1, 1)])
async def test_nobody_is_woken_for_room_that_is_not_there(free: int, resumed: int) -> None:
    budget = Budget(Limits())
    budget.free_calls = budget.free_streams = free
    calls, streams = Patient(), Patient()
    budget.calls.add(calls)
    budget.streams.add(streams)
    budget.calls.wake()
    budget.streams.wake()
    await turns(2)
    assert (calls.resumed, streams.resumed) == (resumed, resumed)


async def test_the_call_that_its_key_has_no_more_room_for_waits() -> None:
    limits = Limits(max_running_calls_per_key=2)
    carrier = PretendCarrier()
    carrier.claimed_key = b"k" * 32
    peer = create_websocket_promisifier(carrier, limits=limits)
    never = asyncio.Event()
    running: list[int] = []

    async def serve(number: int) -> None:
        running.append(number)
        await never.wait()

    peer.add_service(3, serve)
    await turns()
    for number in range(3):
        carrier.arrive(
            '{"requestId":%d,"type":"request","serviceId":3,"args":[%d]}' % (number, number)
        )
    await turns()
    assert running == [0, 1]
    never.set()
    await turns()
    assert running == [0, 1, 2]
    carrier.end(1006, "lost")
