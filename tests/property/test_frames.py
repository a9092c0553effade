"""Our way of reading frames against `websockets` alone, on any bytes, cut anywhere."""

from collections.abc import Callable
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.frames import Opcode
from websockets.protocol import Side

from duologue.connection.base import Message
from duologue.connection.websocket.frames import (
    MASK_BIT,
    WHOLE_BINARY,
    WHOLE_TEXT,
    encode_frame,
    encode_masked_frame,
    read_head,
    take_plain_frames,
)
from duologue.connection.websocket.wire import LARGE_FRAME_BYTES as REAL_LARGE_FRAME_BYTES
from tests.property.frame_oracle import Outcome, Stream, agree
from tests.property.random_frames import (
    KEY,
    LARGE_FRAME_BYTES,
    MAX_BYTES,
    random_large_stream,
    random_stream,
    raw_frame,
)

# -- drawn streams: few, but a failing one is made small -----------------------------------------

texts = st.text(max_size=40).map(str.encode)
lengths = st.sampled_from([0, 1, 120, 125, 126, 127, 139, 141, 200, 299, 300, 301, 400])
payloads = st.one_of(
    texts,
    st.binary(max_size=40),
    lengths.map(lambda length: b"x" * length),
    lengths.map(lambda length: b"\xc3\xa9" * (length // 2)),
)


whole_firsts = st.sampled_from([WHOLE_TEXT, WHOLE_BINARY])
control_firsts = st.sampled_from([0x89, 0x8A])
close_codes = st.sampled_from([b"", b"\x03\xe8", b"\x03\xf1", b"\x03\xed", b"\x0f\xa2", b"\x03"])
close_reasons = st.one_of(st.just(b""), st.text(max_size=20).map(str.encode), st.binary(max_size=5))
kinds = st.sampled_from(["whole", "whole", "whole", "control", "fragments", "close", "anything"])


@st.composite
def fragments(draw: st.DrawFn, masked: bool) -> list[bytes]:
    """One message in pieces, with control frames between them here and there."""
    parts = draw(st.lists(payloads, min_size=2, max_size=4))
    frames: list[bytes] = []
    for number, part in enumerate(parts):
        opcode = draw(st.sampled_from([0x01, 0x02])) if number == 0 else 0x00
        final = 0x80 if number == len(parts) - 1 else 0x00
        frames.append(raw_frame(opcode | final, part, masked))
        if not final and draw(st.booleans()):
            frames.append(raw_frame(draw(st.sampled_from([0x88, 0x89, 0x89])), b"", masked))
    return frames


@st.composite
def pieces(draw: st.DrawFn, masked: bool) -> list[bytes]:
    """What a peer may send, and what it may not."""
    match draw(kinds):
        case "whole":
            return [raw_frame(draw(whole_firsts), draw(payloads), masked)]
        case "control":
            return [raw_frame(draw(control_firsts), draw(st.binary(max_size=125)), masked)]
        case "fragments":
            return draw(fragments(masked))
        case "close":
            return [raw_frame(0x88, draw(close_codes) + draw(close_reasons), masked)]
        case _:
            return [raw_frame(draw(st.integers(0, 255)), draw(payloads), draw(st.booleans()))]


@st.composite
def streams(draw: st.DrawFn) -> Stream:
    side = draw(st.sampled_from([Side.SERVER, Side.CLIENT]))
    frames = [
        frame
        for piece in draw(st.lists(pieces(side is Side.SERVER), max_size=8))
        for frame in piece
    ]
    if draw(st.booleans()):
        noise = draw(st.binary(max_size=20))
        frames += [bytes([byte]) for byte in noise]
    elif frames:
        frames[-1] = frames[-1][: max(len(frames[-1]) - draw(st.integers(0, 30)), 0)]
    cuts = draw(st.lists(st.integers(0, 5000), max_size=8))
    return Stream(side, tuple(frames), tuple(cuts), MAX_BYTES, LARGE_FRAME_BYTES)


@settings(max_examples=1_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(streams())
def test_we_read_as_websockets_does(stream: Stream) -> None:
    agree(stream, by_single_bytes=True)


@pytest.mark.slow
@settings(max_examples=20_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(streams())
def test_we_read_as_websockets_does_on_many_more(stream: Stream) -> None:
    agree(stream, by_single_bytes=True)


# -- streams from seeds: many --------------------------------------------------------------------

STREAMS_PER_SEED = 100
seeds = st.integers(0, 2**64 - 1)


@settings(max_examples=80, deadline=None)
@given(seeds)
def test_we_read_as_websockets_does_on_8000_streams(seed: int) -> None:
    rng = Random(seed)
    for _ in range(STREAMS_PER_SEED):
        agree(random_stream(rng))


@pytest.mark.slow
@settings(max_examples=2_000, deadline=None)
@given(seeds)
def test_we_read_as_websockets_does_on_200000_streams(seed: int) -> None:
    rng = Random(seed)
    for _ in range(STREAMS_PER_SEED):
        agree(random_stream(rng))


@settings(max_examples=50, deadline=None)
@given(seeds)
def test_we_read_large_frames_as_websockets_does(seed: int) -> None:
    rng = Random(seed)
    for _ in range(20):
        agree(random_large_stream(rng, REAL_LARGE_FRAME_BYTES))


def test_the_large_streams_have_large_messages() -> None:
    rng = Random(6455)
    outcomes = [agree(random_large_stream(rng, REAL_LARGE_FRAME_BYTES)) for _ in range(200)]
    sizes = [len(message) for outcome in outcomes for message in outcome.messages]
    assert sum(size > REAL_LARGE_FRAME_BYTES for size in sizes) > 20


def test_the_streams_meet_everything_that_can_come_of_them() -> None:
    rng = Random(6455)
    outcomes = [agree(random_stream(rng)) for _ in range(2_000)]

    def count(met: Callable[[Outcome], bool]) -> int:
        return sum(map(met, outcomes))

    assert count(lambda outcome: len(outcome.messages) >= 3) > 200
    assert count(lambda outcome: outcome.close_received is not None) > 100
    assert count(lambda outcome: not outcome.has_failed) > 200
    assert count(lambda outcome: any(opcode == Opcode.PONG for opcode, _ in outcome.sent)) > 100
    for code in (1000, 1002, 1007, 1009):
        closes = [outcome for outcome in outcomes if code in close_codes_sent(outcome)]
        assert len(closes) > 20, code


def close_codes_sent(outcome: Outcome) -> list[int]:
    return [
        int.from_bytes(data[:2], "big") for opcode, data in outcome.sent if opcode == Opcode.CLOSE
    ]


# -- the parts -----------------------------------------------------------------------------------


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
