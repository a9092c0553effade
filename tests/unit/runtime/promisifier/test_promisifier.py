"""The object an application holds: calls, services, closing (product 2; base profile 7 and 8)."""

import asyncio
import gc
import json
import math
import weakref
from typing import Any

import pytest

from duologue.connection.memory import connected_pair
from duologue.errors import (
    BadFrame,
    ConnectionClosed,
    DeadlineExceeded,
    DuologueError,
    LimitExceeded,
    RefusedService,
    RefusedValue,
    RemoteError,
    ServiceIdTaken,
)
from duologue.limits import Limits
from duologue.promisifier.own_call import NO_DEADLINE, Call, CallOptions
from duologue.promisifier.promise import CloseStatus
from duologue.promisifier.promisifier import (
    WebsocketPromisifier,
    create_websocket_promisifier,
)
from duologue.protocol.parcels import Payload
from duologue.protocol.values import UNDEFINED
from duologue.testing import linked_peers
from tests.support import Conversation, PlainReading, echo, has_timer, itself, square, turns


def upper(text: str) -> str:
    return text.upper()


class Unreadable(DuologueError):
    pass


class Refusing(PlainReading):
    def decode_result(self, data: Payload | None) -> bytes | None:
        raise Unreadable


def start(peer: WebsocketPromisifier, timeout_s: float | None) -> Call[bytes | None]:
    reading = PlainReading()
    options = NO_DEADLINE if timeout_s is None else CallOptions(timeout_s)
    return peer.start_call(reading, b"[]", reading, options)


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


# -- failures -----------------------------------------------------------------------------------

FAILURES: list[tuple[str, tuple[str, str, str | None]]] = [
    ('{"name":"N","message":"M","code":"C"}', ("N", "M", "C")),
    ('{"name":"N","message":"M","code":"$__undefined$"}', ("N", "M", None)),
    ('{"name":"","message":"M"}', ("Error", "M", None)),
    ("{}", ("Error", "", None)),
    ("null", ("Error", "", None)),
    ('"$__undefined$"', ("Error", "", None)),
    ('{"name":1e400}', ("Error", "", None)),
]


@pytest.mark.parametrize(("error", "cause"), FAILURES)
async def test_a_failed_service_is_a_remote_error_with_its_cause(
    error: str, cause: tuple[str, str, str | None]
) -> None:
    async with Conversation() as talk:
        call = talk.peer.send(3)
        await talk.hear('{"responseId":0,"type":"error","error":%s}' % error)
        with pytest.raises(RemoteError) as failed:
            await call
        met = failed.value.cause
        assert (met.name, met.message, met.code) == cause
        assert failed.value.name == "WebsocketRequestError"
        assert str(failed.value).startswith(
            'WSRQ-JRMH1: Remote websocket function returned an error (see "cause" property)'
        )


async def test_an_unreadable_result_fails_the_call_and_is_counted() -> None:
    async with Conversation() as talk:
        call = talk.peer.send(3)
        await talk.hear('{"responseId":0,"type":"data","data":[1e400]}')
        with pytest.raises(BadFrame):
            await call
        assert talk.peer.stats.requests_received_invalid == 1


async def test_a_result_of_another_type_fails_the_call_and_is_not_counted() -> None:
    async with Conversation() as talk:
        call = talk.peer.start_call(Refusing(), b"[]", Refusing(), NO_DEADLINE)
        await talk.hear('{"responseId":0,"type":"data","data":1}')
        with pytest.raises(Unreadable):
            await call
        assert talk.peer.stats.requests_received_invalid == 0


async def test_a_late_answer_is_dropped_and_counted() -> None:
    async with Conversation() as talk:
        call = talk.peer.send(3)
        call.cancel()
        await talk.hear('{"responseId":0,"type":"data","data":1}')
        assert talk.peer.stats.answers_dropped_late == 1
        with pytest.raises(asyncio.CancelledError):
            await call


async def test_cancelling_the_awaiting_task_gives_the_call_up() -> None:
    async with Conversation() as talk:

        async def call() -> Any:
            return await talk.peer.send(3)

        task = asyncio.ensure_future(call())
        await turns()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await talk.hear('{"responseId":0,"type":"error","error":{}}')
        assert talk.peer.stats.answers_dropped_late == 1
        talk.peer.close()
        status = await talk.peer.promise
        assert status.pending == ()


