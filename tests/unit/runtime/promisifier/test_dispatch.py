"""Requests to handlers: order, limits, failures of every kind, draining, closing."""

import asyncio
import contextvars
import json
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from pydantic import BaseModel

from duologue.errors import BadFrame, CallError, ContractError, LimitExceeded
from duologue.limits import Limits
from tests.support import Conversation, itself, square, turns

REQUEST_BYTES = len(b"[0]")


class Gate:
    """A service whose calls wait until they are let go, each by its argument."""

    def __init__(self) -> None:
        self.running: list[Any] = []
        self.ended: list[Any] = []
        self._open = asyncio.Event()

    async def serve(self, name: Any = None) -> Any:
        self.running.append(name)
        try:
            await self._open.wait()
        finally:
            self.ended.append(name)
        return name

    def open(self) -> None:
        self._open.set()


@pytest.fixture
async def gate() -> Gate:
    return Gate()


@pytest.fixture
async def talk() -> AsyncGenerator[Conversation]:
    async with Conversation() as conversation:
        yield conversation


def code_of(answer: Any) -> str:
    code: str = answer["error"]["code"]
    return code


def text_of(size: int) -> str:
    return "x" * size


async def failing(talk: Conversation, error: BaseException) -> Any:
    """The answer to a call of an async service that raises `error`; a plain one must agree."""

    def fail() -> None:
        raise error

    async def fail_later() -> None:
        await asyncio.sleep(0)
        raise error

    talk.peer.add_service(1, fail)
    talk.peer.add_service(2, fail_later)
    (plain,) = await talk.hear(talk.request(1, 1))
    (later,) = await talk.hear(talk.request(2, 2))
    assert (plain["type"], plain["error"]["name"]) == (later["type"], later["error"]["name"])
    assert plain["error"]["code"] == later["error"]["code"]
    return later["error"]


# -- answers ------------------------------------------------------------------------------------


async def test_a_plain_service_answers_at_once(talk: Conversation) -> None:
    talk.peer.add_service(3, square)
    assert await talk.hear(talk.request(0, 3, 12)) == [
        {"responseId": 0, "type": "data", "data": 144}
    ]


async def test_requests_start_in_order_and_answers_come_as_they_are_ready(
    talk: Conversation, gate: Gate
) -> None:
    talk.peer.add_service(3, gate.serve)
    talk.peer.add_service(4, lambda: "quick")
    said = await talk.hear(talk.request(0, 3, "a"), talk.request(1, 3, "b"), talk.request(2, 4))
    assert gate.running == ["a", "b"]
    assert [answer["responseId"] for answer in said] == [2]
    gate.open()
    await turns()
    assert sorted(answer["responseId"] for answer in talk.said) == [0, 1, 2]


@pytest.mark.parametrize("service_id", [99, 0, -1, 2**53 - 1])
async def test_a_number_that_nobody_serves_is_unknown(talk: Conversation, service_id: int) -> None:
    (answer,) = await talk.hear(talk.request(0, service_id))
    assert answer["error"] == {
        "name": "TypeError",
        "message": f"Not a function: Servcie ID {service_id} [number]",
        "code": "UNKNOWN-SERVICE",
    }


async def test_arguments_that_are_no_json_after_all_are_ignored_and_counted(
    talk: Conversation,
) -> None:
    talk.peer.add_service(3, lambda *_: pytest.fail("was called"))
    for args in ("[1e400]", "[NaN]", "[-Infinity]", '[{"a":1e999}]'):
        text = '{"requestId":0,"type":"request","serviceId":3,"args":%s}' % args
        assert await talk.hear(text) == []
    assert talk.peer.stats.requests_received_invalid == 4
    assert talk.peer.stats.requests_received_total == 0


async def test_too_many_such_requests_close_the_connection() -> None:
    async with Conversation(Limits(max_invalid_messages=2)) as talk:
        talk.peer.add_service(3, lambda *_: None)
        texts = [
            '{"requestId":%d,"type":"request","serviceId":3,"args":[1e400]}' % request_id
            for request_id in range(3)
        ]
        await talk.hear(*texts[:2])
        assert not talk.peer.promise.done()
        await talk.hear(texts[2])
        assert talk.peer.promise.done()
        assert isinstance(talk.connection.failure, LimitExceeded)


