"""The fragmenting layer: pieces out, whole messages in, each within its bounds (row 21)."""

import pytest

from duologue.connection.base import ConnectionState, Message
from duologue.connection.encrypted.fragment_layer import FragmentLayer
from duologue.errors import BadFrame, ConnectionClosed, LimitExceeded
from duologue.limits import MAX_FRAGMENTS, Limits
from duologue.protocol.escaping import END, START_BYTES, START_TEXT
from tests.pretend_loop import PretendCarrier, PretendLoop

SMALL = Limits(max_message_bytes=200_000)


class Side:
    def __init__(self, limits: Limits = SMALL) -> None:
        self.loop = PretendLoop()
        self.carrier = PretendCarrier()
        self.layer = FragmentLayer(self.carrier, limits, self.loop)
        self.arrived: list[Message] = []
        self.layer.on_message.listen(self.arrived.append)
        self.layer.start()

    def send(self, text: str, as_utf8: bool) -> None:
        if as_utf8:
            self.layer.send_utf8(text.encode())
        else:
            self.layer.send(text)

    def assert_refused(self, failure: type[Exception]) -> None:
        assert self.layer.state.current_state is ConnectionState.CLOSING
        assert isinstance(self.layer.failure, failure)
        assert self.loop.timers == []


BOTH = pytest.mark.parametrize("as_utf8", [False, True])


@BOTH
@pytest.mark.parametrize(
    "text", ["", "a" * 16_383, "é" * 16_383, "€" * 16_383, "😀" * 8_191, "\x00"]
)
def test_texts_below_16384_utf16_units_go_whole(text: str, as_utf8: bool) -> None:
    side = Side()
    side.send(text, as_utf8)
    assert side.carrier.sent == [text]


@BOTH
@pytest.mark.parametrize("text", ["a" * 16_384, "é" * 16_384, "😀" * 8_192, "a" * 150_000])
def test_texts_from_16384_utf16_units_on_go_in_pieces(text: str, as_utf8: bool) -> None:
    side = Side()
    side.send(text, as_utf8)
    first, *pieces, last = side.carrier.sent
    assert (first, last) == (START_TEXT, END)
    assert all(isinstance(piece, bytes) and len(piece) <= 65_536 for piece in pieces)
    side.carrier.arrive(*side.carrier.sent)
    assert side.arrived == [text]


@BOTH
@pytest.mark.parametrize("word", [START_TEXT, START_BYTES, END])
@pytest.mark.parametrize("rest", ["", "x", "é"])
def test_texts_that_begin_with_a_word_are_escaped(word: str, rest: str, as_utf8: bool) -> None:
    side = Side()
    side.send(word + rest, as_utf8)
    assert side.carrier.sent == [word + rest + "x"]
    side.carrier.arrive(*side.carrier.sent)
    assert side.arrived == [word + rest]


def test_bytes_of_one_fragment_go_whole_and_longer_ones_in_pieces() -> None:
    side = Side()
    side.layer.send(b"x" * 65_536)
    side.layer.send(b"y" * 65_537)
    assert side.carrier.sent == [b"x" * 65_536, START_BYTES, b"y" * 65_536, b"y", END]
    side.carrier.arrive(*side.carrier.sent)
    assert side.arrived == [b"x" * 65_536, b"y" * 65_537]


@pytest.mark.parametrize("message", ["x" * 200_000, "é" * 100_000, b"x" * 200_000])
def test_a_message_at_the_limit_is_sent_and_received(message: Message) -> None:
    side = Side()
    side.layer.send(message)
    side.carrier.arrive(*side.carrier.sent)
    assert side.arrived == [message]


@pytest.mark.parametrize("message", ["x" * 200_001, "é" * 100_001, b"x" * 200_001])
def test_a_message_above_the_limit_is_refused_and_nothing_goes(message: Message) -> None:
    side = Side()
    with pytest.raises(LimitExceeded):
        side.layer.send(message)
    if isinstance(message, str):
        with pytest.raises(LimitExceeded):
            side.layer.send_utf8(message.encode())
    assert side.carrier.sent == []


@BOTH
def test_a_small_limit_holds_for_short_texts_too(as_utf8: bool) -> None:
    side = Side(Limits(max_message_bytes=10))
    side.send("x" * 10, as_utf8)
    side.send("é" * 5, as_utf8)
    for text in ("x" * 11, "é" * 6):
        with pytest.raises(LimitExceeded):
            side.send(text, as_utf8)
    assert len(side.carrier.sent) == 2


def test_a_received_message_above_the_limit_ends_the_connection() -> None:
    sender, side = Side(Limits(max_message_bytes=300_000)), Side()
    sender.layer.send(b"x" * 200_001)
    side.carrier.arrive(*sender.carrier.sent)
    assert side.arrived == []
    side.assert_refused(LimitExceeded)


@pytest.mark.parametrize("part", [b"", b"x"])
def test_a_flood_of_fragments_ends_the_connection_at_its_limit(part: bytes) -> None:
    side = Side()
    side.carrier.arrive(START_BYTES)
    for _ in range(MAX_FRAGMENTS):
        side.carrier.arrive(part)
    assert side.layer.state.current_state is ConnectionState.OPEN
    side.carrier.arrive(part)
    side.assert_refused(LimitExceeded)


@pytest.mark.parametrize(
    "messages", [[START_TEXT, START_TEXT], [END], [START_BYTES, "text"], [START_TEXT, b"\xff", END]]
)
def test_what_may_not_come_here_ends_the_connection(messages: list[Message]) -> None:
    side = Side()
    side.carrier.arrive(*messages, "after")
    assert side.arrived == []
    side.assert_refused(BadFrame)


def test_the_reason_of_the_close_is_that_of_the_original() -> None:
    side = Side()
    side.carrier.arrive(END)
    assert side.carrier.close_reason == (
        "Close called: No chunks processing in progress. fragmentation_end message not allowed."
    )


def test_a_message_that_is_never_ended_ends_the_connection_after_30_s() -> None:
    side = Side()
    side.carrier.arrive(START_BYTES)
    side.loop.pass_time(29.9)
    side.carrier.arrive(b"x")
    assert side.layer.state.current_state is ConnectionState.OPEN
    side.loop.pass_time(0.2)
    side.assert_refused(LimitExceeded)


def test_each_64_kib_gives_a_slow_message_30_s_more() -> None:
    side = Side()
    side.carrier.arrive(START_BYTES)
    for _ in range(3):
        side.loop.pass_time(29)
        side.carrier.arrive(b"x" * 65_536)
    side.carrier.arrive(END)
    assert side.arrived == [b"x" * 65_536 * 3]
    assert side.loop.timers == []


def test_what_is_left_of_a_message_when_the_connection_ends_is_dropped() -> None:
    side = Side()
    side.carrier.arrive(START_BYTES, b"x")
    side.carrier.end(1006, "")
    assert side.arrived == []
    assert side.loop.timers == []


def test_a_connection_that_ends_between_two_pieces_says_that_nothing_was_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    side = Side()
    send = side.carrier.send

    def send_one_then_end(message: Message) -> None:
        send(message)
        if isinstance(message, bytes):
            side.carrier.end(1006, "")

    monkeypatch.setattr(side.carrier, "send", send_one_then_end)
    with pytest.raises(ConnectionClosed) as refusal:
        side.layer.send(b"x" * 200_000)
    assert refusal.value.sent == "no"


def test_a_closed_connection_refuses_before_it_measures() -> None:
    side = Side()
    side.layer.close()
    for message in ("short", "x" * 200_001, b"x"):
        with pytest.raises(ConnectionClosed):
            side.layer.send(message)
