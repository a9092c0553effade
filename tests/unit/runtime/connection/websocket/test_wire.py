"""An open WebSocket without I/O: bytes in, messages out, faults named."""

import struct

import pytest
from websockets.frames import Frame, Opcode
from websockets.protocol import Side, State
from websockets.server import ServerProtocol

from duologue.connection.base import Message
from duologue.connection.websocket.frames import (
    WHOLE_BINARY,
    WHOLE_TEXT,
    encode_frame,
    encode_masked_frame,
)
from duologue.connection.websocket.wire import LARGE_FRAME_BYTES, Wire
from duologue.errors import BadFrame, LimitExceeded
from duologue.limits import MAX_CONTROL_FRAMES_PER_S, SHORT_FRAGMENT_BYTES

KEY = b"\x11\x22\x33\x44"
MAX_BYTES = 100_000


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def server_wire(clock: Clock | None = None, max_bytes: int = MAX_BYTES) -> Wire:
    return Wire(Side.SERVER, max_message_bytes=max_bytes, clock=clock or Clock())


def client_wire() -> Wire:
    return Wire(Side.CLIENT, max_message_bytes=MAX_BYTES, clock=Clock())


def frame(opcode: Opcode, data: bytes = b"", *, fin: bool = True) -> bytes:
    return Frame(opcode, data, fin=fin).serialize(mask=True)


def text(payload: str) -> bytes:
    return encode_masked_frame(WHOLE_TEXT, payload.encode(), KEY)


def close_frame(code: int, reason: str = "") -> bytes:
    return frame(Opcode.CLOSE, struct.pack("!H", code) + reason.encode())


def sent(wire: Wire) -> bytes:
    return b"".join(wire.data_to_send())


def test_it_goes_on_with_what_websockets_has_read_in_the_opening_handshake() -> None:
    protocol = ServerProtocol(state=State.OPEN, max_size=MAX_BYTES)
    wire = Wire(protocol, max_message_bytes=MAX_BYTES, clock=Clock())
    assert wire.receive(text("one") + close_frame(1000, "bye")) == ["one"]
    assert wire.protocol is protocol
    assert wire.ending == (1000, "bye")


def test_nothing_is_to_be_sent_and_nothing_over_before_websockets_was_needed() -> None:
    wire = server_wire()
    assert wire.receive(text("one")) == ["one"]
    assert (sent(wire), wire.is_over, wire.ending, wire.what_went_wrong) == (b"", False, None, None)


def test_messages_and_kinds() -> None:
    wire = server_wire()
    data = text("é") + encode_masked_frame(WHOLE_BINARY, b"\x00", KEY) + text("")
    assert wire.receive(data) == ["é", b"\x00", ""]
    assert not wire.is_over


def test_client_takes_unmasked_frames() -> None:
    assert client_wire().receive(encode_frame(WHOLE_TEXT, b"hi")) == ["hi"]


def test_frames_cut_at_every_byte_come_whole() -> None:
    data = text("one") + frame(Opcode.PING, b"p") + text("x" * 200) + text("three")
    for cut in range(len(data)):
        wire = server_wire()
        messages = [*wire.receive(data[:cut]), *wire.receive(data[cut:])]
        assert messages == ["one", "x" * 200, "three"]


def test_byte_by_byte_comes_whole() -> None:
    wire = server_wire()
    data = text("one") + frame(Opcode.TEXT, b"t", fin=False) + frame(Opcode.CONT, b"wo")
    messages: list[Message] = []
    for position in range(len(data)):
        messages += wire.receive(data[position : position + 1])
    assert messages == ["one", "two"]


def test_fragments_are_joined_and_control_frames_may_stand_between() -> None:
    wire = server_wire()
    euro = "€".encode()
    data = (
        frame(Opcode.TEXT, euro[:1], fin=False)
        + frame(Opcode.PING, b"hello")
        + frame(Opcode.CONT, euro[1:2], fin=False)
        + frame(Opcode.CONT, euro[2:])
        + text("next")
    )
    assert wire.receive(data) == ["€", "next"]
    assert sent(wire) == b"\x8a\x05hello"


def test_binary_fragments_are_joined_as_bytes() -> None:
    wire = server_wire()
    data = frame(Opcode.BINARY, b"\xff", fin=False) + frame(Opcode.CONT, b"\xfe")
    assert wire.receive(data) == [b"\xff\xfe"]


def test_ping_is_answered() -> None:
    wire = server_wire()
    assert wire.receive(frame(Opcode.PING, b"abc")) == []
    assert sent(wire) == b"\x8a\x03abc"


