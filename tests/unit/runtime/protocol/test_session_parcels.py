"""Parts at one end of a conversation: literals in, events out (PROTOCOL 12)."""

import pytest

from duologue.errors import LimitExceeded, ProtocolError
from duologue.limits import Limits
from duologue.protocol.codec import route
from duologue.protocol.messages import (
    AnswerBroken,
    AnswerReceived,
    FailureReceived,
    Refused,
    RequestReceived,
    SessionEvent,
)
from duologue.protocol.parcels import Parcel
from duologue.protocol.session import Session

REQUEST = '{"requestId":0,"type":"request","serviceId":3,"args":[{"blob":0}],"parts":[9]}'
ANSWER = '{"responseId":0,"type":"data","data":0,"parts":[9]}'
PART = b"123456789"


def session(limits: Limits | None = None) -> Session[str]:
    """One that has said hello."""
    made: Session[str] = Session(limits or Limits())
    made.allow_control()
    return made


def caller() -> Session[str]:
    """One that waits for an answer."""
    made = session()
    made.own.open(route(3, True), b"[]", "call")
    return made


def hear(receiver: Session[str], *messages: str | bytes) -> list[SessionEvent[str] | None]:
    return [
        receiver.receive(message) if isinstance(message, str) else receiver.receive_bytes(message)
        for message in messages
    ]


# -- sending ------------------------------------------------------------------------------------


def test_a_request_announces_the_sizes_of_its_parts() -> None:
    assert session().own.open(route(3), Parcel(b'[{"a":0,"b":1}]', [PART, b"xy"]), "call") == (
        0,
        b'{"requestId":0,"type":"request","serviceId":3,"args":[{"a":0,"b":1}],"parts":[9,2]}',
    )


def test_a_request_says_that_its_answer_may_have_parts() -> None:
    assert session().own.open(route(3, True), b"[]", "call") == (
        0,
        b'{"requestId":0,"type":"request","serviceId":3,"args":[],"takesParts":true}',
    )


def test_a_request_with_parts_may_take_some_too() -> None:
    _, text = session().own.open(route(3, True), Parcel(b"[0]", [PART]), "call")
    assert text.endswith(b'"args":[0],"parts":[9],"takesParts":true}')


def test_an_answer_announces_the_sizes_of_its_parts() -> None:
    assert session().served.answer(7, Parcel(b"0", [PART])) == (
        b'{"responseId":7,"type":"data","data":0,"parts":[9]}'
    )


def test_a_request_with_parts_that_was_not_handed_over_uses_up_no_id() -> None:
    sender = session()
    request_id, _ = sender.own.open(route(3), Parcel(b"[0]", [PART]), "call")
    sender.own.take_back(request_id, 3)
    assert sender.own.open(route(3), b"[]", "next")[0] == 0
    assert sender.counters.requests_sent_total == 1


# -- receiving ----------------------------------------------------------------------------------


def test_a_request_is_there_when_its_last_part_is() -> None:
    served = session()
    text = REQUEST.replace("[9]", "[9,0]")
    assert hear(served, text, PART, b"") == [
        None,
        None,
        RequestReceived(0, 3, Parcel(b'[{"blob":0}]', [PART, b""])),
    ]
    assert served.counters.requests_received_total == 1


def test_a_request_is_not_counted_before_it_is_there() -> None:
    served = session()
    served.receive(REQUEST)
    assert served.counters.requests_received_total == 0


def test_an_answer_settles_its_call_when_its_last_part_is_there() -> None:
    assert hear(caller(), ANSWER, PART) == [None, AnswerReceived("call", Parcel(b"0", [PART]))]


def test_the_part_that_is_handed_on_is_the_object_that_came() -> None:
    _, event = hear(caller(), ANSWER, PART)
    assert isinstance(event, AnswerReceived)
    assert isinstance(event.data, Parcel)
    assert event.data.parts[0] is PART


