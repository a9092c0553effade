"""A link of the relay on a pretend transport and loop."""

import ast
import asyncio
import inspect
import re

from duologue.connection.base import ConnectionState, Message
from duologue.connection.websocket.connection import WebSocketConnection
from duologue.connection.websocket.frames import (
    WHOLE_BINARY,
    WHOLE_TEXT,
    encode_frame,
    encode_masked_frame,
)
from duologue.connection.websocket.own_names import AcceptanceRules
from duologue.connection.websocket.refusals import Refusals
from duologue.connection.websocket.server_opening import BearerOpening
from duologue.errors import BadFrame
from duologue.limits import Limits
from duologue.relay.lane import Lane
from duologue.relay.limits import RelayLimits
from duologue.relay.link import Hold
from duologue.relay.server.socket_link import FEWEST_READ_BYTES, TINY_FRAME_BYTES, SocketLink
from tests.unit.runtime.pretend import (
    REQUEST,
    PretendLoop,
    PretendTransport,
    close_frame,
    plain_close,
    text,
)


class Door:
    """Lets everybody in."""

    def judge(self, link: SocketLink, transport: asyncio.Transport) -> BearerOpening:
        return BearerOpening(
            AcceptanceRules(),
            own_hosts=["127.0.0.1"],
            port=8765,
            secure=False,
            is_full=lambda: False,
            refusals=Refusals(),
            max_message_bytes=1000,
        )

    def note_open(self, link: SocketLink) -> None:
        return

    def note_lost(self, link: SocketLink) -> None:
        return


class OpenLink:
    """One whose opening handshake is done."""

    def __init__(self) -> None:
        self.transport = PretendTransport()
        self.loop = PretendLoop()
        self.link = SocketLink(Door(), Limits(), self.loop, read_bytes=16_384)
        self.link.connection_made(self.transport)
        self.receive(REQUEST)
        self.transport.take_written()

    def receive(self, data: bytes) -> None:
        while data:
            buffer = self.link.get_buffer(-1)
            size = min(len(buffer), len(data))
            buffer[:size] = data[:size]
            data = data[size:]
            self.link.buffer_updated(size)


def refusing_link() -> OpenLink:
    """One that refuses every message with 1008."""
    link = OpenLink()
    link.link.on_message.listen(lambda _: link.link.close_as(1008, "refused"))
    return link


class Joined:
    """Two of which what the first receives is passed on to the second."""

    def __init__(self, *, small_frames_per_s: float = 5_000) -> None:
        self.source, self.sink = OpenLink(), OpenLink()
        self.breathers: list[Lane] = []
        limits = RelayLimits(small_frames_per_s=small_frames_per_s)
        self.lane = Lane(
            self.source.link, self.sink.link, limits, lambda: 1000.0, self.breathers.append
        )
        self.stop = self.source.link.pass_on(self.lane)

    def receive(self, data: bytes) -> list[bytes]:
        """What is written to the sink for it, write by write."""
        self.source.receive(data)
        return self.sink.transport.take_written()


def test_a_refusal_is_told_with_its_code() -> None:
    link = refusing_link()
    link.receive(text("no"))
    assert link.transport.take_written() == [plain_close(1008, "refused")]
    assert link.link.state.current_state is ConnectionState.CLOSING


def test_a_refusal_of_one_who_has_closed_in_the_same_read_leaves_it_at_the_answer() -> None:
    link = refusing_link()
    link.receive(text("no") + close_frame(1000, "bye"))
    assert link.transport.take_written() == [plain_close(1000, "bye")]
    assert link.link.state.current_state is ConnectionState.CLOSING


# -- passing on ---------------------------------------------------------------------------------


def test_what_one_read_brings_is_written_at_once_and_as_it_came() -> None:
    joined = Joined()
    expected = [encode_frame(WHOLE_TEXT, each.encode()) for each in ("a", "é", "b" * 200)]
    # The first read after joining and the later ones go different ways to the same end.
    for _ in range(3):
        assert joined.receive(text("a") + text("é") + text("b" * 200)) == [b"".join(expected)]
    assert (joined.lane.frames, joined.lane.bytes) == (9, 3 * 203)


def test_what_came_before_joining_is_passed_on_first() -> None:
    early = OpenLink()
    early.receive(text("early"))
    sink = OpenLink()
    lane = Lane(early.link, sink.link, RelayLimits(), lambda: 1000.0, lambda _: None)
    early.link.pass_on(lane)
    early.receive(text("late"))
    sent = b"".join(sink.transport.take_written())
    assert sent == encode_frame(WHOLE_TEXT, b"early") + encode_frame(WHOLE_TEXT, b"late")
    assert (lane.frames, lane.bytes) == (2, 9)


def test_a_frame_that_comes_in_two_reads_is_passed_on_when_it_is_whole() -> None:
    joined = Joined()
    joined.receive(text("first"))
    data = text("whole") + text("cut in two")
    cut = len(data) - 4
    assert joined.receive(data[:cut]) == [encode_frame(WHOLE_TEXT, b"whole")]
    assert len(joined.source.loop.timers) == 1
    assert joined.receive(data[cut:]) == [encode_frame(WHOLE_TEXT, b"cut in two")]
    assert joined.source.loop.timers == []
    assert joined.receive(text("last")) == [encode_frame(WHOLE_TEXT, b"last")]


def test_a_message_in_fragments_is_passed_on_as_one_frame() -> None:
    joined = Joined()
    joined.receive(text("first"))
    start, end = bytearray(text("one ")), bytearray(text("message"))
    start[0], end[0] = 0x01, 0x80
    assert joined.receive(bytes(start)) == []
    assert joined.receive(bytes(end)) == [encode_frame(WHOLE_TEXT, b"one message")]


