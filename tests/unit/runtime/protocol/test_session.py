"""One end of a conversation without I/O: literals in, events out (base profile 7 and 8)."""

import json

import pytest

from duologue.errors import BadFrame, LimitExceeded, RefusedService
from duologue.limits import MAX_SAFE_INTEGER, Limits
from duologue.protocol.codec import route
from duologue.protocol.incoming_streams import MAX_STOPPING
from duologue.protocol.messages import (
    AnswerReceived,
    Failure,
    FailureReceived,
    Refused,
    RequestReceived,
)
from duologue.protocol.session import Session, check_service_id


def session(limits: Limits | None = None) -> Session[str]:
    return Session(limits or Limits())


def nested(levels: int) -> str:
    return "[" * levels + "]" * levels


def error_of(text: bytes) -> dict[str, object]:
    fields = json.loads(text)
    assert fields["type"] == "error"
    error: dict[str, object] = fields["error"]
    return error


# -- own calls ----------------------------------------------------------------------------------


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


# -- calls of the other side --------------------------------------------------------------------


def test_a_request_is_handed_on_with_its_arguments_unread() -> None:
    server = session()
    event = server.receive('{"requestId":0,"type":"request","serviceId":3,"args":[ 12 ]}')
    assert event == RequestReceived(0, 3, b"[ 12 ]")
    assert server.counters.requests_received_total == 1


@pytest.mark.parametrize("rest", ["", ',"args":"$__undefined$"'])
def test_absent_arguments_and_the_sentinel_are_no_arguments(rest: str) -> None:
    event = session().receive('{"requestId":0,"type":"request","serviceId":3' + rest + "}")
    assert event == RequestReceived(0, 3, None)


@pytest.mark.parametrize("args", ["null", '"ab"', "5", "{}", "true"])
def test_arguments_that_are_no_list_are_answered_with_a_type_error(args: str) -> None:
    server = session()
    event = server.receive('{"requestId":4,"type":"request","serviceId":3,"args":%s}' % args)
    assert isinstance(event, Refused)
    assert json.loads(event.reply)["responseId"] == 4
    assert error_of(event.reply)["name"] == "TypeError"
    assert server.counters.requests_received_total == 1
    assert server.counters.requests_received_invalid == 0


@pytest.mark.parametrize(
    ("request_id", "expected"),
    [
        ("1.0", 1),
        ("-5", -5),
        ("-0.0", 0),
        ("9007199254740991", MAX_SAFE_INTEGER),
        ("-9007199254740991", -MAX_SAFE_INTEGER),
        ("1e3", 1000),
    ],
)
def test_integral_request_ids_are_served_and_echoed_as_integers(
    request_id: str, expected: int
) -> None:
    server = session()
    event = server.receive('{"requestId":%s,"type":"request","serviceId":3}' % request_id)
    assert event == RequestReceived(expected, 3, None)
    assert (
        server.served.answer(expected, b"1")
        == b'{"responseId":%d,"type":"data","data":1}' % expected
    )


@pytest.mark.parametrize("number", ["9007199254740992", "-9007199254740992", "1.5", "true", '"1"'])
@pytest.mark.parametrize("field", ["requestId", "serviceId"])
def test_a_request_with_another_id_is_invalid(field: str, number: str) -> None:
    server = session()
    fields = {"requestId": "1", "serviceId": "3"} | {field: number}
    text = '{"type":"request",%s}' % ",".join(f'"{key}":{value}' for key, value in fields.items())
    assert server.receive(text) is None
    assert server.counters.requests_received_invalid == 1
    assert server.counters.requests_received_total == 0


@pytest.mark.parametrize("service_id", [0, -1, MAX_SAFE_INTEGER])
def test_service_ids_that_nobody_has_are_the_dispatchers_business(service_id: int) -> None:
    event = session().receive('{"requestId":0,"type":"request","serviceId":%d}' % service_id)
    assert event == RequestReceived(0, service_id, None)


def test_a_request_id_in_use_is_refused_and_the_first_call_goes_on() -> None:
    """Catalogue row 26."""
    server = session()
    text = '{"requestId":0,"type":"request","serviceId":3,"args":[]}'
    assert isinstance(server.receive(text), RequestReceived)
    event = server.receive(text)
    assert isinstance(event, Refused)
    assert error_of(event.reply)["code"] == "DUPLICATE-REQUEST"
    assert server.counters.requests_received_total == 2
    # The refusal has not freed the id.
    assert isinstance(server.receive(text), Refused)