def test_messages_behind_a_parcel_are_read_as_ever() -> None:
    served = session()
    hear(served, REQUEST, PART)
    (event,) = hear(served, '{"requestId":1,"type":"request","serviceId":3,"args":[1]}')
    assert event == RequestReceived(1, 3, b"[1]")


def test_a_request_that_takes_parts_says_so() -> None:
    (event,) = hear(
        session(), '{"requestId":0,"type":"request","serviceId":3,"args":[],"takesParts":true}'
    )
    assert event == RequestReceived(0, 3, b"[]", takes_parts=True)


@pytest.mark.parametrize("value", ['"true"', "1", "null", "[]", "false"])
def test_nothing_but_true_takes_parts(value: str) -> None:
    (event,) = hear(
        session(),
        '{"requestId":0,"type":"request","serviceId":3,"args":[],"takesParts":%s}' % value,
    )
    assert event == RequestReceived(0, 3, b"[]")


@pytest.mark.parametrize("rest", ["", ',"args":"$__undefined$"'])
def test_parts_without_arguments_belong_to_nothing(rest: str) -> None:
    text = '{"requestId":0,"type":"request","serviceId":3%s,"parts":[9]}' % rest
    assert hear(session(), text, PART) == [None, RequestReceived(0, 3, None)]


@pytest.mark.parametrize("rest", ["", ',"data":"$__undefined$"'])
def test_parts_without_a_result_stand_beside_null(rest: str) -> None:
    text = '{"responseId":0,"type":"data"%s,"parts":[9]}' % rest
    assert hear(caller(), text, PART)[1] == AnswerReceived("call", Parcel(b"null", [PART]))


# -- who has not said hello ---------------------------------------------------------------------


def test_without_a_hello_the_field_is_one_that_nobody_knows() -> None:
    base: Session[str] = Session(Limits())
    assert base.receive(REQUEST) == RequestReceived(0, 3, b'[{"blob":0}]')


@pytest.mark.parametrize("parts", ["5", "[-1]", "[1e400]", "[]"])
def test_without_a_hello_its_value_does_not_matter(parts: str) -> None:
    base: Session[str] = Session(Limits())
    event = base.receive(
        '{"requestId":0,"type":"request","serviceId":3,"args":[],"parts":%s}' % parts
    )
    assert event == (None if "1e400" in parts else RequestReceived(0, 3, b"[]"))


def test_without_a_hello_no_answer_has_parts() -> None:
    base: Session[str] = Session(Limits())
    event = base.receive(
        '{"requestId":0,"type":"request","serviceId":3,"args":[],"takesParts":true}'
    )
    assert event == RequestReceived(0, 3, b"[]", takes_parts=False)


# -- what comes apart ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["", "garbage", REQUEST, '{"type":"keepalive"}', '{"responseId":0,"type":"data"}']
)
def test_a_text_in_the_place_of_a_part_is_a_broken_protocol(text: str) -> None:
    served = session()
    served.receive(REQUEST)
    with pytest.raises(ProtocolError, match="a text came where parts"):
        served.receive(text)


@pytest.mark.parametrize("part", [b"", b"12345678", b"1234567890"])
def test_a_part_of_another_size_is_a_broken_protocol(part: bytes) -> None:
    with pytest.raises(ProtocolError, match="where 9 were announced"):
        hear(session(), REQUEST, part)


@pytest.mark.parametrize(
    "text",
    [
        '{"responseId":0,"type":"error","error":{},"parts":[1]}',
        '{"responseId":0,"type":"stream","chunk":"x","encoding":"utf8","parts":[1]}',
        '{"responseId":0,"type":"stream-end","parts":[1]}',
        '{"requestId":0,"type":"cancel","parts":[1]}',
        '{"requestId":0,"type":"write-stream-error","parts":[1]}',
        '{"type":"later","parts":[1]}',
        '{"responseId":0,"type":"data","data":0,"parts":[]}',
        '{"responseId":0,"type":"data","data":0,"parts":"9"}',
        '{"responseId":0,"type":"data","data":"\\ud800","parts":[-1]}',
    ],
)
def test_parts_where_there_may_be_none_are_a_broken_protocol(text: str) -> None:
    receiver = caller()
    with pytest.raises(ProtocolError):
        receiver.receive(text)
    assert receiver.close() == ["call"]


