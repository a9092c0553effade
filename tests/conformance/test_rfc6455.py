"""The cases of the Autobahn Testsuite on our wire, as both roles; compression is not among them."""

from typing import NamedTuple

import pytest
from websockets.protocol import Protocol, Side

from duologue.connection.base import Message
from duologue.connection.websocket.wire import Wire
from duologue.errors import BadFrame
from tests.conformance.rfc6455 import closing, fragmentation, framing, utf8
from tests.conformance.rfc6455.case import CLOSE, MAX_BYTES, NORMAL, PONG, Case, Sent

CASES = (
    *framing.CASES,
    *fragmentation.CASES,
    *fragmentation.SIZES,
    *utf8.CASES,
    *utf8.SEQUENCES_IN_PIECES,
    *closing.CASES,
)

PARTS = {
    *("1.1", "1.2", "2", "3", "4.1", "4.2", "5"),
    *(f"6.{number}" for number in range(1, 24)),
    *("7.1", "7.3", "7.5", "7.7", "7.9", "7.13"),
    *("9.1", "9.2", "9.3", "9.4", "9.5", "9.7", "10.1"),
}
"""Chapters of the suite; 9.6 and 9.8 are 9.5 and 9.7 with bytes, which differ in nothing here."""


class Read(NamedTuple):
    frames: list[Sent]
    """What we answered."""
    masked: set[bool]


def read_frames(data: bytes) -> Read:
    """All of `data` as frames, by RFC 6455 5.2 and nothing else."""
    frames: list[Sent] = []
    masked: set[bool] = set()
    while data:
        first, second = data[0], data[1]
        masked.add(second >= 0x80)
        assert second & 0x7F < 126, "pongs and close frames are short"
        start = 6 if second >= 0x80 else 2
        end = start + (second & 0x7F)
        key = data[2:start] or bytes(4)
        payload = bytes(byte ^ key[at % 4] for at, byte in enumerate(data[start:end]))
        frames.append(Sent(first, payload))
        data = data[end:]
    return Read(frames, masked)


@pytest.mark.parametrize("role", [Side.SERVER, Side.CLIENT], ids=["server", "client"])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_case(case: Case, role: Side) -> None:
    protocol = Protocol(role, max_size=MAX_BYTES)
    wire = Wire(protocol, max_message_bytes=MAX_BYTES, clock=lambda: 0.0)
    messages: list[Message] = []
    for chunk in case.chunks(role):
        messages += wire.receive(chunk)
    if case.goes_on:
        messages += wire.receive(Sent(CLOSE, NORMAL).encoded(role))
    answers = read_frames(b"".join(protocol.data_to_send()))

    assert tuple(messages) == case.messages
    *pongs, close = answers.frames
    assert pongs == [Sent(PONG, payload) for payload in case.pongs]
    assert answers.masked == {role is Side.CLIENT}
    assert close.first == CLOSE
    assert wire.is_over
    if case.fault is None:
        assert close.payload == case.close
        assert wire.failure is None
    else:
        assert int.from_bytes(close.payload[:2], "big") == case.fault
        assert 0 < len(close.payload[2:].decode()) <= 123
        assert isinstance(wire.failure, BadFrame)


def test_every_chapter_has_cases() -> None:
    assert {case.number.rpartition(".")[0] for case in CASES} == PARTS


def test_no_name_is_given_to_two_cases() -> None:
    assert len({str(case) for case in CASES}) == len(CASES)
