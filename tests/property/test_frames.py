"""Our way of reading frames against `websockets` alone, on any bytes, cut anywhere.

The oracle gives every byte to the Sans-I/O object as it is. It shares with our code only what
`websockets` leaves to its users: joining fragments and checking UTF-8, written again here.
"""

from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import Protocol, Side

from duologue.connection.base import Message
from duologue.connection.frames import (
    MASK_BIT,
    WHOLE_BINARY,
    WHOLE_TEXT,
    encode_frame,
    encode_masked_frame,
    read_head,
    take_plain_frames,
)
from duologue.connection.wire import Wire

MAX_BYTES = 300
LARGE_FRAME_BYTES = 140
"""Small ones, so that short streams reach every branch."""

KEY = b"\x5a\x00\xff\x13"


Progress = dict[int, tuple[int, int]]
"""At a position of the stream: how many messages have come, how many bytes were to be sent."""


@dataclass
class Outcome:
    messages: list[Message] = field(default_factory=list[Message])
    sent: list[tuple[Opcode, bytes]] = field(default_factory=list[tuple[Opcode, bytes]])
    close_received: tuple[int, str] | None = None


def finish(protocol: Protocol, messages: list[Message], sent: bytes) -> Outcome:
    # What was sent is masked at random by clients: compare what it says.
    other_side = Side.CLIENT if protocol.side is Side.SERVER else Side.SERVER
    reader = Protocol(other_side)
    reader.receive_data(sent)
    frames = [
        (event.opcode, bytes(event.data))
        for event in reader.events_received()
        if isinstance(event, Frame)
    ]
    closed = protocol.close_rcvd
    return Outcome(messages, frames, None if closed is None else (closed.code, closed.reason))


def oracle(data: bytes, side: Side) -> tuple[Outcome, Progress]:
    protocol = Protocol(side, max_size=MAX_BYTES)
    messages: list[Message] = []
    sent = b""
    progress: Progress = {0: (0, 0)}
    parts: list[Frame] = []
    failed = False
    for position in range(len(data)):
        protocol.receive_data(data[position : position + 1])
        for event in protocol.events_received():
            if failed or not isinstance(event, Frame):
                continue
            if event.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
                parts.append(event)
                if not event.fin:
                    continue
                payload = b"".join(bytes(part.data) for part in parts)
                opcode, parts = parts[0].opcode, []
                if opcode == Opcode.BINARY:
                    messages.append(payload)
                    continue
                try:
                    messages.append(payload.decode())
                except UnicodeDecodeError as error:
                    failed = True
                    protocol.fail(
                        CloseCode.INVALID_DATA,
                        f"text is not UTF-8: {error.reason} at position {error.start}",
                    )
        sent += b"".join(protocol.data_to_send())
        progress[position + 1] = (len(messages), len(sent))
    return finish(protocol, messages, sent), progress


def ours(data: bytes, side: Side, cuts: list[int]) -> tuple[Outcome, Progress]:
    protocol = Protocol(side, max_size=MAX_BYTES)
    wire = Wire(
        protocol,
        max_message_bytes=MAX_BYTES,
        clock=lambda: 0.0,
        large_frame_bytes=LARGE_FRAME_BYTES,
    )
    messages: list[Message] = []
    sent = b""
    progress: Progress = {0: (0, 0)}
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    for start, stop in pairwise(edges):
        chunk = data[start:stop]
        # As the transport does it: a large frame is written into its room, the rest is given.
        while chunk and wire.large is not None:
            room = wire.large.room()
            size = min(len(room), len(chunk))
            room[:size] = chunk[:size]
            chunk = chunk[size:]
            messages += wire.receive_large(size)
        if chunk:
            messages += wire.receive(chunk)
        sent += b"".join(protocol.data_to_send())
        progress[stop] = (len(messages), len(sent))
    return finish(protocol, messages, sent), progress