async def test_too_many_of_them_among_waiting_calls_close_the_connection(gate: Gate) -> None:
    limits = Limits(max_invalid_messages=1, max_running_calls=1)
    async with Conversation(limits) as talk:
        talk.peer.add_service(3, gate.serve)
        texts = [
            '{"requestId":%d,"type":"request","serviceId":3,"args":[1e400]}' % n for n in (1, 2)
        ]
        await talk.hear(talk.request(0, 3), *texts)
        gate.open()
        await turns()
        assert talk.peer.promise.done()
        assert isinstance(talk.connection.failure, LimitExceeded)


# -- failures -----------------------------------------------------------------------------------


async def test_an_error_meant_for_the_caller_is_told(talk: Conversation) -> None:
    error = await failing(talk, CallError("no", code="NO", details={"why": 1}))
    assert error == {"name": "CallError", "message": "no", "code": "NO", "details": {"why": 1}}


async def test_any_other_exception_is_an_incident(talk: Conversation) -> None:
    error = await failing(talk, ValueError("secret"))
    assert error["code"] == "INTERNAL"
    assert "secret" not in json.dumps(error)


async def test_a_bad_frame_that_a_service_meets_is_an_incident(talk: Conversation) -> None:
    error = await failing(talk, BadFrame("of something else"))
    assert error["code"] == "INTERNAL"
    assert talk.peer.stats.requests_received_invalid == 0


async def test_a_service_that_ends_as_if_cancelled_is_answered(talk: Conversation) -> None:
    assert (await failing(talk, asyncio.CancelledError()))["code"] == "CANCELLED"


async def test_what_is_no_exception_is_an_incident_and_the_service_lives(
    talk: Conversation,
) -> None:
    class PanicException(BaseException):
        """As a Rust extension raises it."""

    assert (await failing(talk, PanicException("secret")))["code"] == "INTERNAL"
    talk.peer.add_service(3, lambda: "alive")
    (answer,) = await talk.hear(talk.request(9, 3))
    assert answer["data"] == "alive"


async def test_details_without_a_form_in_json_are_an_incident(talk: Conversation) -> None:
    assert (await failing(talk, CallError("no", details=object())))["code"] == "INTERNAL"


async def test_a_declared_error_of_an_untyped_service_is_answered_somehow(
    talk: Conversation,
) -> None:
    class Fields(BaseModel):
        capacity: int

    class RoomFull(ContractError[Fields]):
        code = "room_full"

    assert (await failing(talk, RoomFull(Fields(capacity=1))))["code"] in ("room_full", "INTERNAL")


async def test_an_error_whose_text_raises_is_an_incident(talk: Conversation) -> None:
    class Broken(CallError):
        def __getattribute__(self, name: str) -> Any:
            if name == "message":
                raise ValueError("secret")
            return super().__getattribute__(name)

    assert (await failing(talk, Broken("no")))["code"] == "INTERNAL"


async def test_a_failure_larger_than_a_message_is_told_as_that() -> None:
    async with Conversation(Limits(max_message_bytes=1000)) as talk:
        error = await failing(talk, CallError("x" * 1000))
        assert error["code"] == "LIMIT_EXCEEDED"
        assert error["details"] == {"limit": "max_message_bytes", "value": 1000}


async def test_a_result_larger_than_a_message_is_told_as_that() -> None:
    async with Conversation(Limits(max_message_bytes=1000)) as talk:
        overhead = len('{"responseId":0,"type":"data","data":""}')
        talk.peer.add_service(1, text_of)
        talk.peer.add_service(2, lambda: "x" * 1000)
        (answer,) = await talk.hear(talk.request(0, 1, 1000 - overhead))
        assert answer["type"] == "data"
        (answer,) = await talk.hear(talk.request(0, 1, 1001 - overhead))
        assert code_of(answer) == "LIMIT_EXCEEDED"


async def test_a_result_that_the_wire_cannot_carry_is_answered_so(talk: Conversation) -> None:
    talk.peer.add_service(3, lambda: float("nan"))
    (answer,) = await talk.hear(talk.request(0, 3))
    assert code_of(answer) == "WSP-ESV"


# -- how many may run ---------------------------------------------------------------------------


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


# -- draining and closing -----------------------------------------------------------------------