async def test_an_answer_to_nobody_is_dropped_and_counted() -> None:
    async with Conversation() as talk:
        await talk.hear('{"responseId":5,"type":"data","data":1}')
        assert talk.peer.stats.answers_dropped_unknown == 1


# -- deadlines ----------------------------------------------------------------------------------


async def test_a_call_that_is_not_answered_in_time_fails() -> None:
    async with Conversation() as talk:
        with pytest.raises(DeadlineExceeded, match=r"no answer to Rooms/join within 0\.01 s"):
            await start(talk.peer, 0.01)
        await talk.hear('{"responseId":0,"type":"data"}')
        assert talk.peer.stats.answers_dropped_late == 1


async def test_a_deadline_is_a_timeout_error() -> None:
    async with Conversation() as talk:
        with pytest.raises(TimeoutError):
            await start(talk.peer, 0.001)


async def test_deadlines_fire_in_their_order_and_spare_the_others() -> None:
    async with Conversation() as talk:
        patient, slow, quick = start(talk.peer, 60), start(talk.peer, 0.04), start(talk.peer, 0.01)
        forever = start(talk.peer, None), start(talk.peer, math.inf)
        await asyncio.wait([quick])
        assert not slow.done()
        await asyncio.wait([slow])
        assert isinstance(quick.exception(), DeadlineExceeded)
        assert isinstance(slow.exception(), DeadlineExceeded)
        assert not patient.done()
        assert not any(call.done() for call in forever)


async def test_an_answer_in_time_forgets_the_deadline() -> None:
    async with Conversation() as talk:
        first, second = start(talk.peer, 0.01), start(talk.peer, 0.02)
        await talk.hear('{"responseId":0,"type":"data","data":1}')
        await asyncio.wait([second])
        assert await first == b"1"
        assert talk.peer.stats.answers_dropped_late == 0


async def test_a_deadline_that_nobody_awaits_is_not_logged() -> None:
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    async with Conversation() as talk:
        start(talk.peer, 0.001)
        last = start(talk.peer, 0.02)
        await asyncio.wait([last])
        last.exception()
        del last
        gc.collect()
    assert complaints == []


# -- the end ------------------------------------------------------------------------------------


async def test_the_promise_gives_status_reason_and_statistics() -> None:
    async with linked_peers() as (left, right):
        left.add_service(3, lambda: 1)
        await right.send(3)
        right.close("done for today")
        status = await right.promise
        assert isinstance(status, CloseStatus)
        assert (status.code, status.reason, status.pending) == (
            1000,
            "Close called: done for today",
            (),
        )
        assert status.stats.requests_sent_total == 1
        other = await left.promise
        assert other.reason == status.reason
        assert other.stats.requests_received_total == 1


async def test_closing_twice_is_closing_once() -> None:
    async with linked_peers() as (left, right):
        right.close("first")
        right.close("second")
        assert (await left.promise).reason == "Close called: first"


async def test_a_long_reason_is_cut_at_a_whole_character() -> None:
    async with linked_peers() as (left, right):
        right.close("😀" * 40)
        reason = (await left.promise).reason
        assert reason == "Close called: " + "😀" * 27
        assert len(reason.encode()) <= 123


async def test_calls_pending_at_the_close_fail_and_are_named_in_the_status() -> None:
    async with linked_peers() as (left, right):
        never = asyncio.Event()
        left.add_service(7, never.wait)
        left.add_service(8, never.wait)
        calls = [right.send(7), right.send(8), right.send(7)]
        await turns()
        right.close()
        status = await right.promise
        assert (status.code, status.pending) == (1000, (7, 8, 7))
        for call, service_id in zip(calls, (7, 8, 7), strict=True):
            with pytest.raises(ConnectionClosed, match="WSP-ONCL0: Aborted") as closed:
                await call
            assert closed.value.code == "WSP-ONCL0"
            assert closed.value.close_code == 1000
            assert closed.value.pending == (service_id,)
            assert closed.value.sent == "yes"


async def test_a_call_open_when_the_line_is_lost_was_sent_perhaps() -> None:
    async with Conversation() as talk:
        call = talk.peer.send(3)
        talk.connection.terminate("at once")
        with pytest.raises(ConnectionClosed) as closed:
            await call
        assert closed.value.sent == "unknown"