@pytest.mark.parametrize("how", ["answer", "fail"])
def test_a_request_id_that_was_answered_is_served_again(how: str) -> None:
    server = session()
    text = '{"requestId":0,"type":"request","serviceId":3,"args":[]}'
    server.receive(text)
    if how == "answer":
        server.served.answer(0, None)
    else:
        server.served.fail(0, Failure("Error", "no", None))
    assert isinstance(server.receive(text), RequestReceived)


def test_a_refused_request_does_not_hold_its_id() -> None:
    server = session()
    server.receive('{"requestId":0,"type":"request","serviceId":3,"args":null}')
    event = server.receive('{"requestId":0,"type":"request","serviceId":3,"args":[]}')
    assert isinstance(event, RequestReceived)


def test_a_disowned_request_counts_as_invalid_and_frees_its_id() -> None:
    server = session()
    text = '{"requestId":0,"type":"request","serviceId":3,"args":[1e400]}'
    event = server.receive(text)
    assert isinstance(event, RequestReceived)
    server.disown(event)
    assert server.counters.requests_received_total == 0
    assert server.counters.requests_received_invalid == 1
    assert isinstance(server.receive(text), RequestReceived)


def test_disowned_requests_count_towards_the_bound() -> None:
    server = session(Limits(max_invalid_messages=1))
    for request_id in range(2):
        event = server.receive('{"requestId":%d,"type":"request","serviceId":3}' % request_id)
        assert isinstance(event, RequestReceived)
        if request_id == 0:
            server.disown(event)
        else:
            with pytest.raises(LimitExceeded):
                server.disown(event)


# -- messages -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "[]",
        "{}",
        "5",
        '{"type":"zzz"}',
        '{"command":"ping"}',
        '{"type":"request"}',
        "[" * 9,
    ],
)
def test_unreadable_messages_are_ignored_and_counted(text: str) -> None:
    receiver = session()
    assert receiver.receive(text) is None
    assert receiver.counters.requests_received_invalid == 1
    assert receiver.counters.requests_received_total == 0


def test_unreadable_messages_are_borne_up_to_the_limit() -> None:
    receiver = session(Limits(max_invalid_messages=3))
    for _ in range(3):
        receiver.receive("x")
    with pytest.raises(LimitExceeded) as exceeded:
        receiver.receive("x")
    assert exceeded.value.limit == "max_invalid_messages"
    assert receiver.counters.requests_received_invalid == 4


def test_messages_are_read_down_to_the_deepest_level() -> None:
    receiver = session()
    text = '{"requestId":0,"type":"request","serviceId":3,"args":%s}' % nested(255)
    assert isinstance(receiver.receive(text), RequestReceived)


@pytest.mark.parametrize("levels", [256, 5_000])
def test_a_request_that_is_nested_deeper_is_answered(levels: int) -> None:
    receiver = session()
    text = '{"requestId":0,"type":"request","serviceId":3,"args":%s}' % nested(levels)
    event = receiver.receive(text)
    assert isinstance(event, Refused)
    assert json.loads(event.reply)["error"] == {
        "name": "InvalidParams",
        "message": "nested more than 256 levels",
        "code": "INVALID_PARAMS",
        "details": [{"path": "", "text": "nested more than 256 levels"}],
    }
    assert receiver.counters.requests_received_invalid == 0
    assert receiver.counters.requests_received_total == 1


@pytest.mark.parametrize(
    "text",
    [
        '{"type":"write-stream-error","requestId":7}',
        '{"type":"write-stream-error"}',
        '{"type":"write-stream-error","requestId":"x"}',
    ],
)
def test_a_write_stream_error_counts_as_a_request_with_any_id(text: str) -> None:
    receiver = session()
    assert receiver.receive(text) is None
    assert receiver.counters.requests_received_total == 1
    assert receiver.counters.requests_received_invalid == 0


@pytest.mark.parametrize("kind", ["stream", "stream-end", "stream-error"])
def test_stream_messages_for_nobody_are_dropped(kind: str) -> None:
    receiver = session()
    assert receiver.receive('{"type":"%s","responseId":0}' % kind) is None
    assert receiver.counters.answers_dropped_unknown == 1
    assert receiver.counters.requests_received_invalid == 0


