"""Own calls of a session without I/O: literals in, events out (base profile 7)."""

import pytest

from duologue.errors import LimitExceeded, RefusedService
from duologue.limits import MAX_SAFE_INTEGER, Limits
from duologue.protocol.codec import route
from duologue.protocol.incoming_streams import MAX_STOPPING
from duologue.protocol.messages import (
    AnswerReceived,
    Failure,
    FailureReceived,
    Refused,
)
from duologue.protocol.session import check_service_id
from tests.unit.runtime.protocol.sessions import session


def test_requests_are_numbered_from_0() -> None:
    caller = session()
    assert caller.own.open(route(3), b"[12]", "first") == (
        0,
        b'{"requestId":0,"type":"request","serviceId":3,"args":[12]}',
    )
    assert caller.own.open(route(3), b"[]", "second")[0] == 1
    assert caller.counters.requests_sent_total == 2


@pytest.mark.parametrize("service_id", [1, 2**32, MAX_SAFE_INTEGER])
def test_an_integer_above_0_can_be_called(service_id: int) -> None:
    assert check_service_id(service_id) == service_id


@pytest.mark.parametrize("service_id", [0, -1, 1.5, 3.0, "3", None, True, MAX_SAFE_INTEGER + 1])
def test_nothing_else_can_be_called(service_id: object) -> None:
    with pytest.raises(RefusedService) as refused:
        check_service_id(service_id)
    assert refused.value.code == "WSP-SN3"


def test_an_answer_settles_its_call() -> None:
    caller = session()
    caller.own.open(route(3), b"[12]", "call")
    event = caller.receive('{"responseId":0,"type":"data","data":144}')
    assert event == AnswerReceived("call", b"144")
    assert caller.own.unanswered == {}


def test_answers_may_come_in_any_order() -> None:
    caller = session()
    caller.own.open(route(3), b"[]", "first")
    caller.own.open(route(3), b"[]", "second")
    assert caller.receive('{"responseId":1,"type":"data","data":2}') == AnswerReceived(
        "second", b"2"
    )
    assert caller.receive('{"responseId":0.0,"type":"data","data":1}') == AnswerReceived(
        "first", b"1"
    )


@pytest.mark.parametrize("rest", ["", ',"data":"$__undefined$"'])
def test_an_answer_may_have_no_result(rest: str) -> None:
    caller = session()
    caller.own.open(route(3), b"[]", "call")
    event = caller.receive('{"responseId":0,"type":"data"' + rest + "}")
    assert event == AnswerReceived("call", None)


def test_null_is_a_result() -> None:
    caller = session()
    caller.own.open(route(3), b"[]", "call")
    event = caller.receive('{"responseId":0,"type":"data","data":null}')
    assert event == AnswerReceived("call", b"null")


def test_a_failure_settles_its_call() -> None:
    caller = session()
    caller.own.open(route(3), b"[]", "call")
    event = caller.receive('{"responseId":0,"type":"error","error":{"name":"N","code":"C"}}')
    assert event == FailureReceived("call", Failure("N", None, "C"))


@pytest.mark.parametrize("rest", ["", ',"error":null', ',"error":"$__undefined$"', ',"error":5'])
def test_a_failure_without_an_error_object_fails_the_call(rest: str) -> None:
    caller = session()
    caller.own.open(route(3), b"[]", "call")
    event = caller.receive('{"responseId":0,"type":"error"' + rest + "}")
    assert event == FailureReceived("call", Failure(None, None, None))
    assert caller.counters.requests_received_invalid == 0


def test_an_unreadable_failure_is_counted_and_fails_the_call_even_so() -> None:
    caller = session()
    caller.own.open(route(3), b"[]", "call")
    event = caller.receive('{"responseId":0,"type":"error","error":{"message":1e400}}')
    assert event == FailureReceived("call", Failure(None, None, None))
    assert caller.counters.requests_received_invalid == 1


@pytest.mark.parametrize("kind", ["data", "error"])
def test_a_second_answer_is_dropped_and_counted_as_late(kind: str) -> None:
    caller = session()
    caller.own.open(route(3), b"[]", "call")
    caller.receive('{"responseId":0,"type":"data"}')
    assert caller.receive('{"responseId":0,"type":"%s"}' % kind) is None
    assert caller.counters.answers_dropped_late == 1
    assert caller.counters.answers_dropped_unknown == 0


def test_an_answer_to_an_abandoned_call_is_dropped_and_counted_as_late() -> None:
    caller = session()
    caller.own.open(route(3), b"[]", "call")
    assert caller.own.give_up(0)
    assert not caller.own.give_up(0)
    assert caller.receive('{"responseId":0,"type":"data"}') is None
    assert caller.counters.answers_dropped_late == 1


@pytest.mark.parametrize("response_id", ["0", "5", "-1", "9007199254740991"])
def test_an_answer_to_nobody_is_dropped_and_not_held_against_the_sender(response_id: str) -> None:
    caller = session()
    assert caller.receive('{"responseId":%s,"type":"data","data":1}' % response_id) is None
    assert caller.counters.answers_dropped_unknown == 1
    assert caller.counters.requests_received_invalid == 0


