"""Several messages of a turn in one box, once the other side has said that it reads such."""

import asyncio
import os

import pytest
from nacl.bindings import crypto_box_afternm

from duologue.connection.base import ConnectionState, Message
from duologue.connection.encrypted.sealing_layer import (
    BATCH_BYTES,
    BATCH_MESSAGES,
    BATCHED_BELOW_BYTES,
    SealingLayer,
)
from duologue.errors import BadFrame, ConnectionClosed, NonceExhausted
from duologue.protocol.padding import BATCH_FLAG, TEXT_FLAG, pad
from duologue.protocol.sealing import Opener, Sealer, nonce_of
from tests.pretend_loop import PretendCarrier

KEY = bytes(range(32))
Sent = list[str | bytes | list[str]]


class Side:
    """A layer that may send batches, and the other end of its carrier."""

    def __init__(self, *, reads: bool = True) -> None:
        self.carrier = PretendCarrier()
        self.layer = SealingLayer(self.carrier, KEY, is_connector=False)
        self.arrived: list[Message] = []
        self.layer.on_message.listen(self.arrived.append)
        self.layer.start()
        self.layer.send_batches()
        if reads:
            self.layer.read_batches()
        self.sealer = Sealer(KEY, os.urandom, is_connector=True)
        self.opener = Opener(KEY, is_connector=True)
        self.opener.reads_batches = True

    def sent(self) -> Sent:
        frames = [frame for frame in self.carrier.sent if isinstance(frame, bytes)]
        self.carrier.sent.clear()
        return [self.opener.open(frame) for frame in frames]

    def send(self, *messages: Message) -> None:
        for message in messages:
            self.layer.send(message)


async def a_turn() -> None:
    await asyncio.sleep(0)
    await asyncio.sleep(0)


async def test_the_first_text_of_a_turn_leaves_at_once_and_the_others_together() -> None:
    side = Side()
    side.send("a", "ü", "c")
    assert side.sent() == ["a"]
    await a_turn()
    assert side.sent() == [["ü", "c"]]
    side.send("d")
    assert side.sent() == ["d"]


async def test_one_that_has_waited_alone_is_a_box_as_ever() -> None:
    side = Side()
    side.send("a", "b")
    await a_turn()
    assert side.sent() == ["a", "b"]


async def test_nothing_is_batched_for_a_side_that_has_not_said_that_it_reads_it() -> None:
    side = Side()
    side.layer = SealingLayer(side.carrier, KEY, is_connector=False)
    side.layer.start()
    side.send("a", "b", "c")
    side.opener.reads_batches = False
    assert side.sent() == ["a", "b", "c"]


async def test_bytes_and_long_texts_go_alone_and_nothing_overtakes_them() -> None:
    side = Side()
    long = "n" * BATCHED_BELOW_BYTES
    side.send("a", "b", "c", b"\xff", "d", "e", long, "f", long[1:], "g")
    await a_turn()
    assert side.sent() == ["a", ["b", "c"], b"\xff", ["d", "e"], long, ["f", long[1:], "g"]]


async def test_a_batch_leaves_when_it_is_full() -> None:
    side = Side()
    side.send(*map(str, range(1 + BATCH_MESSAGES)))
    assert side.sent() == ["0", [str(number) for number in range(1, 1 + BATCH_MESSAGES)]]
    quarter = "n" * (BATCH_BYTES // 8)
    side.send(*[quarter] * 7)
    assert side.sent() == []
    side.send(quarter)
    assert side.sent() == [[quarter] * 8]


async def test_what_is_sent_while_a_message_comes_leaves_together_behind_it() -> None:
    side = Side()
    side.layer.on_message.listen(lambda message: side.send(f"re: {message!r}"))
    side.carrier.arrive(side.sealer.seal_batch([b"a", b"b"]), side.sealer.seal(b"c", is_text=True))
    assert side.arrived == ["a", "b", "c"]
    assert side.sent() == [["re: 'a'", "re: 'b'"], "re: 'c'"]


async def test_what_was_sent_before_closing_leaves_before() -> None:
    side = Side()
    side.send("a", "b", "c")
    side.layer.close("done")
    assert side.sent() == ["a", ["b", "c"]]
    await a_turn()
    assert side.sent() == []


async def test_after_an_end_nothing_leaves_and_nothing_is_taken() -> None:
    side = Side()
    side.send("a", "b")
    assert side.layer.buffered_amount >= 1
    side.layer.terminate("gone")
    await a_turn()
    assert side.sent() == ["a"]
    with pytest.raises(ConnectionClosed):
        side.send("c")


async def test_while_closing_nothing_more_is_taken_in_the_same_turn() -> None:
    side = Side()
    side.send("a", "b")
    side.layer.close()
    with pytest.raises(ConnectionClosed):
        side.send("c")


async def test_a_key_that_may_seal_no_more_ends_the_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    side = Side()
    monkeypatch.setattr("duologue.protocol.sealing.FIRST_UNUSABLE_COUNTER", 2)
    side.send("a", "b", "c")
    await a_turn()
    assert side.layer.state.current_state is ConnectionState.CLOSING
    assert isinstance(side.layer.failure, NonceExhausted)
    assert len(side.carrier.sent) == 1


async def test_behind_one_that_ends_the_connection_nothing_of_a_batch_is_delivered() -> None:
    side = Side()

    def leave(message: Message) -> None:
        if message == "b":
            side.layer.close()

    side.layer.on_message.listen(leave)
    side.carrier.arrive(side.sealer.seal_batch([b"a", b"b", b"c"]))
    assert side.arrived == ["a", "b"]


async def test_a_batch_that_is_none_ends_the_connection() -> None:
    side = Side()
    padded = pad(b"\x02\x00", TEXT_FLAG | BATCH_FLAG, 0, b"")
    side.carrier.arrive(crypto_box_afternm(padded, nonce_of(1), KEY))
    assert side.arrived == []
    assert isinstance(side.layer.failure, BadFrame)
    assert side.carrier.close_reason == (
        "Close called: a batch without messages, or without their lengths"
    )


async def test_a_batch_of_bytes_ends_the_connection() -> None:
    side = Side()
    padded = pad(b"\x01\x00\x00\x00\x01a", BATCH_FLAG, 0, b"")
    side.carrier.arrive(crypto_box_afternm(padded, nonce_of(1), KEY))
    assert side.arrived == []
    assert side.carrier.close_reason == "Close called: a batch of bytes"


async def test_who_has_not_said_that_it_reads_batches_ignores_the_flag() -> None:
    side = Side(reads=False)
    side.carrier.arrive(side.sealer.seal_batch([b"a", b"b"]))
    assert side.arrived == ["\x02\0\0\0\x01\0\0\0\x01ab"]


async def test_nobody_who_listens_late_loses_any_of_a_batch() -> None:
    carrier = PretendCarrier()
    layer = SealingLayer(carrier, KEY, is_connector=False)
    layer.read_batches()
    layer.start()
    carrier.arrive(Sealer(KEY, os.urandom, is_connector=True).seal_batch([b"a", b"b", b"c"]))
    arrived: list[Message] = []
    layer.on_message.listen(arrived.append)
    assert arrived == ["a", "b", "c"]


async def test_the_carrier_learns_how_many_came_in_one_message(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    side, noted = Side(), list[int]()
    monkeypatch.setattr(side.carrier, "note_batch", noted.append)
    side.carrier.arrive(side.sealer.seal_batch([b"a", b"b", b"c"]))
    assert noted == [2]
