"""Texts, and the bytes beside them (PROTOCOL 12)."""

import pytest

from duologue.limits import MAX_PARTS, PART_ABOVE_BYTES
from duologue.protocol.parcels import Parcel, Parts, ReceivedParts, size_of, split

LONG = bytes(PART_ABOVE_BYTES + 1)


def test_a_text_alone_has_no_parts() -> None:
    assert split(b"[]") == (b"[]", ())


def test_a_parcel_comes_apart_into_its_text_and_its_parts() -> None:
    assert split(Parcel(b"[0]", [LONG])) == (b"[0]", [LONG])


def test_the_size_of_a_payload_counts_text_and_parts() -> None:
    assert size_of(b"[]") == 2
    assert size_of(Parcel(b"[0,1]", [b"abc", b""])) == 8


def test_bytes_at_the_threshold_stay_in_the_text_and_one_more_byte_does_not() -> None:
    parts = Parts()
    assert parts.take(LONG[1:]) is None
    assert parts.take(LONG) == 0
    assert list(parts) == [LONG]


def test_parts_are_numbered_in_the_order_in_which_they_are_met() -> None:
    parts = Parts()
    assert [parts.take(LONG + bytes([number])) for number in range(3)] == [0, 1, 2]


def test_a_part_is_the_very_object_that_was_given() -> None:
    parts = Parts()
    parts.take(LONG)
    assert parts[0] is LONG


def test_there_are_parts_up_to_the_limit_and_what_is_more_stays_in_the_text() -> None:
    parts = Parts()
    assert [parts.take(LONG) for _ in range(MAX_PARTS + 1)] == [*range(MAX_PARTS), None]
    assert len(parts) == MAX_PARTS


def test_what_is_sent_is_a_text_unless_there_are_parts() -> None:
    parts = Parts()
    assert parts.with_text(b"[]") == b"[]"
    parts.take(LONG)
    assert parts.with_text(b"[0]") == Parcel(b"[0]", [LONG])


def test_a_received_part_is_given_out_once() -> None:
    received = ReceivedParts([b"a", LONG])
    assert received.take(1) is LONG
    assert received.take(1) is None
    assert received.take(0) == b"a"


@pytest.mark.parametrize("index", [-1, 1, 2**70])
def test_an_index_out_of_range_is_no_part(index: int) -> None:
    assert ReceivedParts([b"a"]).take(index) is None


def test_an_empty_part_is_a_part() -> None:
    assert ReceivedParts([b""]).take(0) == b""