@pytest.mark.parametrize("when", ["closing", "closed"])
async def test_a_call_that_comes_too_late_was_not_sent_and_takes_no_id(when: str) -> None:
    async with Conversation() as talk:
        talk.peer.close()
        if when == "closed":
            await talk.peer.promise
        with pytest.raises(ConnectionClosed) as closed:
            await talk.peer.send(3)
        assert (closed.value.code, closed.value.sent) == ("WSP-ONCL0", "no")
        assert talk.peer.stats.requests_sent_total == 0


async def test_an_unclean_end_is_raised_with_everything_in_it() -> None:
    async with Conversation() as talk:
        call = talk.peer.send(7)
        await turns()
        talk.connection.terminate("gone")
        with pytest.raises(ConnectionClosed) as closed:
            await talk.peer.promise
        error = closed.value
        assert (error.code, error.close_code, error.pending) == (1006, 1006, (7,))
        assert error.stats["requests_sent_total"] == 1
        assert "1006" in str(error)
        assert "gone" in str(error)
        assert isinstance(error, ConnectionError)
        with pytest.raises(ConnectionClosed):
            await call


async def test_too_many_unreadable_messages_close_with_a_typed_error() -> None:
    async with Conversation(Limits(max_invalid_messages=2)) as talk:
        await talk.hear("x", "x")
        assert not talk.peer.promise.done()
        await talk.hear("x")
        with pytest.raises(ConnectionClosed, match="onMsgHandler error") as closed:
            await talk.peer.promise
        assert isinstance(closed.value.__cause__, LimitExceeded)
        assert closed.value.__cause__.limit == "max_invalid_messages"
        assert talk.wire.close_code == 1000


@pytest.mark.parametrize("size", [0, 7])
async def test_a_short_byte_message_closes_and_what_follows_is_not_processed(size: int) -> None:
    async with Conversation() as talk:
        call = talk.peer.send(3)
        await talk.hear(b"x" * size, '{"responseId":0,"type":"data","data":1}')
        with pytest.raises(ConnectionClosed) as closed:
            await talk.peer.promise
        assert isinstance(closed.value.__cause__, BadFrame)
        assert talk.wire.close_reason.startswith("Close called: onMsgHandler error: ")
        with pytest.raises(ConnectionClosed) as failed:
            await call
        assert isinstance(failed.value.__cause__, BadFrame)


async def test_a_byte_message_for_nobody_is_dropped() -> None:
    async with Conversation() as talk:
        await talk.hear(b"x" * 8)
        assert not talk.peer.promise.done()
        assert talk.peer.stats.answers_dropped_unknown == 1


async def test_a_connection_that_was_closed_already_settles_at_once() -> None:
    ours, theirs = connected_pair()
    theirs.close("too late")
    await turns()
    peer = create_websocket_promisifier(ours)
    assert (await peer.promise).reason == "Close called: too late"


async def test_a_connection_that_closes_before_the_first_turn_settles_too() -> None:
    ours, _ = connected_pair()
    peer = create_websocket_promisifier(ours)
    ours.terminate("at once")
    assert peer.promise.done()
    await turns()
    assert isinstance(await peer.promise.wait(), ConnectionClosed)


async def test_listeners_are_told_once_of_the_end() -> None:
    async with Conversation() as talk:
        told: list[object] = []
        talk.peer.on_closed(told.append)
        talk.peer.on_closed(told.append)
        talk.peer.close()
        await talk.peer.promise
        assert told == [talk.peer, talk.peer]


async def test_a_request_that_ends_the_connection_leaves_no_timer_behind() -> None:
    limits = Limits(max_unsent_bytes=10)
    ours, _ = connected_pair(limits)
    peer = create_websocket_promisifier(ours, limits=limits)
    ours.send("more than ten")
    call = start(peer, 60)
    with pytest.raises(ConnectionClosed) as closed:
        await call
    assert isinstance(closed.value.__cause__, LimitExceeded)
    assert isinstance(await peer.promise.wait(), ConnectionClosed)
    assert not has_timer(peer)


async def test_no_timer_outlives_the_connection() -> None:
    async with Conversation() as talk:
        start(talk.peer, 60)
        talk.peer.close()
        await talk.peer.promise
        assert not has_timer(talk.peer)


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
