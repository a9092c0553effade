"""What a message may hold, and what becomes of one that holds more."""

import json
from collections.abc import Sequence

import pytest

from duologue.errors import BadFrame, LimitExceeded
from duologue.limits import Limits
from duologue.protocol.codec import route
from duologue.protocol.excess import find_excess, held_by, plain_characters, read_around, weigh
from duologue.protocol.messages import AnswerBroken, Refused, RequestReceived
from duologue.protocol.session import Session

REQUEST = '{"requestId":7,"type":"request","serviceId":3,"args":[%s]}'
ANSWER = '{"responseId":0,"type":"data","data":[%s]}'
FEW = Limits(max_json_objects=10, max_json_values=30)


def objects(number: int) -> str:
    return ",".join(["{}"] * number)


def numbers(number: int) -> str:
    return ",".join(["1"] * number)


def session(limits: Limits = FEW) -> Session[str]:
    return Session(limits)


def excess_of(text: str, limits: Limits) -> BadFrame | LimitExceeded | None:
    return find_excess(text, held_by(text), limits)


def weight_of(text: str, parts: Sequence[bytes] = ()) -> int:
    return weigh(text, held_by(text), parts)


# The message itself is an object with a list in it, and has three commas.


def test_a_request_may_have_as_many_objects_as_the_limit_says() -> None:
    assert isinstance(session().receive(REQUEST % objects(8)), RequestReceived)


def test_a_request_with_one_object_more_is_answered() -> None:
    served = session()
    event = served.receive(REQUEST % objects(9))
    assert isinstance(event, Refused)
    assert json.loads(event.reply) == {
        "responseId": 7,
        "type": "error",
        "error": {
            "name": "LimitExceeded",
            "message": "max_json_objects is 10",
            "code": "LIMIT_EXCEEDED",
            "details": {"limit": "max_json_objects", "value": 10},
        },
    }
    assert served.counters.requests_received_total == 1
    assert served.counters.requests_received_invalid == 0


def test_a_request_may_have_as_many_values_as_the_limit_says() -> None:
    # An object, a list, and 28 commas.
    assert isinstance(session().receive(REQUEST % numbers(26)), RequestReceived)


def test_what_stands_inside_strings_does_not_count_beside_a_full_number() -> None:
    # Eight objects and the two of the message; then 26 values: an object, a list and 28 commas.
    in_a_string = '"{[,{[,{[,{[,{[,{[,{[,{["'
    assert isinstance(session().receive(REQUEST % f"{objects(8)},{in_a_string}"), RequestReceived)
    assert isinstance(session().receive(REQUEST % f"{numbers(25)},{in_a_string}"), RequestReceived)


def test_a_request_with_one_value_more_is_answered() -> None:
    event = session().receive(REQUEST % numbers(27))
    assert isinstance(event, Refused)
    assert json.loads(event.reply)["error"]["details"] == {"limit": "max_json_values", "value": 30}


def test_the_same_holds_at_the_defaults() -> None:
    receiver = session(Limits())
    assert isinstance(receiver.receive(REQUEST % objects(16_382)), RequestReceived)
    assert isinstance(receiver.receive(REQUEST % objects(16_383)), Refused)
    assert isinstance(
        receiver.receive(REQUEST.replace("7", "8") % numbers(131_067)), RequestReceived
    )
    assert isinstance(receiver.receive(REQUEST % numbers(131_068)), Refused)


@pytest.mark.parametrize("inside", ["[" * 200, "{" * 200, "," * 200, '\\"[[[' * 50, "\\\\[" * 50])
def test_what_stands_inside_strings_is_text(inside: str) -> None:
    event = session().receive(REQUEST % f'"{inside}"')
    assert isinstance(event, RequestReceived)


@pytest.mark.parametrize("kind", ["data", "error"])
def test_an_answer_with_too_much_in_it_fails_its_call(kind: str) -> None:
    caller = session()
    caller.own.open(route(3), b"[]", "call")
    event = caller.receive((ANSWER % objects(20)).replace("data", kind))
    assert isinstance(event, AnswerBroken)
    assert event.call == "call"
    assert isinstance(event.error, LimitExceeded)
    assert (event.error.limit, event.error.met) == ("max_json_objects", 22)
    assert caller.own.unanswered == {}
    assert caller.counters.requests_received_invalid == 0


def test_one_that_comes_too_late_is_dropped_as_such() -> None:
    caller = session()
    caller.own.open(route(3), b"[]", "call")
    caller.own.give_up(0)
    assert caller.receive(ANSWER % objects(20)) is None
    assert caller.counters.answers_dropped_late == 1
    assert caller.counters.requests_received_invalid == 0


@pytest.mark.parametrize("kind", ["stream", "cancel", "write-stream-error", "x"])
def test_what_nobody_waits_for_is_unreadable(kind: str) -> None:
    receiver = session()
    text = '{"type":"%s","requestId":0,"responseId":0,"chunk":[%s]}' % (kind, objects(20))
    assert receiver.receive(text) is None
    assert receiver.counters.requests_received_invalid == 1


