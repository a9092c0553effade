"""Bytes read by our wire and by `websockets` alone, and what each makes of them.

The oracle gives all bytes to the Sans-I/O object as they are. It shares with our code only what
`websockets` leaves to its users: joining fragments and checking UTF-8, written again here.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from typing import cast

from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import Protocol, Side, State

from duologue.connection.base import Message
from duologue.connection.websocket.frame_passer import FramePasser
from duologue.connection.websocket.frames import WHOLE_BINARY, WHOLE_TEXT, encode_frame
from duologue.connection.websocket.wire import Wire

SMALL_FRAME_BYTES = 125

Progress = dict[int, tuple[int, int]]
"""At a position of the stream: how many messages have come, how many bytes were to be sent."""


@dataclass(frozen=True)
class Stream:
    """What one side is sent, and how."""

    side: Side
    frames: tuple[bytes, ...]
    """One frame in each. What is no frame comes as single bytes, and nothing after it."""
    cuts: tuple[int, ...]
    max_bytes: int
    large_frame_bytes: int

    @property
    def data(self) -> bytes:
        return b"".join(self.frames)

    @property
    def starts(self) -> set[int]:
        """Where frames start, as far as there are frames."""
        return {0, *accumulate(map(len, self.frames))}

    @property
    def chunks(self) -> list[tuple[int, int]]:
        """As a network cuts it: where each piece starts and ends."""
        size = len(self.data)
        return list(pairwise(sorted({0, size, *(cut % (size + 1) for cut in self.cuts)})))

    @property
    def steps(self) -> list[tuple[int, int]]:
        """The chunks, cut once more where frames end."""
        edges = {edge for chunk in self.chunks for edge in chunk}
        return list(pairwise(sorted(edges | self.starts)))


@dataclass
class Outcome:
    messages: list[Message] = field(default_factory=list[Message])
    sent: list[tuple[Opcode, bytes]] = field(default_factory=list[tuple[Opcode, bytes]])
    close_received: tuple[int, str] | None = None
    has_failed: bool = False
    eof_sent: bool = False
    state: State = State.OPEN


class Authority(Protocol):
    """`websockets`, except that a close frame may come between fragments (RFC 6455 5.4)."""

    def recv_frame(self, frame: Frame) -> None:
        if frame.opcode is Opcode.CLOSE:
            self.current_size = None
        super().recv_frame(frame)


def finish(
    protocol: Protocol, messages: list[Message], sent: bytes, *, has_failed: bool
) -> Outcome:
    # What was sent is masked at random by clients: compare what it says.
    reader = Protocol(Side.CLIENT if protocol.side is Side.SERVER else Side.SERVER)
    reader.receive_data(sent)
    frames = [
        (event.opcode, bytes(event.data))
        for event in reader.events_received()
        if isinstance(event, Frame)
    ]
    closed = protocol.close_rcvd
    return Outcome(
        messages,
        frames,
        None if closed is None else (closed.code, closed.reason),
        has_failed,
        protocol.eof_sent,
        protocol.state,
    )


def oracle(stream: Stream, steps: Iterable[tuple[int, int]]) -> tuple[Outcome, Progress]:
    """`steps` must not contain the ends of two frames in one."""
    starts = stream.starts
    protocol = Authority(stream.side, max_size=stream.max_bytes)
    data = stream.data
    messages: list[Message] = []
    sent = b""
    progress: Progress = {0: (0, 0)}
    parts: list[Frame] = []
    failed = False
    for start, stop in steps:
        if start in starts:  # a control frame is no part of a message, so it has no limit
            protocol.max_message_size = None if data[start] & 0x08 else stream.max_bytes
        protocol.receive_data(data[start:stop])
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
        progress[stop] = (len(messages), len(sent))
    failed = failed or protocol.parser_exc is not None
    return finish(protocol, messages, sent, has_failed=failed), progress


def ours(stream: Stream, passer: FramePasser | None = None) -> tuple[Outcome, Progress]:
    """With a `passer` the messages are pieces of the frames that are to be written."""
    protocol = Protocol(stream.side, max_size=stream.max_bytes)
    wire = Wire(
        protocol,
        max_message_bytes=stream.max_bytes,
        clock=lambda: 0.0,
        large_frame_bytes=stream.large_frame_bytes,
    )
    wire.pass_frames(passer)
    data = stream.data
    messages: list[Message] = []
    sent = b""
    progress: Progress = {0: (0, 0)}
    for start, stop in stream.chunks:
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
    return finish(protocol, messages, sent, has_failed=wire.failure is not None), progress


def agree(stream: Stream, *, by_single_bytes: bool = False) -> Outcome:
    """Compare; returns what both made of it."""
    outcome, progress = ours(stream)
    size = len(stream.data)
    steps = pairwise(range(size + 1)) if by_single_bytes else stream.steps
    expected, expected_progress = oracle(stream, steps)
    assert outcome == expected, stream
    # Nothing comes later than it could, so that no fault can hide behind a peer's silence.
    assert progress == {position: expected_progress[position] for position in progress}, stream
    if stream.side is Side.SERVER:
        agree_on_passing(stream, expected)
    return outcome


def agree_on_passing(stream: Stream, expected: Outcome) -> None:
    """What is passed on as frames is what others would write who were given the messages."""
    passer = FramePasser(SMALL_FRAME_BYTES)
    outcome, _ = ours(stream, passer)
    payloads = [
        (WHOLE_TEXT, message.encode()) if isinstance(message, str) else (WHOLE_BINARY, message)
        for message in expected.messages
    ]
    passed = b"".join(cast(list[bytes], outcome.messages))
    assert passed == b"".join(encode_frame(first, each) for first, each in payloads), stream
    outcome.messages = expected.messages
    assert outcome == expected, stream
    sizes = [len(each) for _, each in payloads]
    assert passer.frames == len(sizes)
    assert passer.payload_bytes == sum(sizes)
    assert passer.small_frames == sum(size <= SMALL_FRAME_BYTES for size in sizes)
