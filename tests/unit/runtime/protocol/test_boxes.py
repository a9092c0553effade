"""Boxes open with their key only, and only unchanged."""

import pytest

from duologue.errors import DecryptionFailed
from duologue.protocol.boxes import BOX_OVERHEAD_BYTES, open_box, seal_box

KEY = bytes(range(32))
NONCE = b"n" * 24


@pytest.mark.parametrize("length", [0, 1, 32, 64, 100_000])
def test_a_box_is_forty_bytes_longer_and_opens(length: int) -> None:
    box = seal_box(b"d" * length, KEY, NONCE)
    assert len(box) == length + BOX_OVERHEAD_BYTES == length + 40
    assert open_box(box, KEY) == b"d" * length


def test_a_box_with_any_byte_changed_does_not_open() -> None:
    box = seal_box(b"data", KEY, NONCE)
    for place in range(len(box)):
        changed = bytearray(box)
        changed[place] ^= 0x80
        with pytest.raises(DecryptionFailed):
            open_box(bytes(changed), KEY)


def test_a_box_does_not_open_under_another_key() -> None:
    with pytest.raises(DecryptionFailed):
        open_box(seal_box(b"data", KEY, NONCE), bytes(32))


@pytest.mark.parametrize("length", range(BOX_OVERHEAD_BYTES))
def test_what_is_shorter_than_an_empty_box_does_not_open(length: int) -> None:
    with pytest.raises(DecryptionFailed, match=f"at least 40 bytes, this {length}"):
        open_box(b"\x00" * length, KEY)
