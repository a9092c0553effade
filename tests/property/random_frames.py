"""Streams of frames, good and bad, from a seed: thousands in the time of a hundred drawn ones."""

from random import Random
from typing import Final

from websockets.protocol import Side

from duologue.connection.websocket.frames import WHOLE_BINARY, encode_frame, encode_masked_frame
from tests.property.frame_oracle import Stream

MAX_BYTES: Final = 300
LARGE_FRAME_BYTES: Final = 140
"""Small ones, so that short streams reach every branch."""

KEY: Final = b"\x5a\x00\xff\x13"
LENGTHS: Final = (0, 1, 5, 40, 120, 125, 126, 127, 139, 141, 200, 299, 300, 301, 400)
LARGE_LENGTHS: Final = (32_757, 32_768, 65_535, 65_536, 65_537, 131_072, 200_000, 200_001)
LARGE_MAX_BYTES: Final = 200_000
CLOSE_PAYLOADS: Final = (
    *(b"", b"\x03", b"\x03\xe8", b"\x03\xf1bye", b"\x03\xed", b"\x0f\xa2\xc3\xa9", b"\x03\xe8\xff"),
    *(b"\x03\xe8" + b"r" * 123, b"\x03\xe8" + b"r" * 124, b"\x00\x00", b"\x03\xe7", b"\x13\x88"),
)
CHARACTERS: Final = ("x", "é", "€", "\U0001f680", "\x00")
KINDS: Final = (
    "whole",
    "whole",
    "whole",
    "whole",
    "control",
    "fragments",
    "fragments",
    "bad",
    "close",
)


def raw_frame(first: int, payload: bytes, masked: bool) -> bytes:
    frame = encode_masked_frame(WHOLE_BINARY, payload, KEY) if masked else b""
    return bytes([first]) + (frame or encode_frame(WHOLE_BINARY, payload))[1:]


class Source:
    """Frames to one side, from `rng`."""

    def __init__(self, rng: Random, masked: bool, lengths: tuple[int, ...] = LENGTHS) -> None:
        self._rng = rng
        self._masked = masked
        self._lengths = lengths

    def payload(self) -> bytes:
        length = self._rng.choice(self._lengths)
        match self._rng.randrange(8):
            case 0:
                return self._rng.randbytes(length)
            case 1:  # cut inside a character, most of the time
                return ("é€" * (length // 5 + 1)).encode()[:length]
            case _:
                character = self._rng.choice(CHARACTERS).encode()
                return character * (length // len(character))

    def control(self) -> bytes:
        first = self._rng.choice((0x89, 0x8A))
        return raw_frame(first, self._rng.randbytes(self._rng.choice((0, 5, 125))), self._masked)

    def close(self) -> bytes:
        return raw_frame(0x88, self._rng.choice(CLOSE_PAYLOADS), self._masked)

    def fragments(self) -> list[bytes]:
        """One message in pieces, with other frames between them here and there."""
        rng = self._rng
        payload = self.payload()
        is_text = rng.random() < 0.7
        count = rng.randrange(2, 6)
        cuts = sorted(rng.randrange(len(payload) + 1) for _ in range(count - 1))
        frames: list[bytes] = []
        for number, (start, stop) in enumerate(zip([0, *cuts], [*cuts, len(payload)], strict=True)):
            opcode = 0 if number else 1 if is_text else 2
            final = 0x80 if number == count - 1 else 0
            frames.append(raw_frame(opcode | final, payload[start:stop], self._masked))
            if not final:
                match rng.randrange(20):
                    case 0 | 1 | 2 | 3:
                        frames.append(self.control())
                    case 4:
                        frames.append(self.close())
                    case 5:  # a message inside the message
                        frames.append(raw_frame(0x81, b"inside", self._masked))
                    case _:
                        pass
        return frames

    def bad(self) -> bytes:
        rng = self._rng
        payload = self.payload()
        match rng.randrange(7):
            case 0:  # reserved bits
                return raw_frame(0x81 | rng.randrange(1, 8) << 4, payload, self._masked)
            case 1:  # reserved opcodes
                return raw_frame(0x80 | rng.choice((3, 7, 11, 15)), payload, self._masked)
            case 2:  # control frames that are cut or too long
                first = rng.choice((0x08, 0x09, 0x0A, 0x88, 0x89, 0x8A))
                return raw_frame(first, b"x" * rng.choice((0, 126)), self._masked)
            case 3:  # the wrong mask bit
                return raw_frame(0x81, payload, not self._masked)
            case 4:  # the end of what has not begun
                return raw_frame(rng.choice((0x00, 0x80)), payload, self._masked)
            case 5:  # a length that nobody would send
                head = bytes([0x82, 0xFF if self._masked else 0x7F])
                return head + rng.choice((b"\xff" * 8, b"\x00" * 4 + b"\xff" * 4))
            case _:  # the start of what never ends
                return raw_frame(rng.choice((0x01, 0x02)), payload, self._masked)

    def noise(self) -> list[bytes]:
        """What is no frame, unless by chance."""
        return [bytes([byte]) for byte in self._rng.randbytes(self._rng.randrange(1, 30))]

    def frames(self, pieces: int) -> list[bytes]:
        """The frames of some pieces."""
        frames: list[bytes] = []
        for _ in range(pieces):
            match self._rng.choice(KINDS):
                case "whole":
                    first = self._rng.choice((0x81, 0x82))
                    frames.append(raw_frame(first, self.payload(), self._masked))
                case "control":
                    frames.append(self.control())
                case "fragments":
                    frames += self.fragments()
                case "bad":
                    frames.append(self.bad())
                case _:
                    frames.append(self.close())
        if self._rng.random() < 0.1:
            frames += self.noise()
        return frames


def random_stream(rng: Random) -> Stream:
    """A short one, cut into up to nine chunks; its end may be missing."""
    side = rng.choice((Side.SERVER, Side.CLIENT))
    frames = Source(rng, side is Side.SERVER).frames(rng.randrange(1, 9))
    if rng.random() < 0.3:
        frames[-1] = frames[-1][: rng.randrange(len(frames[-1]) + 1)]
    cuts = tuple(rng.randrange(5000) for _ in range(rng.randrange(9)))
    return Stream(side, tuple(frames), cuts, MAX_BYTES, LARGE_FRAME_BYTES)


def random_large_stream(rng: Random, large_frame_bytes: int) -> Stream:
    """Frames as large as real ones, and small ones between them."""
    side = rng.choice((Side.SERVER, Side.CLIENT))
    source = Source(rng, side is Side.SERVER, LARGE_LENGTHS + LENGTHS)
    frames = source.frames(rng.randrange(2, 6))
    size = sum(map(len, frames))
    # A transport reads 64 KiB at once.
    reads = tuple(range(0, size, rng.choice((1460, 16_384, 65_536))))
    cuts = tuple(rng.randrange(size + 1) for _ in range(rng.randrange(9)))
    return Stream(side, tuple(frames), reads + cuts, LARGE_MAX_BYTES, large_frame_bytes)
