"""Closing handshakes that are read and written at once; `websockets` is the oracle."""

import struct
from collections.abc import Iterator
from itertools import repeat

import pytest
from websockets.frames import Frame, Opcode
from websockets.protocol import Protocol, Side, State

from duologue.connection.websocket.frames import WHOLE_TEXT, encode_frame, encode_masked_frame
from duologue.connection.websocket.plain_closing import CLOSE, Parting, PlainClosing
from duologue.connection.websocket.wire import Wire

KEY = b"\x11\x22\x33\x44"


def said(code: int, reason: str = "") -> bytes:
    return struct.pack(">H", code) + reason.encode()


def frame_to(side: Side, payload: bytes) -> bytes:
    """A close frame as the other side of `side` sends it."""
    if side is Side.SERVER:
        return encode_masked_frame(CLOSE, payload, KEY)
    return encode_frame(CLOSE, payload)


def text_to(side: Side, text: str) -> bytes:
    if side is Side.SERVER:
        return encode_masked_frame(WHOLE_TEXT, text.encode(), KEY)
    return encode_frame(WHOLE_TEXT, text.encode())


def plain_wire(side: Side) -> Wire:
    keys: Iterator[bytes] | None = repeat(KEY) if side is Side.CLIENT else None
    return Wire(side, max_message_bytes=1000, clock=lambda: 0.0, keys=keys)


def oracle(side: Side) -> Wire:
    """One that does all of it through `websockets`."""
    protocol = Protocol(side, state=State.OPEN, max_size=1000)
    return Wire(protocol, max_message_bytes=1000, clock=lambda: 0.0)


def unmasked(side: Side, parts: list[bytes]) -> list[bytes]:
    """What was sent, without the masks, which are drawn anew each time."""
    if side is Side.SERVER:
        return parts
    shown = list[bytes]()
    for part in parts:
        server = Protocol(Side.SERVER, state=State.OPEN)
        server.receive_data(part)
        shown += [bytes(each.data) for each in server.events_received() if isinstance(each, Frame)]
    return shown


def outcome(wire: Wire, side: Side) -> tuple[object, ...]:
    sent = unmasked(side, wire.data_to_send())
    failure = None if wire.failure is None else str(wire.failure)
    return sent, wire.ending, wire.is_over, wire.is_agreed, failure


PAYLOADS = [
    b"",
    said(1000),
    said(1000, "Close called: bye"),
    said(1001, "é" * 60),
    said(1009, "frame with 9 bytes exceeds limit of 8 bytes"),
    said(1013, "x" * 123),
    said(3000),
    said(4999, "mine"),
    # None of these is plain.
    b"\x03",
    said(999),
    said(1004),
    said(1005),
    said(1006),
    said(1015),
    said(1016),
    said(2999),
    said(5000),
    said(1000)[:1],
    said(1000) + b"\xff",
    said(1000) + b"x" * 124,
]


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda payload: repr(payload[:12]))
@pytest.mark.parametrize("side", [Side.SERVER, Side.CLIENT])
def test_a_close_frame_means_what_it_means_to_websockets(side: Side, payload: bytes) -> None:
    wires = plain_wire(side), oracle(side)
    for wire in wires:
        assert wire.receive(text_to(side, "last") + frame_to(side, payload)) == ["last"]
    assert outcome(wires[0], side) == outcome(wires[1], side)


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda payload: repr(payload[:12]))
@pytest.mark.parametrize("side", [Side.SERVER, Side.CLIENT])
def test_so_does_one_that_answers_ours(side: Side, payload: bytes) -> None:
    wires = plain_wire(side), oracle(side)
    for wire in wires:
        wire.send_close(1000, "bye")
        assert unmasked(side, wire.data_to_send()) in ([frame_to_peer("bye")], [said(1000, "bye")])
        wire.receive(text_to(side, "crossing") + frame_to(side, payload))
    assert outcome(wires[0], side) == outcome(wires[1], side)


def frame_to_peer(reason: str) -> bytes:
    return encode_frame(CLOSE, said(1000, reason))