def test_a_parcel_up_to_the_size_limit_and_no_more() -> None:
    size = len(REQUEST) + 9
    assert hear(session(Limits(max_message_bytes=size)), REQUEST, PART)[1] is not None
    with pytest.raises(LimitExceeded, match="max_message_bytes"):
        session(Limits(max_message_bytes=size - 1)).receive(REQUEST)


def test_closing_between_parts_hands_back_the_call_and_lets_go_of_what_has_come() -> None:
    receiver = caller()
    hear(receiver, ANSWER.replace("[9]", "[9,9]"), PART)
    assert receiver.arriving is not None
    assert receiver.close() == ["call"]
    assert receiver.arriving is None


# -- parts of messages that come to nothing -----------------------------------------------------


def test_an_abandoned_call_drops_its_answer_with_the_parts() -> None:
    receiver = caller()
    receiver.receive(ANSWER)
    assert receiver.own.give_up(0)
    assert hear(receiver, PART) == [None]
    assert receiver.counters.answers_dropped_late == 1
    assert receiver.counters.answers_dropped_unknown == 0


def test_an_answer_to_nobody_takes_its_parts_with_it() -> None:
    receiver = session()
    assert hear(receiver, ANSWER, PART) == [None, None]
    assert receiver.counters.answers_dropped_unknown == 1, "the part is no chunk of a stream"


def test_a_request_id_in_use_is_refused_and_its_parts_go_with_it() -> None:
    served = session()
    hear(served, '{"requestId":0,"type":"request","serviceId":3,"args":[]}')
    nothing, refused = hear(served, REQUEST, PART)
    assert nothing is None
    assert isinstance(refused, Refused)
    assert b"DUPLICATE-REQUEST" in refused.reply
    assert served.counters.answers_dropped_unknown == 0


def test_a_request_with_unusable_ids_takes_its_parts_with_it() -> None:
    served = session()
    text = '{"requestId":"x","type":"request","serviceId":3,"args":[],"parts":[9]}'
    assert hear(served, text, PART) == [None, None]
    assert served.counters.requests_received_invalid == 1
    assert served.counters.answers_dropped_unknown == 0


def test_arguments_that_are_no_list_are_refused_when_the_parts_have_come() -> None:
    nothing, refused = hear(session(), REQUEST.replace('[{"blob":0}]', "{}"), PART)
    assert nothing is None
    assert isinstance(refused, Refused)


def test_a_text_that_is_too_deep_is_refused_when_the_parts_have_come() -> None:
    served = session(Limits(max_json_depth=4))
    deep = REQUEST.replace('[{"blob":0}]', "[[[[[]]]]]")
    nothing, refused = hear(served, deep, PART)
    assert nothing is None
    assert isinstance(refused, Refused)
    assert b"nested more than 4 levels" in refused.reply


def test_an_answer_that_is_too_deep_fails_its_call_when_the_parts_have_come() -> None:
    receiver = session(Limits(max_json_depth=4))
    receiver.own.open(route(3, True), b"[]", "call")
    deep = '{"responseId":0,"type":"data","data":[[[[[0]]]]],"parts":[9]}'
    _, event = hear(receiver, deep, PART)
    assert isinstance(event, AnswerBroken)
    assert receiver.own.unanswered == {}


def test_a_failure_in_place_of_an_answer_needs_no_parts() -> None:
    (event,) = hear(caller(), '{"responseId":0,"type":"error","error":{"code":"x"}}')
    assert isinstance(event, FailureReceived)
