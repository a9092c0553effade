"""Catalogue row 20: hostile JSON gets one verdict, whichever way it comes.

As a request, as an answer and as the arguments of a typed method: unreadable, and counted once.
"""

import pytest

from duologue import BadFrame, InvalidParams, Limits, Model
from duologue.protocol.codec import route
from duologue.protocol.messages import AnswerReceived, Refused, RequestReceived
from duologue.protocol.parcels import split
from duologue.protocol.session import Session
from duologue.protocol.values import decode_value
from duologue.typed import Json, Params

MIB = 1024 * 1024

NOT_JSON = {
    "a million levels": "[" * 10**6,
    "a million levels, closed": "[" * 10**6 + "]" * 10**6,
    "a mebibyte of lists": "[]" * (MIB // 2),
    "trailing junk": "{} x",
    "two documents": "{}{}",
    "a byte order mark": "\ufeff{}",
    "NaN": "NaN",
    "Infinity": "-Infinity",
    "a number beyond float": "1e400",
    "a raw control character": '"\x00"',
    "a raw newline in a string": '"\n"',
    "a single quote": "{'a': 1}",
    "a trailing comma": "[1,]",
    "a leading zero": "01",
    "a plus sign": "+1",
    "a bare point": ".5",
    "a half escape": '"\\u12"',
    "nothing": "",
    "only blanks": "   ",
    "a key that is no string": "{1: 2}",
}

ODD_BUT_JSON = {
    "-0": "-0",
    "2^53 + 1": str(2**53 + 1),
    "2^64": str(2**64),
    "duplicate keys": '{"a": 1, "a": 2}',
    "a lone surrogate": '"\\ud800"',
    "NUL, escaped": '"\\u0000"',
    "a key of a mebibyte": '{"%s": 1}' % ("k" * 500_000),
    "100,000 keys": "{%s}" % ",".join(f'"k{index}":0' for index in range(100_000)),
    "256 levels, the message's own two among them": "[" * 254 + "]" * 254,
}


def new_session() -> Session[str]:
    session: Session[str] = Session(Limits(max_message_bytes=8 * MIB))
    session.own.open(route(3), b"[]", "call")
    return session


@pytest.mark.parametrize("text", NOT_JSON.values(), ids=NOT_JSON.keys())
def test_what_is_no_json_is_no_message(text: str) -> None:
    session = new_session()
    assert session.receive(text) is None
    assert session.counters.requests_received_invalid == 1


@pytest.mark.parametrize("text", NOT_JSON.values(), ids=NOT_JSON.keys())
def test_what_is_no_json_is_no_value_of_a_request(text: str) -> None:
    session = new_session()
    event = session.receive('{"requestId":0,"type":"request","serviceId":3,"args":[%s]}' % text)
    if text.strip() == "":
        assert event == RequestReceived(0, 3, b"[%b]" % text.encode())
        return
    if isinstance(event, Refused):
        # Of what has too much in it nobody looks whether the rest is JSON.
        assert session.counters.requests_received_total == 1
        return
    if isinstance(event, RequestReceived):
        # Numbers are looked at by whoever reads the arguments, and disown the request then.
        assert event.args is not None
        with pytest.raises(BadFrame):
            decode_value(split(event.args)[0])
        session.disown(event)
    assert session.counters.requests_received_total == 0
    assert session.counters.requests_received_invalid == 1


class Any(Model):
    value: Json


ANY = Params(Any)


@pytest.mark.parametrize("text", NOT_JSON.values(), ids=NOT_JSON.keys())
def test_what_is_no_json_never_becomes_params(text: str) -> None:
    with pytest.raises((InvalidParams, BadFrame)):
        ANY.decode("x", b'[{"value":%b}]' % text.encode())


@pytest.mark.parametrize("text", ODD_BUT_JSON.values(), ids=ODD_BUT_JSON.keys())
def test_what_is_odd_json_is_read(text: str) -> None:
    session = new_session()
    event = session.receive('{"responseId":0,"type":"data","data":%s}' % text)
    assert isinstance(event, AnswerReceived)
    assert event.data is not None
    decode_value(split(event.data)[0])
    assert session.counters.requests_received_invalid == 0


def test_of_duplicate_keys_the_last_counts() -> None:
    assert decode_value(b'{"a":1,"a":2}') == {"a": 2}
