"""Messages of one end of a conversation, without I/O: literals in, events out (base profile 8)."""

import json

import pytest

from duologue.errors import BadFrame, LimitExceeded
from duologue.limits import Limits
from duologue.protocol.codec import route
from duologue.protocol.messages import (
    AnswerReceived,
    Failure,
    FailureReceived,
    Refused,
    RequestReceived,
)
from duologue.protocol.session import Session
from tests.unit.runtime.protocol.sessions import nested, session

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