async def test_draining_lets_accepted_calls_finish_and_refuses_new_ones(gate: Gate) -> None:
    async with Conversation(Limits(max_running_calls=1)) as talk:
        talk.peer.add_service(3, gate.serve)
        await talk.hear(talk.request(0, 3, "runs"), talk.request(1, 3, "waits"))
        draining = asyncio.ensure_future(talk.peer.drain(60))
        await turns()
        (refused,) = await talk.hear(talk.request(2, 3))
        assert code_of(refused) == "GOING_AWAY"
        assert not draining.done()
        gate.open()
        await draining
        await turns()
        answered = {answer["responseId"]: answer.get("data") for answer in talk.said}
        assert answered == {0: "runs", 1: "waits", 2: None}


async def test_calls_that_outlast_the_drain_are_cancelled_and_answered(gate: Gate) -> None:
    async with Conversation(Limits(max_running_calls=1)) as talk:
        talk.peer.add_service(3, gate.serve)
        await talk.hear(talk.request(0, 3, "runs"), talk.request(1, 3, "waits"))
        await talk.peer.drain(0.001)
        await turns()
        answered = {answer["responseId"]: code_of(answer) for answer in talk.said}
        assert answered == {0: "CANCELLED", 1: "GOING_AWAY"}
        assert gate.ended == ["runs"]


async def test_draining_when_nothing_runs_is_done_at_once(talk: Conversation) -> None:
    await talk.peer.drain(60)
    (refused,) = await talk.hear(talk.request(0, 3))
    assert code_of(refused) == "GOING_AWAY"


async def test_closing_ends_a_drain(talk: Conversation, gate: Gate) -> None:
    talk.peer.add_service(3, gate.serve)
    await talk.hear(talk.request(0, 3))
    draining = asyncio.ensure_future(talk.peer.drain(60))
    await turns()
    talk.peer.close()
    await draining
    assert gate.ended == [None]


async def test_closing_cancels_what_runs_forgets_what_waits_and_drops_results(gate: Gate) -> None:
    async with Conversation(Limits(max_running_calls=1)) as talk:
        talk.peer.add_service(3, gate.serve)
        await talk.hear(talk.request(0, 3, "runs"), talk.request(1, 3, "waits"))
        talk.wire.close()
        await turns()
        assert gate.running == gate.ended == ["runs"]
        assert talk.said == []
        assert talk.peer.stats.results_dropped == 1


async def test_a_result_for_a_closed_connection_is_dropped(talk: Conversation) -> None:
    async def finish_although_cancelled() -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            pass
        return "too late"

    talk.peer.add_service(3, finish_although_cancelled)
    await talk.hear(talk.request(0, 3))
    talk.wire.close()
    await turns()
    assert talk.said == []
    assert talk.peer.stats.results_dropped == 1


async def test_a_result_while_the_connection_is_closing_is_dropped(talk: Conversation) -> None:
    def close_and_answer() -> str:
        talk.peer.close()
        return "too late"

    talk.peer.add_service(3, close_and_answer)
    await talk.hear(talk.request(0, 3))
    assert talk.said == []
    assert talk.peer.stats.results_dropped == 1


# -- handlers that end as no handler should -------------------------------------------------------


async def raise_generator_exit() -> None:
    await asyncio.sleep(0)
    raise GeneratorExit


def raise_generator_exit_at_once() -> None:
    raise GeneratorExit


@pytest.mark.parametrize("handler", [raise_generator_exit, raise_generator_exit_at_once])
async def test_a_handler_that_ends_in_generator_exit_is_an_incident(handler: Any) -> None:
    async with Conversation() as talk:
        talk.peer.add_service(3, handler)
        (answer,) = await talk.hear(talk.request(0, 3))
        assert answer["error"]["code"] == "INTERNAL"


async def test_what_comes_when_answers_may_leave_again_does_not_overtake_what_has_waited() -> None:
    async with Conversation() as talk:
        ran: list[int] = []
        talk.peer.add_service(3, ran.append)
        talk.connection.gate.shut()
        await talk.hear(talk.request(1, 3, 1), talk.request(2, 3, 2))
        assert ran == []
        # Those that wait are told in a later turn than that in which the gate opens.
        talk.connection.gate.open()
        talk.connection.on_message.emit(talk.request(3, 3, 3))
        assert ran == []
        await turns()
        assert ran == [1, 2, 3]
        await talk.hear(talk.request(4, 3, 4))
        assert ran == [1, 2, 3, 4]
