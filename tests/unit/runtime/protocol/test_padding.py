"""Padding hides lengths in buckets, and every reader takes it off the same way."""

import pytest

from duologue.errors import BadFrame
from duologue.protocol.padding import MAX_EXTRA_BYTES, bucket_extra, pad, unpad

LARGEST = 65_536


def padded_length(message_bytes: int) -> int:
    return message_bytes + 1 + bucket_extra(message_bytes, LARGEST)


@pytest.mark.parametrize(
    ("message_bytes", "expected"),
    [(0, 64), (63, 64), (64, 128), (1022, 1024), (1023, 1024), (1024, 1088), (2047, 2048)],
)
def test_buckets_up_to_2_kib_end_at_multiples_of_64(message_bytes: int, expected: int) -> None:
    assert padded_length(message_bytes) == expected


@pytest.mark.parametrize(
    ("message_bytes", "expected"), [(2048, 2176), (4096, 4352), (32_768, 34_816), (60_000, 61_440)]
)
def test_larger_buckets_are_a_sixteenth_of_the_power_of_two_below(
    message_bytes: int, expected: int
) -> None:
    assert padded_length(message_bytes) == expected


def test_every_bucket_holds_its_message_and_wastes_little() -> None:
    for message_bytes in range(LARGEST + 1):
        extra = bucket_extra(message_bytes, LARGEST)
        assert 0 <= extra < max(64, (message_bytes + 1) / 16)


def test_messages_of_up_to_1_kib_come_in_sixteen_lengths() -> None:
    assert len({padded_length(message_bytes) for message_bytes in range(1024)}) == 16


def test_the_largest_message_stays_within_what_every_receiver_takes() -> None:
    assert padded_length(LARGEST) <= LARGEST + 1 + MAX_EXTRA_BYTES - 1 == 65_792


@pytest.mark.parametrize("extra", [0, 1, 2, 255, 256, 257, 258, 65_536, 65_537, 65_538, 65_539])
def test_what_is_padded_is_read_back(extra: int) -> None:
    padded = pad(b"message", 1, extra, b"\xee" * extra)
    assert len(padded) == len(b"message") + 1 + extra
    assert unpad(padded) == (b"message", 1)


def test_a_length_of_eight_bytes_is_read() -> None:
    assert unpad(b"\x08" + (2).to_bytes(8, "big") + b"\xee\xeehi") == (b"hi", 0)


@pytest.mark.parametrize("width", range(9, 16))
def test_a_length_of_more_than_eight_bytes_is_refused(width: int) -> None:
    with pytest.raises(BadFrame, match="at most 8"):
        unpad(bytes((width,)) + bytes(width) + b"hi")


def test_filler_may_end_where_the_message_ends() -> None:
    assert unpad(b"\x01\x02\xee\xee") == (b"", 0)


@pytest.mark.parametrize(
    "padded",
    [b"\x01", b"\x02\x00", b"\x08" + bytes(7), b"\x01\x03\xee\xee", b"\x08" + b"\xff" * 20],
)
def test_what_runs_past_the_end_is_refused(padded: bytes) -> None:
    with pytest.raises(BadFrame, match="past the end"):
        unpad(padded)


def test_nothing_at_all_is_refused() -> None:
    with pytest.raises(BadFrame, match="without its first byte"):
        unpad(b"")


def test_a_padding_byte_without_its_length_runs_past_the_end() -> None:
    with pytest.raises(BadFrame, match="past the end"):
        unpad(b"\x11")
