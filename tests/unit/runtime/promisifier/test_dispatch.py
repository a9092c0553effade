"""Requests to handlers: order, draining, closing."""

import asyncio

import pytest

from duologue.errors import LimitExceeded
from duologue.limits import Limits
from tests.support import Conversation, square, turns
from tests.unit.runtime.promisifier.gates import Gate, code_of
from tests.unit.runtime.promisifier.gates import gate as gate
from tests.unit.runtime.promisifier.gates import talk as talk

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