texts = st.text(max_size=40).map(str.encode)
lengths = st.sampled_from([0, 1, 120, 125, 126, 127, 139, 141, 200, 299, 300, 301, 400])
payloads = st.one_of(
    texts,
    st.binary(max_size=40),
    lengths.map(lambda length: b"x" * length),
    lengths.map(lambda length: b"\xc3\xa9" * (length // 2)),
)


def raw_frame(first: int, payload: bytes, masked: bool) -> bytes:
    frame = encode_masked_frame(WHOLE_BINARY, payload, KEY) if masked else b""
    return bytes([first]) + (frame or encode_frame(WHOLE_BINARY, payload))[1:]


whole_firsts = st.sampled_from([WHOLE_TEXT, WHOLE_BINARY])
control_firsts = st.sampled_from([0x89, 0x8A])
close_codes = st.sampled_from([b"", b"\x03\xe8", b"\x03\xf1", b"\x03\xed", b"\x0f\xa2", b"\x03"])
close_reasons = st.one_of(st.just(b""), st.text(max_size=20).map(str.encode), st.binary(max_size=5))
kinds = st.sampled_from(["whole", "whole", "whole", "control", "fragments", "close", "anything"])


@st.composite
def fragments(draw: st.DrawFn, masked: bool) -> bytes:
    """One message in pieces, with control frames between them here and there."""
    parts = draw(st.lists(payloads, min_size=2, max_size=4))
    data = b""
    for number, part in enumerate(parts):
        opcode = draw(st.sampled_from([0x01, 0x02])) if number == 0 else 0x00
        final = 0x80 if number == len(parts) - 1 else 0x00
        data += raw_frame(opcode | final, part, masked)
        if not final and draw(st.booleans()):
            data += raw_frame(0x89, b"between", masked)
    return data


@st.composite
def pieces(draw: st.DrawFn, masked: bool) -> bytes:
    """What a peer may send, and what it may not."""
    match draw(kinds):
        case "whole":
            return raw_frame(draw(whole_firsts), draw(payloads), masked)
        case "control":
            return raw_frame(draw(control_firsts), draw(st.binary(max_size=125)), masked)
        case "fragments":
            return draw(fragments(masked))
        case "close":
            return raw_frame(0x88, draw(close_codes) + draw(close_reasons), masked)
        case _:
            return raw_frame(draw(st.integers(0, 255)), draw(payloads), draw(st.booleans()))


@st.composite
def sided_streams(draw: st.DrawFn) -> tuple[Side, bytes]:
    side = draw(st.sampled_from([Side.SERVER, Side.CLIENT]))
    data = b"".join(draw(st.lists(pieces(side is Side.SERVER), max_size=8)))
    data += draw(st.one_of(st.just(b""), st.binary(max_size=20)))
    missing = draw(st.one_of(st.just(0), st.integers(0, 30)))
    return side, data[: len(data) - missing]


cuts = st.lists(st.integers(0, 5000), max_size=8)


def agree(sided_stream: tuple[Side, bytes], at: list[int]) -> None:
    side, data = sided_stream
    outcome, progress = ours(data, side, at)
    expected, expected_progress = oracle(data, side)
    assert outcome == expected
    # Nothing comes later than it could, so that no fault can hide behind a peer's silence.
    assert progress == {position: expected_progress[position] for position in progress}


@settings(max_examples=2_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(sided_streams(), cuts)
def test_we_read_as_websockets_does(sided_stream: tuple[Side, bytes], at: list[int]) -> None:
    agree(sided_stream, at)


@pytest.mark.slow
@settings(max_examples=50_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(sided_streams(), cuts)
def test_we_read_as_websockets_does_on_many_more(
    sided_stream: tuple[Side, bytes], at: list[int]
) -> None:
    agree(sided_stream, at)


@given(st.lists(st.tuples(st.booleans(), payloads), max_size=10), st.booleans())
def test_what_we_encode_we_take(sent: list[tuple[bool, bytes]], masked: bool) -> None:
    expected: list[Message] = []
    data = b""
    for is_text, payload in sent:
        message: Message = payload.decode(errors="replace") if is_text else payload
        expected.append(message)
        wire_payload = message.encode() if isinstance(message, str) else message
        first = WHOLE_TEXT if is_text else WHOLE_BINARY
        data += (
            encode_masked_frame(first, wire_payload, KEY)
            if masked
            else encode_frame(first, wire_payload)
        )
    messages: list[Message] = []
    end = take_plain_frames(data, 0, messages, masked=masked, max_bytes=10_000)
    assert (end, messages) == (len(data), expected)


@given(st.binary(max_size=20), st.integers(0, 20))
def test_any_bytes_are_a_head_or_too_few(data: bytes, position: int) -> None:
    position = min(position, len(data))
    head = read_head(data, position)
    if head is not None:
        assert 0 <= head.length < 2**64
        assert head.masked is (data[position + 1] >= MASK_BIT)
