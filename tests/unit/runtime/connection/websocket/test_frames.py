"""Whole plain frames in and out of bytes, as literals of RFC 6455 5.7 and at every limit."""

import pytest

from duologue.connection.base import Message
from duologue.connection.websocket.frames import (
    WHOLE_BINARY,
    WHOLE_TEXT,
    FrameHead,
    LargeFrame,
    encode_frame,
    encode_masked_frame,
    read_head,
    take_plain_frames,
)

KEY = bytes.fromhex("37fa213d")
HELLO = bytes.fromhex("810548656c6c6f")
MASKED_HELLO = bytes.fromhex("818537fa213d7f9f4d5158")


def taken(
    data: bytes, *, masked: bool = False, max_bytes: int = 1000, position: int = 0
) -> tuple[int, list[Message]]:
    messages: list[Message] = []
    end = take_plain_frames(data, position, messages, masked=masked, max_bytes=max_bytes)
    return end, messages


def test_an_unmasked_text_frame_is_taken() -> None:
    assert taken(HELLO) == (7, ["Hello"])


def test_a_masked_text_frame_is_taken() -> None:
    assert taken(MASKED_HELLO, masked=True) == (11, ["Hello"])


def test_a_binary_frame_is_taken_as_bytes() -> None:
    assert taken(bytes.fromhex("8203000102")) == (5, [b"\x00\x01\x02"])


def test_empty_frames_are_messages() -> None:
    assert taken(bytes.fromhex("81008200")) == (4, ["", b""])


def test_frames_in_a_row_are_taken_in_order_from_a_position_on() -> None:
    assert taken(b"??" + HELLO + HELLO, position=2) == (16, ["Hello", "Hello"])


@pytest.mark.parametrize("cut", range(len(HELLO)))
def test_a_frame_that_is_not_whole_is_left(cut: int) -> None:
    assert taken(HELLO + HELLO[:cut]) == (7, ["Hello"])


@pytest.mark.parametrize("cut", range(len(MASKED_HELLO)))
def test_a_masked_frame_that_is_not_whole_is_left(cut: int) -> None:
    assert taken(MASKED_HELLO + MASKED_HELLO[:cut], masked=True) == (11, ["Hello"])


@pytest.mark.parametrize("length", [125, 126, 127, 65_535, 65_536])
@pytest.mark.parametrize("masked", [False, True])
def test_every_form_of_length_is_taken_and_left_when_a_byte_is_missing(
    length: int, masked: bool
) -> None:
    payload = bytes(range(256)) * 257
    payload = payload[:length]
    frame = (
        encode_masked_frame(WHOLE_BINARY, payload, KEY)
        if masked
        else encode_frame(WHOLE_BINARY, payload)
    )
    assert taken(frame, masked=masked, max_bytes=70_000) == (len(frame), [payload])
    for cut in (*range(16), len(frame) - 1):
        assert taken(frame[:cut], masked=masked, max_bytes=70_000) == (0, [])


@pytest.mark.parametrize(
    "frame",
    [
        "0100",  # not final
        "8000",  # continuation
        "8800",  # close
        "8900",  # ping
        "8a00",  # pong
        "8300",  # reserved opcode
        "c100",  # reserved bit 1
        "a100",  # reserved bit 2
        "9100",  # reserved bit 3
        "818000000000",  # masked, where it must not be
    ],
)
def test_a_frame_that_is_not_plain_is_left(frame: str) -> None:
    assert taken(HELLO + bytes.fromhex(frame)) == (7, ["Hello"])


@pytest.mark.parametrize("frame", [b"\x81\x00", b"\x81\x7e\x00\x01x", HELLO])
def test_an_unmasked_frame_is_left_where_masks_must_be(frame: bytes) -> None:
    assert taken(frame, masked=True) == (0, [])


def test_text_that_is_not_utf8_is_left() -> None:
    assert taken(HELLO + b"\x81\x02\xc3\x28") == (7, ["Hello"])


