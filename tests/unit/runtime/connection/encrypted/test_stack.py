"""The layers in their usual order: what a message looks like on the carrier."""

import os

from duologue.connection.base import ConnectionState, Message
from duologue.connection.encrypted.stack import EncryptedConnection
from duologue.errors import BadFrame, DecryptionFailed
from duologue.limits import Limits
from duologue.protocol.escaping import END, START_TEXT
from duologue.protocol.sealing import Opener, Sealer
from tests.pretend_loop import PretendCarrier

KEY = bytes(range(32))
OWN_KEY, CLAIMED_KEY = b"o" * 32, b"c" * 32


class Stack:
    """A connector's stack, with the acceptor's cryptography at the other end of its carrier."""

    def __init__(self) -> None:
        self.carrier = PretendCarrier()
        self.top = EncryptedConnection(
            self.carrier,
            KEY,
            Limits(),
            is_connector=True,
            own_key=OWN_KEY,
            claimed_key=CLAIMED_KEY,
        )
        self.arrived: list[Message] = []
        self.top.on_message.listen(self.arrived.append)
        self.sealer = Sealer(KEY, os.urandom, is_connector=False)
        self.opener = Opener(KEY, is_connector=False)

    def sent(self) -> list[Message]:
        frames = [frame for frame in self.carrier.sent if isinstance(frame, bytes)]
        assert len(frames) == len(self.carrier.sent), "everything goes as binary"
        opened = [self.opener.open(frame) for frame in frames]
        return [message for message in opened if not isinstance(message, list)]

    def arrive(self, *messages: Message) -> None:
        for message in messages:
            raw = message.encode() if isinstance(message, str) else message
            self.carrier.arrive(self.sealer.seal(raw, is_text=isinstance(message, str)))


async def test_pieces_words_and_lifesigns_are_sealed_one_by_one() -> None:
    stack = Stack()
    stack.top.send_lifesign()
    stack.top.send("keepalive")
    stack.top.send("x" * 16_384)
    stack.top.send(END)
    stack.top.send(b"\x00")
    assert stack.sent() == [
        "keepalive",
        "keepalivex",
        START_TEXT,
        b"x" * 16_384,
        END,
        END + "x",
        b"\x00",
    ]
    stack.top.terminate("done")


async def test_what_arrives_goes_the_same_way_back() -> None:
    stack = Stack()
    stack.arrive("keepalive", "keepalivex", START_TEXT, "keepalive", b"ab", b"c", END, END + "x")
    assert stack.arrived == ["keepalive", "abc", END]
    stack.top.terminate("done")


async def test_the_key_is_proved_by_the_first_frame_even_a_lifesign() -> None:
    stack = Stack()
    proved: list[bytes] = []
    stack.top.on_confirmed.listen(proved.append)
    assert (stack.top.remote_key, stack.top.claimed_key, stack.top.own_key) == (
        None,
        CLAIMED_KEY,
        OWN_KEY,
    )
    stack.arrive("keepalive", "keepalive")
    assert stack.top.remote_key == CLAIMED_KEY
    assert proved == [CLAIMED_KEY]
    stack.top.terminate("done")


async def test_a_message_finds_the_key_proved() -> None:
    stack = Stack()
    keys: list[bytes | None] = []
    stack.top.on_message.listen(lambda _: keys.append(stack.top.remote_key))
    stack.arrive("first")
    assert keys == [CLAIMED_KEY]
    stack.top.terminate("done")


async def test_a_frame_that_does_not_open_proves_nothing() -> None:
    stack = Stack()
    stack.carrier.arrive(os.urandom(40))
    assert stack.top.remote_key is None
    assert stack.top.state.current_state is ConnectionState.CLOSING
    stack.carrier.end(1000, "")
    assert isinstance(stack.top.failure, DecryptionFailed)


async def test_a_fault_of_any_layer_is_the_failure_of_the_whole() -> None:
    stack = Stack()
    stack.arrive("good", END)
    assert stack.carrier.close_reason.startswith("Close called: No chunks processing")
    stack.carrier.end(1000, stack.carrier.close_reason)
    assert stack.arrived == ["good"]
    assert isinstance(stack.top.failure, BadFrame)
