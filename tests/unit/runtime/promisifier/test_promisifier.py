"""The object an application holds: calls, services, what it tells (product 2; base profile 7)."""

import asyncio
import gc
import json
import math
import weakref
from typing import Any

import pytest

from duologue.connection.memory import connected_pair
from duologue.errors import (
    LimitExceeded,
    RefusedService,
    RefusedValue,
    RemoteError,
    ServiceIdTaken,
)
from duologue.limits import Limits
from duologue.promisifier.promisifier import (
    create_websocket_promisifier,
)
from duologue.protocol.values import UNDEFINED
from duologue.testing import linked_peers
from tests.support import Conversation, echo, itself, square, turns


def upper(text: str) -> str:
    return text.upper()


# -- calls both ways ----------------------------------------------------------------------------


async def test_both_ends_call_each_other_at_once() -> None:
    async with linked_peers() as (left, right):
        left.add_service(3, square)
        right.add_service(3, upper)
        squared, raised = right.send(3, 12), left.send(3, "a")
        assert (await squared, await raised) == (144, "A")


async def test_a_service_may_call_back_its_caller() -> None:
    async with linked_peers() as (left, right):
        right.add_service(1, lambda: "Ann")

        async def greet() -> str:
            return f"hello {await left.send(1)}"

        left.add_service(2, greet)
        assert await right.send(2) == "hello Ann"


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        0,
        -1.5,
        "ä€😀\ud800",
        [],
        {},
        [1, [2, {"a": None}]],
        2**53 - 1,
        [UNDEFINED],
        {"$__undefined$": 1},
    ],
    ids=ascii,
)
async def test_values_come_back_as_they_went(value: Any) -> None:
    async with linked_peers() as (left, right):
        left.add_service(1, echo)
        assert await right.send(1, value) == [value]


async def test_undefined_at_every_place() -> None:
    async with linked_peers() as (left, right):
        left.add_service(1, echo)
        left.add_service(2, lambda: None)
        left.add_service(3, lambda: {"a": UNDEFINED, "b": [UNDEFINED], "c": None})
        assert await right.send(1, UNDEFINED, {"a": UNDEFINED}, [UNDEFINED]) == [
            UNDEFINED,
            {},
            [UNDEFINED],
        ]
        assert await right.send(2) is UNDEFINED
        assert await right.send(3) == {"b": [UNDEFINED], "c": None}


async def test_an_answer_of_null_is_none() -> None:
    async with Conversation() as talk:
        call = talk.peer.send(3)
        await talk.hear('{"responseId":0,"type":"data","data":null}')
        assert await call is None


async def test_none_of_its_functions_needs_to_be_bound() -> None:
    async with linked_peers() as (left, right):
        add_service, remove_service, clear_services = (
            left.add_service,
            left.remove_service,
            left.clear_services,
        )
        send, close = right.send, right.close
        add_service(1, lambda: "one")
        assert await send(1) == "one"
        remove_service(1)
        with pytest.raises(RemoteError):
            await send(1)
        clear_services()
        close()
        assert (await right.promise).code == 1000


async def test_a_request_leaves_when_send_is_called_not_when_it_is_awaited() -> None:
    async with Conversation() as talk:
        call = talk.peer.send(3, 12)
        await turns()
        assert talk.said == [{"requestId": 0, "type": "request", "serviceId": 3, "args": [12]}]
        await talk.hear('{"responseId":0,"type":"data","data":144}')
        assert await call == 144


async def test_answers_in_another_order_find_their_calls() -> None:
    async with Conversation() as talk:
        first, second = talk.peer.send(1), talk.peer.send(2)
        await talk.hear(
            '{"responseId":1,"type":"data","data":"second"}',
            '{"responseId":0.0,"type":"data","data":"first"}',
        )
        assert (await first, await second) == ("first", "second")


# -- refused before anything is sent --------------------------------------------------------------


@pytest.mark.parametrize("service_id", [0, -1, 1.5, "3", None, True, 2**53])
async def test_a_call_of_an_impossible_number_is_refused(service_id: Any) -> None:
    async with Conversation() as talk:
        with pytest.raises(RefusedService):
            await talk.peer.send(service_id)
        await turns()
        assert talk.said == []
        assert talk.peer.stats.requests_sent_total == 0


@pytest.mark.parametrize("value", [math.nan, b"x", {1}, 2**53, "$__undefined$", {1: 2}])
async def test_a_call_with_an_impossible_argument_is_refused_and_uses_no_id(value: Any) -> None:
    async with Conversation() as talk:
        with pytest.raises(RefusedValue):
            await talk.peer.send(3, value)
        await turns()
        assert talk.said == []
        talk.peer.send(3)
        await turns()
        assert talk.said[0]["requestId"] == 0


async def test_arguments_go_down_to_the_deepest_level_of_a_message() -> None:
    def nested(levels: int) -> list[Any]:
        value: list[Any] = []
        for _ in range(levels - 1):
            value = [value]
        return value

    async with linked_peers() as (left, right):
        left.add_service(1, lambda *args: args[0])
        assert await right.send(1, nested(254)) == nested(254)
        with pytest.raises(RefusedValue):
            await right.send(1, nested(255))