def test_binary_need_not_be_utf8() -> None:
    assert taken(b"\x82\x02\xc3\x28") == (4, [b"\xc3\x28"])


def test_a_message_at_the_limit_is_taken() -> None:
    assert taken(HELLO, max_bytes=5) == (7, ["Hello"])


def test_a_message_above_the_limit_is_left() -> None:
    assert taken(HELLO, max_bytes=4) == (0, [])


def test_a_length_with_the_top_bit_set_is_left() -> None:
    assert taken(b"\x82\x7f" + b"\xff" * 8 + b"x" * 100) == (0, [])


def test_server_frames_are_those_of_the_rfc() -> None:
    assert encode_frame(WHOLE_TEXT, b"Hello") == HELLO
    assert encode_frame(WHOLE_BINARY, b"x" * 256)[:4] == bytes.fromhex("827e0100")
    assert encode_frame(WHOLE_BINARY, b"x" * 65_536)[:10] == bytes.fromhex("827f0000000000010000")


def test_client_frames_are_those_of_the_rfc() -> None:
    assert encode_masked_frame(WHOLE_TEXT, b"Hello", KEY) == MASKED_HELLO
    assert encode_masked_frame(WHOLE_TEXT, b"", KEY) == b"\x81\x80" + KEY


@pytest.mark.parametrize(
    ("data", "head"),
    [
        ("8105", FrameHead(0x81, False, 5, 2)),
        ("8285", FrameHead(0x82, True, 5, 6)),
        ("017e0100", FrameHead(0x01, False, 256, 4)),
        ("82fe0100", FrameHead(0x82, True, 256, 8)),
        ("827fffffffffffffffff", FrameHead(0x82, False, 2**64 - 1, 10)),
        ("82ff0000000000000000", FrameHead(0x82, True, 0, 14)),
    ],
)
def test_head_is_read_once_its_length_is_known(data: str, head: FrameHead) -> None:
    known = bytes.fromhex(data)
    assert read_head(b"?" + known, 1) == head
    assert read_head(b"?" + known + b"more", 1) == head
    for cut in range(len(known)):
        assert read_head(known[:cut], 0) is None


def test_a_large_frame_is_filled_in_pieces() -> None:
    payload = b"\x01\x02\x03\x04\x05"
    frame = LargeFrame(FrameHead(WHOLE_BINARY, False, 5, 2), b"")
    assert len(frame.room()) == 5
    frame.room()[:2] = payload[:2]
    frame.advance(2)
    assert not frame.is_whole
    assert len(frame.room()) == 3
    assert frame.feed(payload[2:] + b"next frame") == 3
    assert frame.is_whole
    assert frame.payload() == payload


def test_a_large_frame_is_unmasked() -> None:
    frame = LargeFrame(FrameHead(WHOLE_TEXT, True, 5, 6), KEY)
    frame.feed(MASKED_HELLO[6:])
    assert frame.payload() == b"Hello"


def test_a_large_frame_takes_memory_as_it_comes_and_never_more_than_announced() -> None:
    length = 200_000
    frame = LargeFrame(FrameHead(WHOLE_BINARY, False, length, 10), b"")
    rooms: list[int] = []
    while not frame.is_whole:
        rooms.append(len(frame.room()))
        frame.advance(rooms[-1])
    assert rooms == [65_536, length - 65_536]
    assert len(frame.payload()) == length


def test_a_large_frame_may_begin_with_what_has_come_of_it() -> None:
    begun = bytes(range(256)) * 400
    frame = LargeFrame(FrameHead(WHOLE_BINARY, False, 2**20, 10), b"", begun)
    assert len(frame.room()) == 3 * len(begun)
    assert frame.so_far().endswith(begun)


def test_announcing_a_length_alone_costs_one_room() -> None:
    frame = LargeFrame(FrameHead(WHOLE_BINARY, False, 2**40, 10), b"")
    assert len(frame.room()) == LargeFrame.FIRST_ROOM_BYTES
