"""Long messages in pieces, and back, in bounded memory."""

import pytest

from duologue.errors import BadFrame, LimitExceeded
from duologue.limits import MAX_FRAGMENTS
from duologue.protocol.escaping import END, START_BYTES, START_TEXT
from duologue.protocol.fragments import Joiner, Splitter

MIB = 1024 * 1024


@pytest.mark.parametrize(
    ("text", "is_long"),
    [
        ("a" * 16_383, False),
        ("a" * 16_384, True),
        ("é" * 16_383, False),
        ("😀" * 8_191, False),
        ("😀" * 8_191 + "a", False),
        ("😀" * 8_192, True),
        ("\ud800" * 16_383, False),
        ("\ud800" * 16_384, True),
    ],
)
def test_texts_are_measured_in_utf16_units(text: str, is_long: bool) -> None:
    assert Splitter().is_long_text(text) is is_long


def test_bytes_of_one_fragment_go_whole() -> None:
    assert not Splitter().is_long(b"x" * 65_536)
    assert Splitter().is_long(b"x" * 65_537)


@pytest.mark.parametrize("kind", [START_TEXT, START_BYTES])
def test_an_end_right_after_a_start_is_an_empty_message(kind: str) -> None:
    joiner = Joiner(MIB)
    assert joiner.receive(kind) is None
    assert joiner.receive(END) == ("" if kind == START_TEXT else b"")


def test_fragments_may_have_any_size_and_cut_characters() -> None:
    joiner = Joiner(MIB)
    joiner.receive(START_TEXT)
    for byte in "é€😀".encode():
        assert joiner.receive(b"") is None
        assert joiner.receive(bytes((byte,))) is None
    assert joiner.joined_bytes == 9
    assert joiner.receive(END) == "é€😀"
    assert not joiner.joined_bytes


def test_a_message_follows_a_message() -> None:
    joiner = Joiner(MIB)
    for number in range(3):
        joiner.receive(START_BYTES)
        joiner.receive(bytes((number,)))
        assert joiner.receive(END) == bytes((number,))
        assert joiner.receive("between") == "between"


@pytest.mark.parametrize("first", [START_TEXT, START_BYTES])
@pytest.mark.parametrize("second", [START_TEXT, START_BYTES])
def test_a_second_start_is_refused_in_the_words_of_the_original(first: str, second: str) -> None:
    joiner = Joiner(MIB)
    joiner.receive(first)
    kind = first.rpartition("_")[2]
    with pytest.raises(BadFrame) as refusal:
        joiner.receive(second)
    assert str(refusal.value) == (
        f"Already processing {kind} chunks. {second} message not allowed."
    )


@pytest.mark.parametrize("inside", ["text", "", END + "x", START_TEXT + "x"])
def test_another_text_inside_is_refused(inside: str) -> None:
    joiner = Joiner(MIB)
    joiner.receive(START_TEXT)
    with pytest.raises(BadFrame) as refusal:
        joiner.receive(inside)
    assert str(refusal.value) == (
        "Currently processing string chunks. No string messages allowed except the "
        "fragmentation_end message."
    )


def test_an_end_without_a_start_is_refused() -> None:
    with pytest.raises(BadFrame, match=r"^No chunks processing in progress\. fragmentation_end"):
        Joiner(MIB).receive(END)


def test_a_joined_text_that_is_not_utf8_is_refused() -> None:
    joiner = Joiner(MIB)
    joiner.receive(START_TEXT)
    joiner.receive(b"\xc3")
    with pytest.raises(BadFrame, match="not UTF-8"):
        joiner.receive(END)


@pytest.mark.parametrize("kind", [START_TEXT, START_BYTES])
def test_a_joined_message_at_the_limit_is_taken_and_one_above_is_not(kind: str) -> None:
    joiner = Joiner(100)
    joiner.receive(kind)
    joiner.receive(b"x" * 60)
    joiner.receive(b"x" * 40)
    with pytest.raises(LimitExceeded) as refusal:
        joiner.receive(b"x")
    assert (refusal.value.limit, refusal.value.value, refusal.value.met) == (
        "max_message_bytes",
        100,
        101,
    )


@pytest.mark.parametrize("whole", ["x" * 100, "é" * 50, b"x" * 100])
def test_a_whole_message_at_the_limit_is_taken(whole: str | bytes) -> None:
    assert Joiner(100).receive(whole) == whole


@pytest.mark.parametrize("whole", ["x" * 101, "é" * 51, b"x" * 101])
def test_a_whole_message_above_the_limit_is_refused(whole: str | bytes) -> None:
    with pytest.raises(LimitExceeded):
        Joiner(100).receive(whole)


@pytest.mark.parametrize("fragment", [b"", b"x"])
def test_fragments_at_their_limit_are_taken_and_one_above_is_not(fragment: bytes) -> None:
    joiner = Joiner(MIB)
    joiner.receive(START_BYTES)
    for _ in range(MAX_FRAGMENTS):
        joiner.receive(fragment)
    with pytest.raises(LimitExceeded) as refusal:
        joiner.receive(fragment)
    assert (refusal.value.limit, refusal.value.met) == ("max_fragments", MAX_FRAGMENTS + 1)


def test_a_large_size_limit_allows_the_fragments_it_needs() -> None:
    joiner = Joiner(1024 * MIB)
    joiner.receive(START_BYTES)
    for _ in range(16_384):
        joiner.receive(b"")
    assert joiner.receive(END) == b""
