"""The encrypting layer: what goes down sealed, what comes up opened, and when it ends."""

import os

import pytest

from duologue.connection.base import ConnectionState, Message
from duologue.connection.encrypted.sealing_layer import SealingLayer
from duologue.errors import (
    BadFrame,
    ConnectionClosed,
    DecryptionFailed,
    LimitExceeded,
    NonceExhausted,
)
from duologue.protocol.sealing import FIRST_UNUSABLE_COUNTER, Opener, Sealer
from tests.pretend_loop import PretendCarrier

KEY = bytes(range(32))


class Acceptor:
    """An acceptor's layer, with the connector's sealer and opener at the other end."""

    def __init__(self) -> None:
        self.carrier = PretendCarrier()
        self.layer = SealingLayer(self.carrier, KEY, is_connector=False)
        self.arrived: list[Message] = []
        self.layer.on_message.listen(self.arrived.append)
        self.layer.start()
        self.sealer = Sealer(KEY, os.urandom, is_connector=True)
        self.opener = Opener(KEY, is_connector=True)

    def sent(self) -> list[Message]:
        opened: list[Message] = []
        for frame in self.carrier.sent:
            assert isinstance(frame, bytes)
            message = self.opener.open(frame)
            assert not isinstance(message, list)
            opened.append(message)
        self.carrier.sent.clear()
        return opened

    def text(self, text: str) -> bytes:
        return self.sealer.seal(text.encode(), is_text=True)


def test_texts_and_bytes_go_down_as_binary_and_come_up_as_they_were() -> None:
    side = Acceptor()
    side.layer.send("hällo")
    side.layer.send(b"\xff")
    side.layer.send_utf8("ü".encode())
    assert side.sent() == ["hällo", b"\xff", "ü"]
    side.carrier.arrive(side.text("€"), side.sealer.seal(b"\x00", is_text=False))
    assert side.arrived == ["€", b"\x00"]


def test_the_first_opened_frame_is_told_once_and_before_its_message() -> None:
    side = Acceptor()
    seen: list[list[Message]] = []
    side.layer.on_opened.listen(lambda _: seen.append(list(side.arrived)))
    side.carrier.arrive(side.text("1"), side.text("2"))
    assert seen == [[]]


def assert_closing(side: Acceptor, reason: str, failure: type[Exception]) -> None:
    assert side.layer.state.current_state is ConnectionState.CLOSING
    assert side.carrier.close_reason == f"Close called: {reason}"
    assert isinstance(side.layer.failure, failure)


@pytest.mark.parametrize("fault", ["changed", "cut", "longer", "repeated", "early", "empty"])
def test_a_frame_that_does_not_open_ends_the_connection_and_delivers_nothing(fault: str) -> None:
    side = Acceptor()
    good, second = side.text("good"), side.text("second")
    side.carrier.arrive(good)
    bad = {
        "changed": bytes((second[0] ^ 1, *second[1:])),
        "cut": second[:-1],
        "longer": second + b"\x00",
        "repeated": good,
        "early": side.text("third"),
        "empty": b"",
    }[fault]
    side.carrier.arrive(bad, second)
    assert side.arrived == ["good"]
    assert_closing(side, "Decryption of message failed.", DecryptionFailed)


def test_a_text_message_ends_the_connection() -> None:
    side = Acceptor()
    side.carrier.arrive("keepalive")
    assert_closing(side, "Incoming encrypted message is a string, it needs to be binary", BadFrame)


def test_a_frame_that_opens_to_nonsense_ends_the_connection_and_proves_nothing() -> None:
    side = Acceptor()
    opened: list[None] = []
    side.layer.on_opened.listen(opened.append)
    side.carrier.arrive(side.sealer.seal(b"\xff", is_text=True))
    assert isinstance(side.layer.failure, BadFrame)
    assert opened == []


def test_a_frame_that_is_too_large_ends_the_connection() -> None:
    side = Acceptor()
    side.carrier.arrive(bytes(128 * 1024 + 1))
    assert isinstance(side.layer.failure, LimitExceeded)


def test_a_message_above_the_limit_is_refused_and_the_next_goes() -> None:
    side = Acceptor()
    with pytest.raises(LimitExceeded):
        side.layer.send(b"x" * 65_537)
    side.layer.send(b"x" * 65_536)
    assert [len(message) for message in side.sent()] == [65_536]


def test_a_message_for_a_closing_connection_costs_no_nonce() -> None:
    side = Acceptor()
    side.layer.close()
    with pytest.raises(ConnectionClosed):
        side.layer.send("late")
    assert side.carrier.sent == []


def test_at_the_last_nonce_the_connection_closes(monkeypatch: pytest.MonkeyPatch) -> None:
    side = Acceptor()
    monkeypatch.setattr("duologue.protocol.sealing.FIRST_UNUSABLE_COUNTER", 2, raising=True)
    assert FIRST_UNUSABLE_COUNTER == 2**53 - 2
    side.layer.send("0")
    with pytest.raises(ConnectionClosed) as refusal:
        side.layer.send("2")
    assert refusal.value.sent == "no"
    assert isinstance(side.layer.failure, NonceExhausted)
    assert side.layer.state.current_state is ConnectionState.CLOSING