def test_close_is_answered_and_what_follows_is_dropped() -> None:
    wire = server_wire()
    assert wire.receive(text("last") + close_frame(1000, "bye") + text("after")) == ["last"]
    assert wire.is_over
    assert wire.failure is None
    assert sent(wire) == b"\x88\x05\x03\xe8bye"
    assert wire.receive(text("later")) == []


def test_close_between_fragments_is_answered_and_the_message_is_dropped() -> None:
    wire = server_wire()
    data = frame(Opcode.TEXT, b"start", fin=False) + close_frame(1000, "bye")
    assert wire.receive(data + frame(Opcode.CONT, b"end")) == []
    assert wire.failure is None
    assert wire.is_over
    assert sent(wire) == b"\x88\x05\x03\xe8bye"


def test_messages_still_come_after_our_own_close_frame() -> None:
    # They are dropped by the connection; the wire has to read on to the peer's close frame.
    wire = server_wire()
    wire.protocol.send_close(1000, "bye")
    assert wire.receive(text("crossing") + close_frame(1000, "bye")) == ["crossing"]
    assert wire.is_over


# -- large frames ---------------------------------------------------------------------------------


def test_a_large_frame_is_read_into_its_own_room() -> None:
    wire = server_wire()
    payload = bytes(range(256)) * 300
    data = encode_masked_frame(WHOLE_BINARY, payload, KEY)
    assert wire.receive(text("before") + data[:1000]) == ["before"]
    position, messages = 1000, list[Message]()
    while wire.large is not None:
        room = wire.large.room()
        size = min(len(room), 7_000)
        room[:size] = data[position : position + size]
        position += size
        messages += wire.receive_large(size)
    assert position == len(data)
    assert messages == [payload]
    assert wire.receive(text("behind")) == ["behind"]


def test_a_large_frame_given_as_bytes_comes_whole_with_what_follows() -> None:
    wire = server_wire()
    data = text("x" * (LARGE_FRAME_BYTES + 1))
    assert wire.receive(data[:50]) == []
    assert wire.large is not None
    assert wire.receive(data[50:] + text("behind")) == ["x" * (LARGE_FRAME_BYTES + 1), "behind"]


def test_a_large_frame_whose_key_is_still_missing_comes_whole() -> None:
    data = text("x" * (LARGE_FRAME_BYTES + 1))
    for cut in range(16):
        wire = server_wire()
        assert wire.receive(data[:cut]) == []
        assert wire.receive(data[cut:]) == ["x" * (LARGE_FRAME_BYTES + 1)]


def test_large_frames_that_are_read_several_at_once_need_no_room() -> None:
    wire = server_wire()
    each = text("x" * 2 * LARGE_FRAME_BYTES)
    cut = 2 * len(each) + 50
    assert len(wire.receive((each * 3)[:cut])) == 2
    assert wire.large is None
    assert wire.receive((each * 3)[cut:]) == ["x" * 2 * LARGE_FRAME_BYTES]


def test_one_that_then_comes_in_small_pieces_is_not_joined_anew_with_each() -> None:
    wire = server_wire()
    each = text("x" * 2 * LARGE_FRAME_BYTES)
    cut = len(each) + 50
    assert len(wire.receive((each * 2)[:cut])) == 1
    assert wire.large is None
    wire.receive((each * 2)[cut : cut + 10])
    assert wire.large is not None
    assert wire.receive((each * 2)[cut + 10 :]) == ["x" * 2 * LARGE_FRAME_BYTES]


def test_a_frame_that_is_not_large_needs_no_room() -> None:
    wire = server_wire()
    data = encode_masked_frame(WHOLE_BINARY, b"x" * (LARGE_FRAME_BYTES - 8), KEY)
    assert len(data) == LARGE_FRAME_BYTES
    wire.receive(data[:-1])
    assert wire.large is None
    assert wire.receive(data[-1:]) == [b"x" * (LARGE_FRAME_BYTES - 8)]


def test_a_large_text_that_is_not_utf8_fails() -> None:
    wire = server_wire()
    data = encode_masked_frame(WHOLE_TEXT, b"x" * 50_000 + b"\xff", KEY)
    assert wire.receive(data[:100]) == []
    assert wire.receive(data[100:]) == []
    assert isinstance(wire.failure, BadFrame)
    assert sent(wire)[2:4] == struct.pack("!H", 1007)


# -- faults ---------------------------------------------------------------------------------------


def fails(wire: Wire, data: bytes, code: int) -> str:
    """Feed `data`; return the reason on the wire."""
    assert wire.receive(text("good") + data + text("unread")) == ["good"]
    assert wire.failure is not None
    answer = sent(wire)
    assert answer[0] == 0x88
    assert struct.unpack("!H", answer[2:4]) == (code,)
    assert len(answer) - 4 <= 123
    assert wire.receive(text("unread")) == []
    return answer[4:].decode()


