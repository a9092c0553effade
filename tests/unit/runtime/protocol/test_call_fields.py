"""What requests and answers say beside their arguments."""

import json
import math
from typing import Any, Final

import pytest

from duologue.errors import LimitExceeded
from duologue.limits import MAX_META_BYTES, MAX_META_ENTRIES, Limits
from duologue.protocol.call_fields import meta_fault, meta_field, own_meta_fault, timeout_field
from duologue.protocol.codec import route
from duologue.protocol.messages import AnswerReceived, FailureReceived, Refused, RequestReceived
from duologue.protocol.session import Session

MOST_ENTRIES: Final = {f"k{number}": "" for number in range(MAX_META_ENTRIES)}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (2, b',"timeoutMs":2000'),
        (0.0001, b',"timeoutMs":1'),
        (1.0001, b',"timeoutMs":1001'),
        (30.000000000001, b',"timeoutMs":30000'),
        (-5, b',"timeoutMs":1'),
        (86_400, b',"timeoutMs":86400000'),
        (86_401, b""),
        (math.inf, b""),
    ],
)
def test_time_left_is_said_in_whole_milliseconds_rounded_up(seconds: float, text: bytes) -> None:
    assert timeout_field(seconds) == text


@pytest.mark.parametrize(
    "meta",
    [MOST_ENTRIES, {"a" * 64: ""}, {"k": "x" * (MAX_META_BYTES - 1)}, {"a.b_c-0": "é€😀\x00"}],
)
def test_metadata_at_its_limits_is_sent(meta: dict[str, str]) -> None:
    assert json.loads(b'{"a":1%b}' % meta_field(meta)) == {"a": 1, "meta": meta}


@pytest.mark.parametrize("meta", [{**MOST_ENTRIES, "more": ""}, {"k": "x" * MAX_META_BYTES}])
def test_metadata_above_its_limits_is_not_sent(meta: dict[str, str]) -> None:
    with pytest.raises(LimitExceeded, match="MAX_META_"):
        meta_field(meta)


@pytest.mark.parametrize("key", ["", "a" * 65, "Upper", "sp ace", "é", "a\n"])
def test_a_key_of_another_form_is_named_with_what_was_expected(key: str) -> None:
    with pytest.raises(ValueError, match="expected 1 to 64 of a-z"):
        meta_field({key: "value"})


@pytest.mark.parametrize("value", ["\ud800", 5, None])
def test_a_value_that_is_no_text_is_not_sent(value: Any) -> None:
    with pytest.raises(ValueError, match="is no text that can be sent"):
        meta_field({"key": value})


def test_no_metadata_is_not_a_word_on_the_wire() -> None:
    assert meta_field({}) == b""


def test_keys_of_the_library_are_not_for_applications() -> None:
    assert own_meta_fault({"duologue.x": ""}) is not None
    assert own_meta_fault({"duologue": "", "traceparent": ""}) is None


# -- as a session reads them -----------------------------------------------------------------------


def session(*, knows_duologue: bool = True) -> Session[str]:
    new: Session[str] = Session(Limits())
    if knows_duologue:
        new.allow_control()
    return new


def request(fields: str) -> str:
    return f'{{"requestId":3,"type":"request","serviceId":7,"args":[],{fields}}}'


@pytest.mark.parametrize("beside", ["", ',"meta":{"a":"b"}'])
@pytest.mark.parametrize(("said", "ms"), [("1", 1), ("86400000", 86_400_000), ("2000.0", 2000)])
def test_time_left_is_read(said: str, ms: int, beside: str) -> None:
    event = session().receive(request(f'"timeoutMs":{said}{beside}'))
    assert isinstance(event, RequestReceived)
    assert event.timeout_ms == ms


@pytest.mark.parametrize(
    "said", ["0", "-1", "86400001", "1.5", '"2"', "null", "true", "[]", "9007199254740993"]
)
def test_time_left_of_another_form_is_refused(said: str) -> None:
    event = session().receive(request(f'"timeoutMs":{said}'))
    assert isinstance(event, Refused)
    error = json.loads(event.reply)["error"]
    assert (error["code"], "from 1 to 86400000" in error["message"]) == ("INVALID_PARAMS", True)


def test_metadata_is_read_with_the_time() -> None:
    event = session().receive(request('"timeoutMs":5,"meta":{"a":"b"}'))
    assert isinstance(event, RequestReceived)
    assert (event.timeout_ms, event.meta) == (5, {"a": "b"})


@pytest.mark.parametrize(
    ("fields", "is_nested"),
    [
        ('"nested":true', True),
        ('"nested":false', False),
        ('"nested":1', False),
        ('"nested":"\\ud800"', False),
        ('"meta":{}', False),
    ],
)
def test_only_a_call_that_says_so_is_nested(fields: str, is_nested: bool) -> None:
    event = session().receive(request(fields))
    assert isinstance(event, RequestReceived)
    assert event.is_nested is is_nested


def test_who_knows_only_the_base_profile_takes_no_call_for_nested() -> None:
    event = session(knows_duologue=False).receive(request('"nested":true'))
    assert isinstance(event, RequestReceived)
    assert not event.is_nested


@pytest.mark.parametrize(
    "said",
    [
        *('{"A":"b"}', '{"a":1}', '{"a":null}', "[]", '"a"', "5", '{"a":"\\ud800"}'),
        json.dumps({**MOST_ENTRIES, "more": ""}),
        json.dumps({"k": "x" * MAX_META_BYTES}),
    ],
)
def test_metadata_of_another_form_is_refused_and_no_call_is_left_open(said: str) -> None:
    reader = session()
    event = reader.receive(request(f'"meta":{said}'))
    assert isinstance(event, Refused)
    assert json.loads(event.reply)["error"]["code"] == "INVALID_PARAMS"
    assert isinstance(reader.receive(request('"meta":{}')), RequestReceived)


def test_a_side_that_knows_the_base_profile_only_reads_neither() -> None:
    event = session(knows_duologue=False).receive(request('"timeoutMs":"x","meta":[]'))
    assert event == RequestReceived(3, 7, b"[]")


def answer(kind: str, meta: str) -> str:
    body = '"data":1' if kind == "data" else '"error":{}'
    return f'{{"responseId":0,"type":"{kind}",{body},"meta":{meta}}}'


@pytest.mark.parametrize("kind", ["data", "error"])
def test_metadata_of_an_answer_comes_with_it(kind: str) -> None:
    reader = session()
    reader.own.open(route(7), b"[]", "call")
    event = reader.receive(answer(kind, '{"a":"b"}'))
    assert isinstance(event, AnswerReceived | FailureReceived)
    assert event.meta == {"a": "b"}


@pytest.mark.parametrize("kind", ["data", "error"])
@pytest.mark.parametrize("meta", ['{"A":"b"}', "[]", json.dumps({**MOST_ENTRIES, "more": ""})])
def test_of_an_answer_with_metadata_of_another_form_the_rest_counts(kind: str, meta: str) -> None:
    reader = session()
    reader.own.open(route(7), b"[]", "call")
    event = reader.receive(answer(kind, meta))
    assert isinstance(event, AnswerReceived | FailureReceived)
    assert (event.call, event.meta, reader.counters.meta_dropped) == ("call", None, 1)


def test_what_is_wrong_with_metadata_is_said_without_its_values() -> None:
    assert "secret" not in str(meta_fault({"BAD": "secret", "k": "secret" * 2000}))