@pytest.mark.parametrize(
    "text",
    [
        '{"type":"data","data":1}',
        '{"type":"error","error":{}}',
        '{"type":"data","responseId":1.5}',
        '{"type":"data","responseId":"0"}',
        '{"type":"error","responseId":9007199254740992}',
        '{"type":"stream","responseId":null}',
        '{"type":"stream-end"}',
        '{"type":"stream-error"}',
    ],
)
def test_an_answer_without_an_integral_id_is_invalid(text: str) -> None:
    caller = session()
    caller.own.open(route(3), b"[]", "call")
    assert caller.receive(text) is None
    assert caller.counters.requests_received_invalid == 1
    assert caller.own.unanswered == {0: "call"}


def test_a_request_that_was_not_handed_over_uses_up_no_id() -> None:
    caller = session()
    request_id, _ = caller.own.open(route(3), b"[]", "call")
    caller.own.take_back(request_id, 3)
    assert caller.own.unanswered == {}
    assert caller.counters.requests_sent_total == 0
    assert caller.own.open(route(3), b"[]", "another")[0] == 0


def test_open_calls_up_to_the_limit_and_no_more() -> None:
    caller = session(Limits(max_open_calls=2))
    caller.own.open(route(3), b"[]", "a")
    caller.own.open(route(3), b"[]", "b")
    with pytest.raises(LimitExceeded) as exceeded:
        caller.own.open(route(3), b"[]", "c")
    assert (exceeded.value.limit, exceeded.value.value, exceeded.value.met) == (
        "max_open_calls",
        2,
        3,
    )
    assert caller.counters.requests_sent_total == 2
    caller.receive('{"responseId":0,"type":"data"}')
    assert caller.own.open(route(3), b"[]", "c")[0] == 2


def test_there_is_room_until_all_places_are_taken_whatever_is_said_of_ourselves() -> None:
    caller = session(Limits(max_open_calls=2))
    caller.own.open(route(0), b"[]", "hello")
    caller.own.open(route(3), b"[]", "a")
    assert caller.own.has_room
    caller.own.open(route(3), b"[]", "b")
    assert not caller.own.has_room
    caller.receive('{"responseId":0,"type":"data"}')
    assert not caller.own.has_room
    caller.receive('{"responseId":1,"type":"data"}')
    assert caller.own.has_room


def test_so_many_streams_of_given_up_calls_are_stopped_and_no_more() -> None:
    caller = session(Limits(max_open_calls=MAX_STOPPING + 1))
    for _ in range(MAX_STOPPING + 1):
        request_id, _ = caller.own.open(route(3), b"[]", "call")
        caller.own.give_up(request_id)
    chunk = '{"responseId":%d,"type":"stream","encoding":"utf8","chunk":"x"}'
    events = [caller.receive(chunk % number) for number in range(MAX_STOPPING + 1)]
    assert all(isinstance(event, Refused) for event in events[:-1])
    assert events[-1] is None


def test_our_own_hello_takes_no_place_of_an_open_call() -> None:
    caller = session(Limits(max_open_calls=2))
    caller.own.open(route(0), b"[]", "hello")
    caller.own.open(route(3), b"[]", "a")
    caller.own.open(route(3), b"[]", "b")
    with pytest.raises(LimitExceeded) as exceeded:
        caller.own.open(route(3), b"[]", "c")
    assert (exceeded.value.value, exceeded.value.met) == (2, 3)
    caller.receive('{"responseId":0,"type":"data"}')
    with pytest.raises(LimitExceeded):
        caller.own.open(route(3), b"[]", "c")
    caller.receive('{"responseId":1,"type":"data"}')
    assert caller.own.open(route(3), b"[]", "c")[0] == 3


def test_a_hello_can_be_said_while_all_places_are_taken() -> None:
    caller = session(Limits(max_open_calls=2))
    caller.own.open(route(3), b"[]", "a")
    caller.own.open(route(3), b"[]", "b")
    assert caller.own.open(route(0), b"[]", "hello")[0] == 2
    caller.own.open(route(0), b"[]", "another")
    with pytest.raises(LimitExceeded):
        caller.own.open(route(0), b"[]", "one too many")


def test_the_id_of_a_hello_that_was_taken_back_counts_for_the_next_call() -> None:
    caller = session(Limits(max_open_calls=1))
    request_id, _ = caller.own.open(route(0), b"[]", "hello")
    caller.own.take_back(request_id, 0)
    caller.own.open(route(3), b"[]", "a")
    with pytest.raises(LimitExceeded):
        caller.own.open(route(3), b"[]", "b")


def test_closing_hands_back_the_open_calls_in_order() -> None:
    caller = session()
    for call in "abc":
        caller.own.open(route(3), b"[]", call)
    caller.receive('{"responseId":1,"type":"data"}')
    assert caller.close() == ["a", "c"]
    assert caller.close() == []