@pytest.mark.parametrize("size", [8, 9, 70_000])
def test_byte_messages_for_nobody_are_dropped(size: int) -> None:
    receiver = session()
    receiver.receive_bytes(b"\xff" * size)
    assert receiver.counters.answers_dropped_unknown == 1


@pytest.mark.parametrize(
    "message",
    ['{"responseId":9,"type":"data"}', '{"responseId":9,"type":"stream-end"}', b"\xff" * 9],
)
def test_answers_that_nobody_asked_for_are_borne_up_to_the_limit(message: str | bytes) -> None:
    """Catalogue row 27."""
    receiver = session(Limits(max_unasked_messages=2))

    def receive() -> None:
        if isinstance(message, str):
            receiver.receive(message)
        else:
            receiver.receive_bytes(message)

    receive()
    receive()
    with pytest.raises(LimitExceeded, match="max_unasked_messages"):
        receive()


@pytest.mark.parametrize("size", range(8))
def test_a_byte_message_shorter_than_its_id_is_a_fault(size: int) -> None:
    with pytest.raises(BadFrame, match=f"{size} bytes"):
        session().receive_bytes(b"\0" * size)


def test_both_ends_of_a_pair_call_and_serve() -> None:
    left, right = session(), session()
    _, question = left.own.open(route(3), b"[12]", "left's")
    _, counter_question = right.own.open(route(4), b"[]", "right's")
    assert right.receive(question.decode()) == RequestReceived(0, 3, b"[12]")
    assert left.receive(counter_question.decode()) == RequestReceived(0, 4, b"[]")
    assert left.receive(right.served.answer(0, b"144").decode()) == AnswerReceived("left's", b"144")
    failure = Failure("Error", "no", "NO", {"why": 1})
    assert right.receive(left.served.fail(0, failure).decode()) == FailureReceived(
        "right's", failure
    )
    assert left.counters.requests_sent_total == left.counters.requests_received_total == 1


def test_what_an_earlier_connection_has_counted_does_not_end_this_one() -> None:
    limits = Limits(max_invalid_messages=1, max_unasked_messages=1)
    receiver: Session[str] = Session(limits)
    for _ in range(3):
        receiver = Session(limits, receiver.counters)
        receiver.receive("no JSON")
        receiver.receive('{"responseId":7,"type":"data"}')
    assert receiver.counters.requests_received_invalid == 3
    with pytest.raises(LimitExceeded, match="max_invalid_messages is 1"):
        receiver.receive("no JSON")
    with pytest.raises(LimitExceeded, match="max_unasked_messages is 1"):
        receiver.receive('{"responseId":7,"type":"data"}')


# -- messages about calls that are over -----------------------------------------------------------

MAX_STRAYS = Limits().max_unasked_messages
STOP = '{"type":"write-stream-error","requestId":7}'
STOP_OF_NOTHING = '{"type":"write-stream-error"}'
CANCEL = '{"type":"cancel","requestId":7}'


@pytest.mark.parametrize("stray", [STOP, STOP_OF_NOTHING, CANCEL])
def test_strays_at_the_limit_are_dropped_and_one_above_ends_it(stray: str) -> None:
    served = session()
    served.allow_control()
    for _ in range(MAX_STRAYS):
        assert served.receive(stray) is None
    with pytest.raises(LimitExceeded, match="max_unasked_messages"):
        served.receive(stray)


def test_each_request_allows_a_cancel_and_a_stop_that_cross_its_answer() -> None:
    served = session()
    served.allow_control()
    for number in range(300):
        served.receive(f'{{"type":"request","requestId":{number},"serviceId":3,"args":[]}}')
        served.served.answer(number, b"1")
        assert served.receive(f'{{"type":"cancel","requestId":{number}}}') is None
        assert served.receive(f'{{"type":"write-stream-error","requestId":{number}}}') is None
    for _ in range(MAX_STRAYS):
        served.receive(STOP)
    with pytest.raises(LimitExceeded, match="max_unasked_messages"):
        served.receive(STOP)


def test_late_answers_beyond_one_for_each_call_are_strays() -> None:
    caller = session()
    answer = '{"responseId":0,"type":"data","data":1}'
    caller.own.open(route(3), b"[]", "call")
    assert caller.receive(answer) == AnswerReceived("call", b"1")
    for _ in range(MAX_STRAYS + 1):
        assert caller.receive(answer) is None
    with pytest.raises(LimitExceeded, match="max_unasked_messages"):
        caller.receive(answer)
