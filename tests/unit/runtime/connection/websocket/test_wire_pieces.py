"""Messages that come in pieces: how many, how large, and what is unfinished."""

import struct

import pytest
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol

from duologue.connection.websocket.wire import Wire
from duologue.errors import LimitExceeded
from duologue.limits import MAX_SHORT_FRAGMENTS, SHORT_FRAGMENT_BYTES
from tests.unit.runtime.pretend import KEY, close_frame, text


def server_wire(max_bytes: int = 100_000) -> Wire:
    protocol = ServerProtocol(state=State.OPEN, max_size=max_bytes)
    return Wire(protocol, max_message_bytes=max_bytes, clock=lambda: 0.0)


def frame(opcode: Opcode, data: bytes = b"", *, fin: bool = True) -> bytes:
    return Frame(opcode, data, fin=fin).serialize(mask=True)


def sent(wire: Wire) -> bytes:
    return b"".join(wire.protocol.data_to_send())


def test_fragments_at_the_limit_come_and_above_it_fail() -> None:
    wire = server_wire(max_bytes=10)
    data = frame(Opcode.TEXT, b"x" * 6, fin=False) + frame(Opcode.CONT, b"y" * 4)
    assert wire.receive(data) == ["x" * 6 + "y" * 4]
    wire.receive(frame(Opcode.TEXT, b"x" * 6, fin=False) + frame(Opcode.CONT, b"y" * 5))
    assert isinstance(wire.failure, LimitExceeded)
    assert wire.failure.met == 11


def test_as_many_short_fragments_as_allowed_are_joined() -> None:
    wire = server_wire()
    data = frame(Opcode.TEXT, b"", fin=False)
    data += frame(Opcode.CONT, b"", fin=False) * (MAX_SHORT_FRAGMENTS - 2)
    for _ in range(2):  # each message is counted on its own
        assert wire.receive(data + frame(Opcode.CONT, b"end")) == ["end"]


def test_one_short_fragment_more_fails_with_1009() -> None:
    wire = server_wire()
    data = frame(Opcode.TEXT, b"", fin=False)
    data += frame(Opcode.CONT, b"x" * (SHORT_FRAGMENT_BYTES - 1), fin=False) + frame(
        Opcode.CONT, b"", fin=False
    ) * (MAX_SHORT_FRAGMENTS - 2)
    assert wire.receive(data) == []
    assert wire.failure is None
    assert wire.receive(frame(Opcode.CONT, b"end")) == []
    assert isinstance(wire.failure, LimitExceeded)
    assert wire.failure.limit == "MAX_SHORT_FRAGMENTS"
    assert sent(wire)[2:4] == struct.pack("!H", 1009)


def test_fragments_that_are_not_short_are_bounded_by_the_size_alone() -> None:
    count = MAX_SHORT_FRAGMENTS + 1
    wire = server_wire(max_bytes=count * SHORT_FRAGMENT_BYTES)
    part = b"x" * SHORT_FRAGMENT_BYTES
    data = frame(Opcode.BINARY, part, fin=False) + frame(Opcode.CONT, part, fin=False) * (count - 2)
    assert wire.receive(data + frame(Opcode.CONT, part)) == [part * count]


@pytest.mark.parametrize("used", [0, 9, 10])
def test_control_frames_between_fragments_have_no_share_in_the_limit(used: int) -> None:
    wire = server_wire(max_bytes=10)
    payload = b"p" * 125
    wire.receive(frame(Opcode.TEXT, b"x" * used, fin=False) + frame(Opcode.PING, payload))
    assert wire.failure is None
    assert sent(wire) == b"\x8a\x7d" + payload
    assert wire.receive(frame(Opcode.CONT, b"x" * (10 - used))) == ["x" * 10]


def test_a_control_frame_does_not_lift_the_limit_of_the_message() -> None:
    wire = server_wire(max_bytes=10)
    wire.receive(frame(Opcode.TEXT, b"x" * 6, fin=False) + frame(Opcode.PING))
    wire.receive(frame(Opcode.CONT, b"y" * 5))
    assert isinstance(wire.failure, LimitExceeded)
    assert wire.failure.met == 11


def test_a_close_frame_with_a_reason_may_come_when_the_message_is_at_the_limit() -> None:
    wire = server_wire(max_bytes=10)
    wire.receive(frame(Opcode.TEXT, b"x" * 10, fin=False) + close_frame(1000, "bye"))
    assert wire.failure is None
    assert sent(wire) == b"\x88\x05\x03\xe8bye"


# -- what has begun and not ended -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("begun", "rest"),
    [
        (b"\x81", b"\x80" + KEY),
        (text("whole")[:-1], text("whole")[-1:]),
        (text("x" * 70_000)[:-1], text("x" * 70_000)[-1:]),
        (frame(Opcode.TEXT, b"start", fin=False), frame(Opcode.CONT)),
        (b"\x89\x81" + KEY, b"x"),
    ],
    ids=["one byte of a head", "a frame", "a large frame", "fragments", "a ping"],
)
def test_a_frame_or_message_without_its_end_is_unfinished(begun: bytes, rest: bytes) -> None:
    wire = server_wire()
    assert not wire.is_unfinished
    wire.receive(begun)
    assert wire.is_unfinished
    wire.receive(rest)
    assert not wire.is_unfinished


def test_what_comes_after_giving_up_is_dropped() -> None:
    data = text("x" * 70_000)
    wire = server_wire()
    wire.receive(data[:1000])
    wire.give_up(LimitExceeded("message_stall_timeout_s", 10.0))
    assert sent(wire)[2:] == (
        struct.pack("!H", 1008) + b"Message refused: message_stall_timeout_s is 10.0"
    )
    assert wire.receive(data[1000:] + text("more")) == []
    assert isinstance(wire.failure, LimitExceeded)
