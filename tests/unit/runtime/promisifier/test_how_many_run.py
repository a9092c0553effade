"""How many handlers of one peer run, how many calls wait for that, and which are refused."""

import asyncio
import contextvars

from duologue.limits import Limits
from tests.support import Conversation, itself, turns
from tests.unit.runtime.promisifier.gates import Gate, code_of
from tests.unit.runtime.promisifier.gates import gate as gate

REQUEST_BYTES = len(b"[0]")


async def test_calls_up_to_the_limit_run_and_the_next_one_waits(gate: Gate) -> None:
    async with Conversation(Limits(max_running_calls=2)) as talk:
        talk.peer.add_service(3, gate.serve)
        await talk.hear(*(talk.request(number, 3, number) for number in range(3)))
        assert gate.running == [0, 1]
        gate.open()
        await turns()
        assert gate.running == [0, 1, 2]
        assert sorted(answer["responseId"] for answer in talk.said) == [0, 1, 2]


async def test_plain_services_wait_in_line_too(gate: Gate) -> None:
    async with Conversation(Limits(max_running_calls=1)) as talk:
        talk.peer.add_service(3, gate.serve)
        talk.peer.add_service(4, itself)
        requests = [talk.request(number, 4, number) for number in range(1, 200)]
        assert await talk.hear(talk.request(0, 3, 0), *requests) == []
        gate.open()
        await turns()
        assert [answer["responseId"] for answer in talk.said] == list(range(200))


async def test_a_long_line_of_calls_that_end_at_once_is_worked_off(gate: Gate) -> None:
    async def number_later(number: int) -> int:
        return number

    async with Conversation(Limits(max_running_calls=1)) as talk:
        talk.peer.add_service(3, gate.serve)
        talk.peer.add_service(4, number_later)
        # Python 3.12 runs such tasks in place: they must not pile up on the stack.
        requests = [talk.request(number, 4, number) for number in range(1, 1001)]
        assert await talk.hear(talk.request(0, 3, 0), *requests) == []
        gate.open()
        await turns(1100)
        assert [answer["data"] for answer in talk.said] == list(range(1001))


async def test_a_service_removed_meanwhile_is_unknown_to_those_that_waited(gate: Gate) -> None:
    async with Conversation(Limits(max_running_calls=1)) as talk:
        talk.peer.add_service(3, gate.serve)
        await talk.hear(talk.request(0, 3), talk.request(1, 3))
        talk.peer.remove_service(3)
        gate.open()
        await turns()
        assert {answer["responseId"]: answer["type"] for answer in talk.said} == {
            0: "data",
            1: "error",
        }


async def test_waiting_calls_up_to_the_limit_and_the_next_one_is_refused(gate: Gate) -> None:
    async with Conversation(Limits(max_running_calls=1, max_waiting_calls=2)) as talk:
        talk.peer.add_service(3, gate.serve)
        said = await talk.hear(*(talk.request(number, 3, number) for number in range(4)))
        assert [(answer["responseId"], code_of(answer)) for answer in said] == [
            (3, "LIMIT_EXCEEDED")
        ]
        assert said[0]["error"]["details"] == {"limit": "max_waiting_calls", "value": 2}
        assert talk.peer.stats.requests_refused_busy == 1
        gate.open()
        await turns()
        assert gate.running == [0, 1, 2]


async def test_waiting_bytes_up_to_the_limit_and_the_next_call_is_refused(gate: Gate) -> None:
    limits = Limits(max_running_calls=1, max_waiting_bytes=2 * REQUEST_BYTES)
    async with Conversation(limits) as talk:
        talk.peer.add_service(3, gate.serve)
        said = await talk.hear(*(talk.request(number, 3, number) for number in range(4)))
        assert [answer["responseId"] for answer in said] == [3]
        assert said[0]["error"]["details"] == {"limit": "max_waiting_bytes", "value": 6}
        # A call without arguments weighs nothing.
        assert await talk.hear('{"requestId":4,"type":"request","serviceId":3}') == []


async def test_bytes_of_calls_that_have_started_weigh_no_more(gate: Gate) -> None:
    limits = Limits(max_running_calls=1, max_waiting_bytes=REQUEST_BYTES)
    async with Conversation(limits) as talk:
        talk.peer.add_service(3, gate.serve)
        talk.peer.add_service(4, lambda: gate.open())
        await talk.hear(talk.request(0, 3, 0), talk.request(1, 3, 1))
        gate.open()
        await turns()
        second = Gate()
        talk.peer.add_service(5, second.serve)
        assert await talk.hear(talk.request(2, 5, 2), talk.request(3, 5, 3)) == []
        second.open()


async def test_a_handler_that_swallows_its_cancellation_counts_until_it_ends() -> None:
    stubborn = asyncio.Event()

    async def ignore_cancellation() -> None:
        while not stubborn.is_set():
            try:
                await stubborn.wait()
            except asyncio.CancelledError:
                continue

    async with Conversation(Limits(max_running_calls=1)) as talk:
        talk.peer.add_service(3, ignore_cancellation)
        talk.peer.add_service(4, lambda: "ran")
        await talk.hear(talk.request(0, 3))
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        assert await talk.hear(talk.request(1, 4)) == []
        stubborn.set()
        await turns()
        assert [answer["responseId"] for answer in talk.said] == [0, 1]


async def test_context_variables_do_not_leak_from_one_call_to_the_next() -> None:
    user: contextvars.ContextVar[str] = contextvars.ContextVar("user", default="nobody")
    release = asyncio.Event()

    async def login(name: str) -> None:
        user.set(name)
        await release.wait()

    async def whoami() -> str:
        return user.get()

    async with Conversation(Limits(max_running_calls=1)) as talk:
        talk.peer.add_service(3, login)
        talk.peer.add_service(4, whoami)
        talk.peer.add_service(5, user.get)
        await talk.hear(talk.request(0, 3, "ann"), talk.request(1, 4), talk.request(2, 5))
        release.set()
        await turns()
        answers = {answer["responseId"]: answer["data"] for answer in talk.said}
        assert (answers[1], answers[2]) == ("nobody", "nobody")