async def test_calls_above_the_limit_leave_as_others_are_answered() -> None:
    async with Conversation(Limits(max_open_calls=2)) as talk:
        calls = [talk.peer.send(number) for number in (3, 4, 5, 6)]
        await turns()
        assert [each["serviceId"] for each in talk.said] == [3, 4]
        (left,) = await talk.hear('{"responseId":0,"type":"data"}')
        assert left["serviceId"] == 5
        (left,) = await talk.hear('{"responseId":1,"type":"error"}')
        assert left["serviceId"] == 6
        await talk.hear('{"responseId":2,"type":"data"}', '{"responseId":3,"type":"data"}')
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert [isinstance(each, RemoteError) for each in results] == [False, True, False, False]


async def test_a_request_as_large_as_a_message_may_be() -> None:
    overhead = len('{"requestId":0,"type":"request","serviceId":3,"args":[""]}')
    async with Conversation(Limits(max_message_bytes=1000)) as talk:
        talk.peer.send(3, "x" * (1000 - overhead))
        with pytest.raises(LimitExceeded, match="max_message_bytes is 1000, met 1001"):
            await talk.peer.send(3, "x" * (1001 - overhead))
        assert talk.peer.stats.requests_sent_total == 1
        await turns()
        assert len(talk.said) == 1


# -- services -----------------------------------------------------------------------------------


@pytest.mark.parametrize("service_id", [0, -1, 1.5, "3", True])
async def test_a_service_needs_an_integer_above_0(service_id: Any) -> None:
    async with Conversation() as talk:
        with pytest.raises(RefusedService):
            talk.peer.add_service(service_id, print)


async def test_a_number_is_taken_only_once_and_both_are_named() -> None:
    async with Conversation() as talk:
        talk.peer.add_service(3, math.sqrt)
        with pytest.raises(ServiceIdTaken, match=r"service id 3 .*sqrt.*; service 3 .*floor"):
            talk.peer.add_service(3, math.floor)
        talk.peer.remove_service(3)
        talk.peer.add_service(3, math.floor)
        talk.peer.clear_services()
        talk.peer.add_service(3, math.sqrt)


async def test_removing_what_is_not_there_is_no_mistake() -> None:
    async with Conversation() as talk:
        talk.peer.remove_service(3)
        talk.peer.clear_services()


async def test_a_removed_service_is_unknown() -> None:
    async with linked_peers() as (left, right):
        left.add_service(3, lambda: 1)
        left.remove_service(3)
        with pytest.raises(RemoteError) as failed:
            await right.send(3)
        assert failed.value.code == "WSRQ-JRMH1"
        assert failed.value.cause.code == "UNKNOWN-SERVICE"
        assert failed.value.__cause__ is failed.value.cause


async def test_services_added_before_the_first_turn_serve_the_first_request() -> None:
    ours, theirs = connected_pair()
    theirs.send('{"requestId":0,"type":"request","serviceId":3}')
    await turns()
    said: list[Any] = []
    theirs.on_message.listen(said.append)
    peer = create_websocket_promisifier(ours)
    peer.add_service(3, lambda: "early")
    await turns()
    assert [json.loads(text)["data"] for text in said] == ["early"]
    peer.close()
    await peer.promise


# -- what it tells ------------------------------------------------------------------------------


async def test_it_tells_of_its_connection() -> None:
    async with Conversation() as talk:
        assert talk.peer.conn_id == talk.connection.id
        assert talk.peer.remote_address == "memory"
        assert talk.peer.limits == Limits()


async def test_bytes_are_counted_as_utf_8() -> None:
    async with Conversation() as talk:
        text = '{"requestId":0,"type":"request","serviceId":3,"args":["ä€😀"]}'
        talk.peer.add_service(3, itself)
        await talk.hear(text, b"x" * 9)
        assert talk.peer.stats.bytes_received == len(text.encode()) + 9
        assert talk.peer.stats.bytes_sent == len(
            '{"responseId":0,"type":"data","data":"ä€😀"}'.encode()
        )


async def test_requests_are_counted_on_both_sides() -> None:
    async with linked_peers() as (left, right):
        left.add_service(3, lambda: 1)
        await right.send(3)
        with pytest.raises(RemoteError):
            await right.send(4)
        assert right.stats.requests_sent_total == left.stats.requests_received_total == 2


async def test_two_ends_leave_no_task_behind() -> None:
    async with linked_peers() as (left, right):
        never = asyncio.Event()
        left.add_service(3, never.wait)
        right.send(3)
        await turns()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_peer_that_has_ended_is_freed_without_the_collector() -> None:
    connection, other_connection = connected_pair()
    peer = create_websocket_promisifier(connection)
    other = create_websocket_promisifier(other_connection)
    other.add_service(3, square)
    gc.collect()
    gc.disable()
    try:
        assert await peer.send(3, 12) == 144
        peer.close()
        await peer.promise
        await other.promise
        await turns()
        ended = [weakref.ref(peer), weakref.ref(other)]
        del peer, other
        await turns()
        assert [reference() for reference in ended] == [None, None]
    finally:
        gc.enable()
