"""Calls of the other side in a session without I/O: literals in, events out (base profile 7)."""

import json

import pytest

from duologue.errors import LimitExceeded
from duologue.limits import MAX_SAFE_INTEGER, Limits
from duologue.protocol.messages import (
    Failure,
    Refused,
    RequestReceived,
)
from tests.unit.runtime.protocol.sessions import error_of, session


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