def test_a_ping_between_frames_is_answered_and_not_passed_on() -> None:
    joined = Joined()
    joined.receive(text("first"))
    ping = b"\x89\x80" + bytes(4)
    sent = joined.receive(text("a") + ping + text("b"))
    assert sent == [encode_frame(WHOLE_TEXT, b"a") + encode_frame(WHOLE_TEXT, b"b")]
    assert joined.source.transport.take_written() == [b"\x8a\x00"]


def test_text_that_is_not_utf8_is_not_passed_on_and_ends_the_connection() -> None:
    joined = Joined()
    joined.receive(text("first"))
    bad = bytearray(text("a") + text("bc"))
    bad[-1] ^= 0x80
    assert joined.receive(bytes(bad)) == [encode_frame(WHOLE_TEXT, b"a")]
    assert isinstance(joined.source.link.failure, BadFrame)
    assert joined.source.link.state.current_state is ConnectionState.CLOSING
    assert joined.receive(text("more")) == []


def test_what_stands_before_a_close_frame_is_passed_on() -> None:
    joined = Joined()
    joined.receive(text("first"))
    sent = joined.receive(text("last") + close_frame(1000, "bye") + text("too late"))
    assert sent == [encode_frame(WHOLE_TEXT, b"last")]
    assert joined.source.link.parting_text == "bye"
    assert joined.source.transport.take_written() == [plain_close(1000, "bye")]


def test_nothing_is_passed_on_after_its_end() -> None:
    joined = Joined()
    joined.receive(text("first"))
    joined.stop()
    assert joined.receive(text("second")) == []
    arrived: list[Message] = []
    joined.source.link.on_message.listen(arrived.append)
    joined.receive(text("third"))
    assert arrived == ["second", "third"]


def test_a_sink_that_is_closed_takes_nothing() -> None:
    joined = Joined()
    joined.receive(text("first"))
    joined.sink.link.close_as(1000, "")
    joined.sink.transport.take_written()
    assert joined.receive(text("second")) == []


def test_small_frames_up_to_the_limit_are_passed_on_and_one_more_takes_a_breather() -> None:
    joined = Joined(small_frames_per_s=4)
    small = encode_masked_frame(WHOLE_BINARY, b"x", b"mask")
    joined.receive(small * 2)
    joined.receive(small * 2)
    assert joined.breathers == []
    assert joined.receive(small) == [encode_frame(WHOLE_BINARY, b"x")]
    assert joined.breathers == [joined.lane]
    assert joined.source.transport.done == ["pause"]
    joined.source.link.release(Hold.TOO_MANY_FRAMES)
    assert joined.source.transport.done == ["pause", "resume"]


def test_a_large_frame_is_passed_on() -> None:
    joined = Joined()
    for each in (joined.source, joined.sink):
        each.link.allow_message_bytes(1_000_000)
    joined.receive(text("first"))
    payload = b"y" * 200_000
    sent = joined.receive(encode_masked_frame(WHOLE_BINARY, payload, b"mask") + text("z"))
    assert b"".join(sent) == encode_frame(WHOLE_BINARY, payload) + encode_frame(WHOLE_TEXT, b"z")


def test_of_what_is_protected_in_its_base_it_touches_what_is_listed_there() -> None:
    tree = ast.parse(inspect.getsource(SocketLink))
    attributes = [each for each in ast.walk(tree) if isinstance(each, ast.Attribute)]
    own = {each.attr for each in attributes if isinstance(each.ctx, ast.Store)}
    own |= {each.name for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)}
    overridden = {name for name in own if hasattr(WebSocketConnection, name)}
    used = {
        each.attr
        for each in attributes
        if isinstance(each.value, ast.Name)
        and each.value.id == "self"
        and each.attr.startswith("_")
    }
    touched = {
        name for name in (used - own) | overridden if name.startswith("_") and name[1] != "_"
    }
    listed = set(re.findall(r"`(_\w+)`", inspect.getdoc(WebSocketConnection) or ""))
    assert touched == listed


def frame_of(size: int) -> bytes:
    """A frame that takes so many bytes on the wire: two of head, four of mask."""
    return encode_masked_frame(WHOLE_BINARY, b"x" * (size - 6), b"mask")


def test_frames_of_twice_the_tiny_size_are_read_in_larger_pieces_and_smaller_ones_are_not() -> None:
    joined = Joined()
    # The first one is judged together with the request.
    joined.receive(frame_of(2 * TINY_FRAME_BYTES))
    joined.receive(frame_of(TINY_FRAME_BYTES - 1))
    joined.receive(frame_of(2 * TINY_FRAME_BYTES - 1))
    assert len(joined.source.link.get_buffer(-1)) == FEWEST_READ_BYTES
    joined.receive(frame_of(2 * TINY_FRAME_BYTES))
    assert len(joined.source.link.get_buffer(-1)) == 2 * FEWEST_READ_BYTES


def test_frames_below_the_tiny_size_are_read_in_the_smallest_pieces_and_larger_ones_are_not() -> (
    None
):
    joined = Joined()
    joined.receive(frame_of(2 * TINY_FRAME_BYTES))
    joined.receive(frame_of(TINY_FRAME_BYTES))
    assert len(joined.source.link.get_buffer(-1)) == 2 * FEWEST_READ_BYTES
    joined.receive(frame_of(TINY_FRAME_BYTES - 1))
    assert len(joined.source.link.get_buffer(-1)) == FEWEST_READ_BYTES
