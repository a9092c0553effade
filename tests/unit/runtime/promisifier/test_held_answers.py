"""Answers that wait because nobody takes those before them: for one peer, and for all together."""

import asyncio
import json

import pytest

from duologue.connection.drain_gate import DrainGate
from duologue.errors import LimitExceeded
from duologue.limits import Limits
from duologue.promisifier.budget import Budget
from duologue.promisifier.held_answers import HeldAnswers
from duologue.promisifier.promisifier import create_websocket_promisifier
from tests.pretend_loop import PretendCarrier
from tests.support import turns


class Side:
    """One peer that takes nothing, and answers for it."""

    def __init__(self, limits: Limits, budget: Budget) -> None:
        self.gate = DrainGate()
        self.gate.shut()
        self.held = HeldAnswers(self.gate, limits, budget)

    async def hold(self, *sizes: int) -> list[asyncio.Task[None]]:
        tasks = [asyncio.create_task(self.held.wait(size)) for size in sizes]
        await turns(2)
        return tasks

    async def end(self) -> None:
        """It takes everything."""
        self.gate.open()
        await turns(4)


def sides(number: int, **values: int) -> list[Side]:
    limits = Limits(**values)
    budget = Budget(limits)
    return [Side(limits, budget) for _ in range(number)]


def failed(tasks: list[asyncio.Task[None]]) -> list[str]:
    """What each ended with, "" if it still waits or has ended well."""
    return [str(task.exception() or "") if task.done() else "" for task in tasks]


async def test_answers_of_a_peer_wait_up_to_the_limit_and_the_next_is_dropped() -> None:
    (side,) = sides(1, max_held_answer_bytes=10)
    waiting = await side.hold(4, 6)
    with pytest.raises(LimitExceeded, match="max_held_answer_bytes is 10"):
        await side.held.wait(1)
    await side.end()
    assert [task.done() for task in waiting] == [True, True]
    assert failed(waiting) == ["", ""]
    assert side.held.held_bytes == 0


async def test_all_peers_hold_as_much_as_they_may_together() -> None:
    first, second = sides(2, max_held_answer_bytes_total=10)
    waiting = [*await first.hold(6), *await second.hold(4)]
    assert failed(waiting) == ["", ""]
    await first.end()
    await second.end()
    assert all(task.done() for task in waiting)


async def test_above_it_whoever_holds_most_loses_its_newest() -> None:
    first, second = sides(2, max_held_answer_bytes_total=10)
    greedy = await first.hold(3, 3)
    modest = await second.hold(4, 1)
    assert failed(modest) == ["", ""]
    assert failed(greedy) == [
        "",
        "max_held_answer_bytes_total is 10; raise it in Limits if that is intended",
    ]
    assert (first.held.held_bytes, second.held.held_bytes) == (3, 5)
    await first.end()
    await second.end()


async def test_whoever_holds_most_may_be_the_one_that_comes() -> None:
    first, second = sides(2, max_held_answer_bytes_total=10)
    modest = await first.hold(4)
    greedy = await second.hold(7)
    assert (failed(modest)[0], failed(greedy)[0][:11]) == ("", "max_held_an")
    assert second.held.held_bytes == 0
    await first.end()


async def test_who_takes_everything_leaves_the_room_to_others() -> None:
    first, second = sides(2, max_held_answer_bytes_total=10)
    await first.hold(10)
    await first.end()
    waiting = await second.hold(10)
    assert failed(waiting) == [""]
    await second.end()


async def test_an_answer_whose_call_is_cancelled_holds_nothing() -> None:
    (side,) = sides(1, max_held_answer_bytes=10)
    (task,) = await side.hold(10)
    task.cancel()
    await turns(2)
    assert side.held.held_bytes == 0
    waiting = await side.hold(10)
    await side.end()
    assert failed(waiting) == [""]


async def test_answers_leave_in_order_and_wait_again_behind_a_shut_gate() -> None:
    (side,) = sides(1)
    left: list[int] = []

    async def answer(number: int) -> None:
        await side.held.wait(1)
        left.append(number)
        side.gate.shut()

    tasks = [asyncio.create_task(answer(number)) for number in range(3)]
    await turns(2)
    for number in range(3):
        side.gate.open()
        await turns(4)
        assert left == list(range(number + 1))
    await asyncio.gather(*tasks)


async def test_a_call_whose_answer_is_dropped_is_told_which_limit_it_was() -> None:
    carrier = PretendCarrier()
    limits = Limits(max_held_answer_bytes=100)
    peer = create_websocket_promisifier(carrier, limits=limits)

    async def later() -> str:
        await asyncio.sleep(0)
        return "x" * 48  # with its quotes 50 bytes

    peer.add_service(3, later)
    await turns()
    for number in range(3):
        carrier.arrive('{"requestId":%d,"type":"request","serviceId":3}' % number)
    carrier.gate.shut()
    await turns()
    (said,) = map(json.loads, carrier.sent)
    assert (said["responseId"], said["error"]["code"]) == (2, "LIMIT_EXCEEDED")
    assert said["error"]["details"] == {"limit": "max_held_answer_bytes", "value": 100}
    carrier.gate.open()
    await turns()
    assert [json.loads(each)["responseId"] for each in carrier.sent] == [2, 0, 1]
    carrier.end(1006, "lost")


async def test_answers_that_wait_when_the_connection_is_lost_are_dropped() -> None:
    carrier = PretendCarrier()
    budget = Budget(Limits())
    peer = create_websocket_promisifier(carrier, budget=budget)

    async def later() -> str:
        await asyncio.sleep(0)
        return "x" * 48

    peer.add_service(3, later)
    await turns()
    carrier.arrive('{"requestId":0,"type":"request","serviceId":3}')
    carrier.gate.shut()
    await turns()
    assert budget.free_answer_bytes == Limits().max_held_answer_bytes_total - 50
    carrier.end(1006, "lost")
    await turns()
    assert budget.free_answer_bytes == Limits().max_held_answer_bytes_total
    assert peer.stats.results_dropped == 1