@pytest.mark.parametrize("first", [0x08, 0xC8, 0x98])
def test_a_close_frame_in_pieces_or_with_a_reserved_bit_is_left_to_websockets(first: int) -> None:
    data = encode_masked_frame(first, said(1000), KEY)
    wires = plain_wire(Side.SERVER), oracle(Side.SERVER)
    for wire in wires:
        wire.receive(data)
    assert outcome(wires[0], Side.SERVER) == outcome(wires[1], Side.SERVER)
    assert wires[0].failure is not None


@pytest.mark.parametrize("side", [Side.SERVER, Side.CLIENT])
def test_a_close_frame_that_is_masked_as_it_must_not_be_is_left_to_websockets(side: Side) -> None:
    other = Side.CLIENT if side is Side.SERVER else Side.SERVER
    wires = plain_wire(side), oracle(side)
    for wire in wires:
        wire.receive(frame_to(other, said(1000)))
    assert outcome(wires[0], side) == outcome(wires[1], side)
    assert wires[0].failure is not None


@pytest.mark.parametrize("side", [Side.SERVER, Side.CLIENT])
def test_a_close_frame_that_comes_in_two_parts_is_read_when_it_is_whole(side: Side) -> None:
    data = frame_to(side, said(1000, "bye"))
    for cut in range(1, len(data)):
        wire = plain_wire(side)
        wire.receive(data[:cut])
        assert not wire.is_over
        wire.receive(data[cut:])
        assert wire.ending == (1000, "bye")
        assert wire.is_agreed


def test_pings_behind_our_close_frame_are_answered_and_the_answer_to_it_is_read() -> None:
    wire = plain_wire(Side.SERVER)
    wire.send_close(1000, "bye")
    assert wire.data_to_send() == [frame_to_peer("bye")]
    wire.receive(Frame(Opcode.PING, b"p").serialize(mask=True))
    assert wire.data_to_send() == [b"\x8a\x01p"]
    wire.receive(frame_to(Side.SERVER, said(1000, "bye")))
    assert (wire.data_to_send(), wire.ending, wire.is_agreed) == ([b""], (1000, "bye"), True)


def test_a_close_frame_that_waits_is_sent_once_though_websockets_is_needed_meanwhile() -> None:
    wire = plain_wire(Side.SERVER)
    wire.send_close(1000, "bye")
    wire.receive(Frame(Opcode.PONG, b"").serialize(mask=True))
    assert wire.data_to_send() == [frame_to_peer("bye")]


def test_nothing_is_sent_behind_a_close_frame_of_ours() -> None:
    wire = plain_wire(Side.SERVER)
    wire.send_close(1000, "one")
    wire.send_close(1001, "two")
    wire.receive(frame_to(Side.SERVER, said(1000, "one")))
    wire.send_close(1001, "three")
    assert wire.data_to_send() == [frame_to_peer("one"), b""]


def test_the_end_of_the_socket_is_no_fault_behind_both_close_frames_and_one_before() -> None:
    agreed, cut_off = plain_wire(Side.CLIENT), plain_wire(Side.CLIENT)
    agreed.receive(frame_to(Side.CLIENT, said(1000)))
    agreed.data_to_send()
    cut_off.send_close(1000, "bye")
    cut_off.data_to_send()
    for wire in (agreed, cut_off):
        wire.receive_eof()
    assert (agreed.ending, agreed.data_to_send()) == ((1000, ""), [])
    assert cut_off.ending is None


def test_a_client_without_keys_leaves_it_to_websockets() -> None:
    wire = Wire(Side.CLIENT, max_message_bytes=1000, clock=lambda: 0.0)
    wire.receive(frame_to(Side.CLIENT, said(1000, "bye")))
    assert wire.protocol.close_rcvd is not None
    assert wire.ending == (1000, "bye")


def test_what_cannot_be_said_in_a_frame_is_not_said() -> None:
    closing = PlainClosing(None)
    assert not closing.say(1005, "")
    assert not closing.say(1000, "x" * 124)
    assert (closing.sent, closing.data_to_send()) == (None, [])
    assert closing.say(1000, "x" * 123)
    assert closing.sent == Parting(1000, "x" * 123)