@pytest.mark.parametrize("request_id", ['"x"', "null", "1.5"])
def test_a_request_without_usable_ids_is_unreadable(request_id: str) -> None:
    receiver = session()
    assert receiver.receive((REQUEST % objects(20)).replace("7", request_id)) is None
    assert receiver.counters.requests_received_invalid == 1


def test_a_control_call_with_too_much_in_it_is_no_hello() -> None:
    receiver = session()
    receiver.allow_control()
    event = receiver.receive((REQUEST % objects(20)).replace('"serviceId":3', '"serviceId":0'))
    assert isinstance(event, Refused)
    assert json.loads(event.reply)["error"]["code"] == "INVALID_PARAMS"
    assert receiver.counters.control_requests_received == 1


def test_the_parts_of_a_message_with_too_much_in_it_are_taken_all_the_same() -> None:
    receiver = session()
    receiver.allow_control()
    text = (REQUEST % objects(20)).replace("]}", '],"parts":[9]}')
    assert receiver.receive(text) is None
    assert isinstance(receiver.receive_bytes(b"x" * 9), Refused)


def test_items_with_too_much_in_them_break_their_stream_off() -> None:
    both = session()
    both.allow_control()
    both.own.open(route(3), b"[]", "call")
    both.receive(REQUEST % "1")
    own = both.own.items.open(0, takes_items=True)
    served = both.served.items.open(7, takes_items=True)
    for text in (
        '{"type":"items","responseId":0,"data":[%s]}',
        '{"type":"items","requestId":7,"data":[%s]}',
    ):
        assert both.receive(text % objects(20)) is None
    assert own.incoming.failure.startswith("max_json_objects is 10, met 22")
    assert served.incoming.failure.startswith("max_json_objects is 10, met 22")
    assert both.counters.requests_received_invalid == 0
    assert both.receive('{"type":"items","requestId":8,"data":[%s]}' % objects(20)) is None
    assert both.counters.messages_dropped == 1
    assert both.receive('{"type":"items","data":[%s]}' % objects(20)) is None
    assert both.counters.requests_received_invalid == 1


def test_depth_is_told_before_number() -> None:
    limits = Limits(max_json_depth=20, max_json_objects=30)
    excess = excess_of("[" * 40 + "]" * 40, limits)
    assert isinstance(excess, BadFrame)
    assert str(excess) == "nested more than 20 levels"


@pytest.mark.parametrize(
    "limits",
    [
        Limits(max_json_depth=5),
        Limits(max_json_objects=5),
        Limits(max_json_values=11),
        Limits(),
    ],
)
def test_a_text_that_is_not_looked_at_cannot_have_too_much(limits: Limits) -> None:
    size = plain_characters(limits)
    for opening, closing in ("[]", "{}"):
        assert excess_of(opening * (size // 2) + closing * (size // 2), limits) is None
    assert excess_of("[]" * (size // 2), limits) is None
    assert excess_of("," * size, limits) is None


# -- reading around -----------------------------------------------------------------------------

DEEP = "[" * 5_000 + "]" * 5_000


@pytest.mark.parametrize(
    "text",
    [
        '{"requestId":7,"type":"request","serviceId":3,"args":%s}',
        '{"args":%s,"requestId":7,"type":"request","serviceId":3}',
        ' {"requestId":7,"args":%s, "type":"request" , "serviceId":3 } ',
        '{"requestId":7,"type":"request","serviceId":3,"more":{},"args":%s,"takesParts":true}',
        '{"requestId":7,"type":"request","serviceId":3,"args":["\\ud800",%s]}',
    ],
)
def test_ids_are_read_around_what_cannot_be_read(text: str) -> None:
    envelope = read_around(text % DEEP)
    assert (envelope.type, envelope.requestId, envelope.serviceId) == ("request", 7, 3)


@pytest.mark.parametrize(
    "text", [DEEP, "[" * 5_000, '{"a":' * 5_000, '{"a","b":%s}' % DEEP, "{" + DEEP]
)
def test_what_has_nothing_around_it_is_unreadable(text: str) -> None:
    with pytest.raises(BadFrame):
        read_around(text)


# -- weight -------------------------------------------------------------------------------------


def test_small_messages_weigh_nothing() -> None:
    assert weight_of("x" * 256) == 0
    assert weight_of("x" * 200, [b"y" * 56]) == 0


def test_what_is_larger_weighs_what_its_values_may_take() -> None:
    assert weight_of("x" * 257) == 2 * 257
    assert weight_of("x" * 256 + "é") == 5 * 257
    assert weight_of("x" * 200, [b"y" * 57]) == 2 * 200 + 57
    assert weight_of("x" * 254 + "{[,") == 2 * 257 + 2 * 1024 + 128


# -- counting -----------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [10, 4096, 4097, 70_000])
@pytest.mark.parametrize("number", [0, 1, 63, 64, 65, 3000])
def test_every_list_object_and_comma_counts_wherever_it_stands(length: int, number: int) -> None:
    text = "[" + "{" * number + "n" * length + "," * number + "]"
    assert held_by(text) == (number + 1, number)
    assert held_by(text[::-1]) == (number + 1, number)
    assert held_by("".join(sorted(text))) == (number + 1, number)
