"""Several texts in one box: their number, their lengths, and then all of them."""

import struct

import pytest

from duologue.errors import BadFrame
from duologue.protocol.batches import MAX_BATCH_MESSAGES, join, split

A_AND_UE = b"\x02\x00\x00\x00\x01\x00\x00\x00\x02a\xc3\xbc"


def test_texts_stand_behind_their_number_and_their_lengths() -> None:
    assert join([b"a", "ü".encode()]) == A_AND_UE
    assert split(A_AND_UE) == ["a", "ü"]


@pytest.mark.parametrize("number", [1, 2, 32, MAX_BATCH_MESSAGES])
def test_as_many_come_out_as_went_in(number: int) -> None:
    texts = ["ü" * length for length in range(number)]
    assert split(join([each.encode() for each in texts])) == texts


def test_one_more_than_a_byte_can_count_is_a_fault_of_ours() -> None:
    with pytest.raises(struct.error, match="requires 0 <= number <= 255"):
        join([b""] * (MAX_BATCH_MESSAGES + 1))


@pytest.mark.parametrize(
    "batch",
    [
        b"",
        b"\x00",
        b"\x00abc",
        b"\x01",
        b"\x01\x00\x00\x00",
        b"\x01\x00\x00\x00\x02a",
        b"\x01\x00\x00\x00\x01ab",
        b"\x02\x00\x00\x00\x01\xff\xff\xff\xffab",
        b"\xff" * 64,
        A_AND_UE[:-1],
        A_AND_UE + b"\x00",
        b"\x02\x00\x00\x00\x02\x00\x00\x00\x01a\xc3\xbc",
        b"\x01\x00\x00\x00\x01\xff",
    ],
    ids=lambda batch: batch[:12].hex() or "empty",
)
def test_what_is_no_batch_is_refused(batch: bytes) -> None:
    with pytest.raises(BadFrame):
        split(batch)
