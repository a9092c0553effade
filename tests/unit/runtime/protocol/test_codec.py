"""The texts of the RPC layer, read and written (base profile 7)."""

import json
import math

import msgspec
import pytest

from duologue.errors import BadFrame
from duologue.limits import MAX_SAFE_INTEGER
from duologue.protocol.codec import (
    answer,
    error_answer,
    integral,
    read_envelope,
    read_failure,
    request,
    route,
    slice_or_none,
)
from duologue.protocol.messages import Failure


def test_a_request_is_read() -> None:
    envelope = read_envelope('{"requestId":0,"type":"request","serviceId":3,"args":[12]}')
    assert envelope.type == "request"
    assert (envelope.requestId, envelope.serviceId) == (0, 3)
    assert integral(envelope.responseId) is None
    assert bytes(envelope.args) == b"[12]"


def test_order_of_fields_blanks_and_unknown_fields_do_not_matter() -> None:
    envelope = read_envelope(' { "args" : [ 1 , 2 ] , "x": {"y":[]}, "type" : "request" } ')
    assert envelope.type == "request"
    assert bytes(envelope.args) == b"[ 1 , 2 ]"


def test_of_duplicate_fields_the_last_counts() -> None:
    envelope = read_envelope('{"type":"data","type":"request","args":[1],"args":[2]}')
    assert envelope.type == "request"
    assert bytes(envelope.args) == b"[2]"


def test_a_lone_surrogate_anywhere_is_read() -> None:
    envelope = read_envelope('{"type":"request","args":["\\ud800"],"x":"\\udfff"}')
    assert json.loads(bytes(envelope.args)) == ["\ud800"]
    # A raw one cannot come in UTF-8, but a host program may hand one in.
    envelope = read_envelope('{"type":"data","data":"\ud800"}')
    assert bytes(envelope.data) == b'"\\ud800"'


@pytest.mark.parametrize(
    "text",
    [
        '{"type":"write-stream-error","requestId":"x"}',
        '{"type":"write-stream-error","requestId":true,"responseId":[],"serviceId":{}}',
    ],
)
def test_odd_values_in_id_fields_count_as_none(text: str) -> None:
    envelope = read_envelope(text)
    assert envelope.type == "write-stream-error"
    ids = (envelope.requestId, envelope.responseId, envelope.serviceId)
    assert [integral(each) for each in ids] == [None, None, None]


def test_slices_survive_the_lenient_way() -> None:
    envelope = read_envelope('{"type":"x","requestId":"x","args":[1],"data":{},"error":null}')
    slices = (bytes(envelope.args), bytes(envelope.data), bytes(envelope.error))
    assert slices == (b"[1]", b"{}", b"null")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "null",
        "5",
        '"s"',
        "[]",
        '{"type":5}',
        '{"type":null}',
        '{"type":"x"}{}',
        '\ufeff{"type":"x"}',
        '{"type":"x","requestId":1e400}',
        '{"type":"request","args":[NaN]}',
        '{"type":"request","args":[01]}',
        '{"type":"request","args":["\x01"]}',
        '{"type":"x","requestId":' + "9" * 5000 + "}",
    ],
)
def test_what_is_no_message_is_a_bad_frame(text: str) -> None:
    with pytest.raises(BadFrame):
        read_envelope(text)


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (0, 0),
        (-5, -5),
        (1.0, 1),
        (-0.0, 0),
        (1e15, 10**15),
        (MAX_SAFE_INTEGER, MAX_SAFE_INTEGER),
        (-MAX_SAFE_INTEGER, -MAX_SAFE_INTEGER),
        (float(MAX_SAFE_INTEGER), MAX_SAFE_INTEGER),
        (MAX_SAFE_INTEGER + 1, None),
        (-MAX_SAFE_INTEGER - 1, None),
        (float(2**53), None),
        (1e308, None),
        (1.5, None),
        (math.nan, None),
        (math.inf, None),
    ],
)
def test_ids_are_integral_numbers_to_2_53_minus_1(
    number: int | float, expected: int | None
) -> None:
    read = integral(number)
    assert read == expected
    assert type(read) in (int, type(None))


@pytest.mark.parametrize(
    ("raw", "expected"),
    [(b"", None), (b'"$__undefined$"', None), (b"null", b"null"), (b"[1]", b"[1]")],
)
def test_an_absent_field_and_the_sentinel_are_no_value(raw: bytes, expected: bytes | None) -> None:
    assert slice_or_none(msgspec.Raw(raw)) == expected


FAILURES: list[tuple[bytes | None, Failure]] = [
    (b'{"name":"N","message":"M","code":"C"}', Failure("N", "M", "C")),
    (b'{"name":"N","message":"M","code":"$__undefined$"}', Failure("N", "M", None)),
    (b'{"details":{"a":[1]},"stack":"x"}', Failure(None, None, None, {"a": [1]})),
    (b'{"name":1,"message":[],"code":null}', Failure(None, None, None)),
    (b'{"message":"\\ud800"}', Failure(None, "\ud800", None)),
    (b"{}", Failure(None, None, None)),
    (b"[]", Failure(None, None, None)),
    (b'"text"', Failure(None, None, None)),
    (b"null", Failure(None, None, None)),
    (None, Failure(None, None, None)),
]


@pytest.mark.parametrize(("text", "failure"), FAILURES, ids=repr)
def test_a_failure_is_read_whatever_is_missing(text: bytes | None, failure: Failure) -> None:
    assert read_failure(text) == failure


def test_a_failure_that_is_no_json_is_a_bad_frame() -> None:
    with pytest.raises(BadFrame):
        read_failure(b'{"message":1e400}')


def test_requests_and_answers_are_written() -> None:
    assert (
        request(0, route(3), b"[12]")
        == b'{"requestId":0,"type":"request","serviceId":3,"args":[12]}'
    )
    assert answer(0, b"144") == b'{"responseId":0,"type":"data","data":144}'
    assert answer(-5, None) == b'{"responseId":-5,"type":"data","data":"$__undefined$"}'


WRITTEN: list[tuple[Failure, bytes]] = [
    (Failure("N", "M", "C"), b'{"name":"N","message":"M","code":"C"}'),
    (Failure("N", "M", None), b'{"name":"N","message":"M","code":"$__undefined$"}'),
    (
        Failure(None, None, None),
        b'{"name":"$__undefined$","message":"$__undefined$","code":"$__undefined$"}',
    ),
    (
        Failure("N", "M", "C", {"a": 1}),
        b'{"name":"N","message":"M","code":"C","details":{"a":1}}',
    ),
    (
        Failure("N", "\ud800", "C"),
        b'{"name":"N","message":"\\ud800","code":"C"}',
    ),
]


@pytest.mark.parametrize(("failure", "text"), WRITTEN, ids=repr)
def test_failures_are_written_and_read_back(failure: Failure, text: bytes) -> None:
    assert error_answer(7, failure) == b'{"responseId":7,"type":"error","error":%b}' % text
    assert read_failure(text) == failure
