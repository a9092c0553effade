"""What a case of RFC 6455 is, and the bytes of its frames for either role."""

from dataclasses import dataclass
from typing import Final, NamedTuple

from websockets.protocol import Side

from duologue.connection.base import Message

KEY: Final = b"\x37\xfa\x21\x3d"
"""The mask key of the examples in RFC 6455 5.7."""

MAX_BYTES: Final = 16 * 1024 * 1024

NORMAL: Final = b"\x03\xe8"
"""Payload of the close frame that ends a conversation: 1000 without a reason."""

FIN: Final = 0x80
CONT: Final = 0x00
TEXT: Final = 0x01
BINARY: Final = 0x02
CLOSE: Final = 0x88
PING: Final = 0x89
PONG: Final = 0x8A


class Sent(NamedTuple):
    """A frame that the other side sends, right or wrong."""

    first: int
    """FIN, reserved bits and opcode."""
    payload: bytes = b""

    def encoded(self, to: Side) -> bytes:
        """As it stands on the wire: masked if it goes to a server."""
        length = len(self.payload)
        if length < 126:
            head = bytes([self.first, length])
        elif length < 65_536:
            head = bytes([self.first, 126]) + length.to_bytes(2, "big")
        else:
            head = bytes([self.first, 127]) + length.to_bytes(8, "big")
        if to is Side.CLIENT:
            return head + self.payload
        mask = int.from_bytes((KEY * (length // 4 + 1))[:length], "big")
        masked = (int.from_bytes(self.payload, "big") ^ mask).to_bytes(length, "big")
        return bytes([head[0], head[1] | 0x80]) + head[2:] + KEY + masked


@dataclass(frozen=True)
class Case:
    """What is sent, and all that may come of it."""

    number: str
    """That of the Autobahn Testsuite."""
    sentence: str
    sent: tuple[Sent, ...]
    messages: tuple[Message, ...] = ()
    """Those that arrive, and are echoed on sockets."""
    pongs: tuple[bytes, ...] = ()
    fault: int | None = None
    """The close code with which the connection is failed."""
    close: bytes = NORMAL
    """Payload of the close frame that answers the other side's."""
    chop: int | None = None
    """How many bytes arrive at a time; None: all at once."""

    def __str__(self) -> str:
        return f"{self.number} {self.sentence}"

    @property
    def goes_on(self) -> bool:
        """Whether the conversation does, until it is closed as usual."""
        return self.fault is None and all(frame.first != CLOSE for frame in self.sent)

    def chunks(self, to: Side) -> list[bytes]:
        """The bytes of `sent` as they arrive."""
        data = b"".join(frame.encoded(to) for frame in self.sent)
        step = self.chop or len(data)
        return [data[start : start + step] for start in range(0, len(data), step)]


def in_fragments(kind: int, payload: bytes, size: int) -> tuple[Sent, ...]:
    """One message in frames of `size` bytes."""
    parts = [payload[start : start + size] for start in range(0, len(payload), size)] or [b""]
    last = len(parts) - 1
    return tuple(
        Sent((CONT if number else kind) | (FIN if number == last else 0), part)
        for number, part in enumerate(parts)
    )