def test_text_that_is_not_utf8_fails_with_1007() -> None:
    wire = server_wire()
    reason = fails(wire, encode_masked_frame(WHOLE_TEXT, b"ok\xff", KEY), 1007)
    assert reason == "text is not UTF-8: invalid start byte at position 2"
    assert str(wire.failure) == reason


def test_fragments_that_are_not_utf8_together_fail_with_1007() -> None:
    wire = server_wire()
    data = frame(Opcode.TEXT, b"\xe2\x82", fin=False) + frame(Opcode.CONT, b"!")
    fails(wire, data, 1007)
    assert isinstance(wire.failure, BadFrame)


def test_a_reserved_bit_fails_with_1002() -> None:
    # A compressed message, though compression was never agreed on.
    wire = server_wire()
    assert fails(wire, b"\xc1\x80" + KEY, 1002) == "reserved bits must be 0"
    assert isinstance(wire.failure, BadFrame)


def test_an_unmasked_frame_to_a_server_fails_with_1002_at_its_second_byte() -> None:
    wire = server_wire()
    wire.receive(b"\x81\x7f")
    assert isinstance(wire.failure, BadFrame)
    assert sent(wire)[2:4] == struct.pack("!H", 1002)


def test_a_reserved_opcode_fails_with_1002() -> None:
    wire = server_wire()
    assert fails(wire, b"\x83\x80" + KEY, 1002) == "invalid opcode"


@pytest.mark.parametrize(
    "data",
    [
        frame(Opcode.CONT, b"end without start"),
        frame(Opcode.TEXT, b"start", fin=False) + frame(Opcode.TEXT, b"start", fin=False),
        frame(Opcode.BINARY, b"start", fin=False) + text("whole text inside"),
    ],
    ids=["no start", "two starts", "whole inside"],
)
def test_fragments_out_of_place_fail_with_1002(data: bytes) -> None:
    wire = server_wire()
    fails(wire, data, 1002)
    assert isinstance(wire.failure, BadFrame)


def test_a_close_reason_that_is_not_utf8_fails_with_1007() -> None:
    wire = server_wire()
    fails(wire, frame(Opcode.CLOSE, b"\x03\xe8\xff"), 1007)
    assert isinstance(wire.failure, BadFrame)


def test_a_message_at_the_limit_comes() -> None:
    assert server_wire(max_bytes=10).receive(text("x" * 10)) == ["x" * 10]


def test_a_message_above_the_limit_fails_from_its_head_alone() -> None:
    wire = server_wire(max_bytes=200)
    assert wire.receive(b"\x81\xfe\x00\xc9") == []
    assert isinstance(wire.failure, LimitExceeded)
    assert (wire.failure.limit, wire.failure.value, wire.failure.met) == (
        "max_message_bytes",
        200,
        201,
    )
    assert sent(wire)[2:4] == struct.pack("!H", 1009)


def test_a_length_with_the_top_bit_set_fails_from_its_head_alone() -> None:
    wire = server_wire()
    assert wire.receive(b"\x82\xff" + b"\xff" * 8) == []
    assert isinstance(wire.failure, LimitExceeded)
    assert wire.large is None


def test_control_frames_at_the_limit_are_answered() -> None:
    wire = server_wire()
    wire.receive(frame(Opcode.PING) * MAX_CONTROL_FRAMES_PER_S)
    assert wire.failure is None
    assert sent(wire) == b"\x8a\x00" * MAX_CONTROL_FRAMES_PER_S


def test_one_control_frame_more_fails_with_1008() -> None:
    wire = server_wire()
    wire.receive(frame(Opcode.PONG) * (MAX_CONTROL_FRAMES_PER_S + 1))
    assert isinstance(wire.failure, LimitExceeded)
    assert sent(wire)[2:4] == struct.pack("!H", 1008)


def test_control_frames_of_the_second_before_do_not_count() -> None:
    clock = Clock()
    wire = server_wire(clock)
    for second in range(3):
        clock.now_s = float(second)
        wire.receive(frame(Opcode.PING) * MAX_CONTROL_FRAMES_PER_S)
    assert wire.failure is None


def test_pieces_of_messages_are_counted_and_whole_messages_are_not() -> None:
    wire = server_wire()
    middle = frame(Opcode.CONT, b"x" * SHORT_FRAGMENT_BYTES, fin=False)
    last = frame(Opcode.CONT, b"x" * (SHORT_FRAGMENT_BYTES - 1))
    wire.receive(text("x") * 100 + frame(Opcode.TEXT, b"", fin=False) + middle + last)
    assert (wire.pieces, wire.short_pieces) == (3, 2)
