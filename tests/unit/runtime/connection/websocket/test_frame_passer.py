"""Frames that are passed on as they came, without their mask.

That they are those that would be written for the messages is a property: see `frame_oracle`.
"""

from websockets.protocol import SERVER, Protocol, State

from duologue.connection.base import Message
from duologue.connection.random_stocks import MASK_KEY_BYTES
from duologue.connection.websocket.frame_passer import FramePasser
from duologue.connection.websocket.frames import (
    WHOLE_BINARY,
    WHOLE_TEXT,
    encode_frame,
    encode_masked_frame,
)
from duologue.connection.websocket.wire import Wire

KEY = b"\x01\x02\x03\x04"


def wire(passer: FramePasser | None) -> Wire:
    protocol = Protocol(SERVER, state=State.OPEN)
    wire = Wire(protocol, max_message_bytes=100_000, clock=lambda: 0.0)
    wire.pass_frames(passer)
    return wire


def bytes_of(part: Message) -> bytes:
    assert isinstance(part, bytes)
    return part


def test_a_frame_is_passed_on_without_its_mask() -> None:
    passer = FramePasser(256)
    parts = wire(passer).receive(encode_masked_frame(WHOLE_TEXT, b"hello", KEY))
    assert parts == [b"\x81\x05", b"hello"]
    assert (passer.frames, passer.payload_bytes, passer.small_frames) == (1, 5, 1)


def test_a_frame_of_each_form_of_length_is_passed_on() -> None:
    for length in (0, 125, 126, 65_535, 65_536, 100_000):
        passer = FramePasser(256)
        data = encode_masked_frame(WHOLE_BINARY, bytes(length), KEY)
        parts: list[Message] = []
        end = passer.take_frames(data, 0, parts, masked=True, max_bytes=100_000)
        assert end == len(data)
        assert b"".join(map(bytes_of, parts)) == encode_frame(WHOLE_BINARY, bytes(length))
        assert passer.payload_bytes == length


def test_a_length_that_could_be_shorter_is_written_anew() -> None:
    medium = b"\x82\xfe\x00\x03" + bytes(MASK_KEY_BYTES) + b"abc"
    long = b"\x82\xff" + (200).to_bytes(8, "big") + bytes(MASK_KEY_BYTES) + b"x" * 200
    passer = FramePasser(256)
    parts = wire(passer).receive(medium + long + medium)
    short = encode_frame(WHOLE_BINARY, b"abc")
    assert parts == [short, encode_frame(WHOLE_BINARY, b"x" * 200), short]
    assert (passer.frames, passer.payload_bytes, passer.small_frames) == (3, 206, 3)


def test_small_frames_are_counted_up_to_their_size_and_not_above() -> None:
    passer = FramePasser(256)
    for length in (255, 256, 257):
        wire(passer).receive(encode_masked_frame(WHOLE_BINARY, bytes(length), KEY))
    assert (passer.frames, passer.small_frames) == (3, 2)


def test_messages_that_are_passed_on_in_another_way_are_counted_alike() -> None:
    passer = FramePasser(256)
    for length in (255, 256, 257):
        passer.count(length)
    assert (passer.frames, passer.small_frames, passer.payload_bytes) == (3, 2, 768)


def test_messages_come_again_when_nothing_is_passed_on_any_more() -> None:
    passing = wire(FramePasser(256))
    data = encode_masked_frame(WHOLE_TEXT, b"hello", KEY)
    assert passing.receive(data + data[:5]) == [b"\x81\x05", b"hello"]
    passing.pass_frames(None)
    assert passing.receive(data[5:]) == ["hello"]
