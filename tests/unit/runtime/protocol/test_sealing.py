"""Frames open once, in order, unchanged, and for the other side only."""

import os

import pytest
from nacl.bindings import crypto_box_afternm

from duologue.errors import BadFrame, DecryptionFailed, LimitExceeded, NonceExhausted
from duologue.protocol.sealing import FIRST_UNUSABLE_COUNTER, Opener, Sealer, nonce_of

KEY = bytes(range(32))


def pair(is_connector: bool = True) -> tuple[Sealer, Opener]:
    return (
        Sealer(KEY, os.urandom, is_connector=is_connector),
        Opener(KEY, is_connector=not is_connector),
    )


def sealed(plain: bytes) -> bytes:
    """A frame of the connector that holds any plaintext."""
    return crypto_box_afternm(plain, nonce_of(1), KEY)


@pytest.mark.parametrize("is_connector", [True, False])
def test_text_and_bytes_arrive_as_what_they_were(is_connector: bool) -> None:
    sealer, opener = pair(is_connector)
    assert opener.open(sealer.seal("é€😀".encode(), is_text=True)) == "é€😀"
    assert opener.open(sealer.seal(b"\xff\x00", is_text=False)) == b"\xff\x00"
    assert opener.open(sealer.seal(b"", is_text=True)) == ""
    assert opener.open(sealer.seal(b"", is_text=False)) == b""


def test_the_connector_counts_odd_and_the_acceptor_even() -> None:
    for is_connector, counters in ((True, [1, 3, 5]), (False, [0, 2, 4])):
        sealer, _ = pair(is_connector)
        met: list[int] = []
        for _ in counters:
            met.append(sealer.counter)
            sealer.seal(b"", is_text=True)
        assert met == counters


def test_after_one_refusal_nothing_opens() -> None:
    sealer, opener = pair()
    first = sealer.seal(b"first", is_text=True)
    with pytest.raises(DecryptionFailed):
        opener.open(first[:-1])
    with pytest.raises(DecryptionFailed, match=r"^Decryption of message failed\.$"):
        opener.open(first)


def test_an_own_frame_sent_back_does_not_open() -> None:
    sealer, _ = pair(True)
    own_opener = Opener(KEY, is_connector=True)
    with pytest.raises(DecryptionFailed):
        own_opener.open(sealer.seal(b"mine", is_text=True))


@pytest.mark.parametrize("length", range(17))
def test_frames_without_room_for_a_tag_and_a_byte_are_refused(length: int) -> None:
    with pytest.raises((DecryptionFailed, BadFrame)):
        Opener(KEY, is_connector=False).open(bytes(length))


def test_an_empty_plaintext_is_refused() -> None:
    with pytest.raises(BadFrame):
        Opener(KEY, is_connector=False).open(sealed(b""))


def test_a_text_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(BadFrame, match="not UTF-8"):
        Opener(KEY, is_connector=False).open(sealed(b"\x10\xff"))


def test_unknown_flags_are_ignored() -> None:
    assert Opener(KEY, is_connector=False).open(sealed(b"\xe0hi")) == b"hi"
    assert Opener(KEY, is_connector=False).open(sealed(b"\xf0hi")) == "hi"


def test_a_leading_byte_order_mark_is_kept() -> None:
    assert Opener(KEY, is_connector=False).open(sealed(b"\x10\xef\xbb\xbfhi")) == "\ufeffhi"


def test_a_message_at_the_limit_is_sealed_and_one_above_costs_no_nonce() -> None:
    sealer = Sealer(KEY, os.urandom, is_connector=True, max_message_bytes=100)
    with pytest.raises(LimitExceeded) as refusal:
        sealer.seal(b"x" * 101, is_text=False)
    assert (refusal.value.limit, refusal.value.value, refusal.value.met) == (
        "max_message_bytes",
        100,
        101,
    )
    assert sealer.counter == 1
    sealer.seal(b"x" * 100, is_text=False)


def test_a_frame_at_twice_the_limit_is_looked_at_and_one_above_is_not() -> None:
    opener = Opener(KEY, is_connector=False, max_message_bytes=100)
    assert opener.open(sealed(b"\x00" + b"x" * 183)) == b"x" * 183
    opener = Opener(KEY, is_connector=False, max_message_bytes=100)
    with pytest.raises(LimitExceeded):
        opener.open(sealed(b"\x00" + b"x" * 184))


def test_a_full_fragment_makes_a_frame_that_every_receiver_takes() -> None:
    sealer, opener = pair()
    frame = sealer.seal(b"x" * 65_536, is_text=False)
    assert len(frame) <= 65_808
    assert opener.open(frame) == b"x" * 65_536


def test_the_last_usable_counter_is_used_and_the_next_is_not() -> None:
    last = FIRST_UNUSABLE_COUNTER - 1  # odd: the connector's
    sealer = Sealer(KEY, os.urandom, is_connector=True, counter=last)
    opener = Opener(KEY, is_connector=False, counter=last)
    assert opener.open(sealer.seal(b"last", is_text=True)) == "last"
    with pytest.raises(NonceExhausted):
        sealer.seal(b"more", is_text=True)
    with pytest.raises(NonceExhausted):
        opener.open(bytes(40))


def test_filler_comes_from_the_given_source() -> None:
    asked: list[int] = []

    def source(count: int) -> bytes:
        asked.append(count)
        return bytes(count)

    Sealer(KEY, source, is_connector=True).seal(b"x" * 10, is_text=True)
    assert asked == [53]


def test_the_first_unusable_counter_has_no_nonce_and_the_one_before_has() -> None:
    assert int.from_bytes(nonce_of(FIRST_UNUSABLE_COUNTER - 1), "big") == FIRST_UNUSABLE_COUNTER - 1
    with pytest.raises(NonceExhausted):
        nonce_of(FIRST_UNUSABLE_COUNTER)
