"""A message of which parts are still to come, with literals (PROTOCOL 12)."""

import pytest

from duologue.errors import LimitExceeded, ProtocolError
from duologue.limits import MAX_PARTS, Limits
from duologue.protocol.arriving_parcel import ArrivingParcel
from duologue.protocol.codec import Envelope, read_envelope

TEXT = '{"responseId":0,"type":"data","data":0,"parts":[3,2]}'
DATA = Envelope("data")


def arriving(
    sizes: list[int], text: str = "{}", envelope: Envelope = DATA, limits: Limits | None = None
) -> ArrivingParcel:
    return ArrivingParcel(text, envelope, sizes, limits or Limits())


def test_the_parts_come_one_by_one_and_the_last_one_completes_it() -> None:
    parcel = arriving([3, 2], TEXT)
    assert parcel.next_size == 3
    assert not parcel.take(b"abc")
    assert parcel.next_size == 2
    assert parcel.take(b"de")
    assert (parcel.text, parcel.parts) == (TEXT, [b"abc", b"de"])


def test_a_part_is_kept_as_the_object_that_came() -> None:
    part = bytes(10_000)
    parcel = arriving([10_000])
    parcel.take(part)
    assert parcel.parts[0] is part


@pytest.mark.parametrize("size", [0, 2, 4])
def test_a_part_of_another_size_is_a_broken_protocol(size: int) -> None:
    with pytest.raises(ProtocolError, match=f"a part of {size} bytes came where 3 were announced"):
        arriving([3]).take(bytes(size))


def test_a_part_may_be_empty() -> None:
    assert arriving([0]).take(b"")


@pytest.mark.parametrize("kind", ["request", "data"])
def test_requests_and_results_may_have_parts(kind: str) -> None:
    assert arriving([1], envelope=Envelope(kind)).next_size == 1


@pytest.mark.parametrize("kind", ["error", "stream", "stream-end", "cancel", "notify", ""])
def test_no_other_message_may(kind: str) -> None:
    with pytest.raises(ProtocolError):
        arriving([1], envelope=Envelope(kind))


@pytest.mark.parametrize("sizes", [[], [-1], [5, -1], [-(2**70)]])
def test_no_sizes_and_sizes_below_0_are_a_broken_protocol(sizes: list[int]) -> None:
    with pytest.raises(ProtocolError):
        arriving(sizes)


@pytest.mark.parametrize(
    "sizes",
    ["5", '"5"', "{}", "[1.0]", "[1e3]", "[true]", "[null]", '["1"]', "[[1]]", "[1,-1]", "[-0.0]"],
)
def test_what_is_no_list_of_sizes_never_passes_for_no_parts(sizes: str) -> None:
    envelope = read_envelope('{"responseId":0,"type":"data","data":0,"parts":%s}' % sizes)
    assert envelope.parts is not None
    with pytest.raises(ProtocolError):
        arriving(envelope.parts)


@pytest.mark.parametrize("rest", ["", ',"parts":null', ',"requestId":"\\ud800"'])
def test_absent_and_null_are_no_parts(rest: str) -> None:
    assert read_envelope('{"responseId":0,"type":"data"%s}' % rest).parts is None


def test_sizes_are_read_beside_odd_values_too() -> None:
    # The lone surrogate sends the text past the strict reader.
    text = '{"responseId":0,"type":"data","data":"\\ud800","parts":[7],"takesParts":true}'
    envelope = read_envelope(text)
    assert (envelope.parts, envelope.takesParts) == ([7], True)


def test_parts_up_to_the_limit_and_no_more() -> None:
    assert arriving([1] * MAX_PARTS).next_size == 1
    with pytest.raises(LimitExceeded) as refused:
        arriving([1] * (MAX_PARTS + 1))
    assert refused.value.limit == "MAX_PARTS"


@pytest.mark.parametrize("text", ["x" * 10, "é" * 5])
def test_text_and_parts_together_up_to_the_limit_and_no_more(text: str) -> None:
    limits = Limits(max_message_bytes=100)
    assert arriving([40, 50], text, limits=limits).next_size == 40
    with pytest.raises(LimitExceeded) as refused:
        arriving([40, 51], text, limits=limits)
    assert (refused.value.limit, refused.value.met) == ("max_message_bytes", 101)


@pytest.mark.parametrize("size", [2**31, 2**63, 2**64, 10**400])
def test_a_huge_size_is_refused_before_anything_comes(size: int) -> None:
    envelope = read_envelope('{"responseId":0,"type":"data","data":0,"parts":[%d]}' % size)
    with pytest.raises((LimitExceeded, ProtocolError)):
        arriving(envelope.parts or [])


def test_raw_surrogates_in_the_text_are_borne() -> None:
    assert arriving([1], "\ud800").next_size == 1
