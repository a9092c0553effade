"""The closing handshake as nearly everybody does it, read and written at once (RFC 6455 7.1).

What is read here, `websockets` reads too, and it means the same. Whatever is not quite as expected
is left to it, and so is a connection for which it has been needed before.
"""

from collections.abc import Iterator
from struct import Struct
from typing import Final, NamedTuple

from websockets.frames import CloseCode
from websockets.protocol import Protocol

from duologue.connection.random_stocks import MASK_KEY_BYTES
from duologue.connection.websocket.frames import MASK_BIT, encode_frame, encode_masked_frame

try:
    from websockets.speedups import apply_mask
except ImportError:
    from websockets.utils import apply_mask

CLOSE: Final = 0x88
"""First byte of a close frame."""

MAX_PAYLOAD_BYTES: Final = 125
"""RFC 6455 5.5: of any control frame."""

_code: Final = Struct(">H")

_SAYABLE: Final = frozenset((*range(1000, 1004), *range(1007, 1015)))
"""Codes that may stand in a frame, and so may all from 3000 to 4999 (RFC 6455 7.4)."""


class Parting(NamedTuple):
    """What a close frame says."""

    code: int
    reason: str


_NOTHING_SAID: Final = Parting(CloseCode.NO_STATUS_RCVD, "")
"""A close frame may be empty; 1005 stands for that, and never in a frame."""


class PlainClosing:
    """The close frames of one connection, as long as nothing about them is unusual.

    RFC 6455 5.5.1: each side sends one, and answers the other's with the same words.
    """

    __slots__ = ("_keys", "_unsent", "received", "sent")

    def __init__(self, keys: Iterator[bytes] | None) -> None:
        """`keys` mask what a client sends; None: this is the server."""
        self.sent: Parting | None = None
        self.received: Parting | None = None
        self._keys = keys
        self._unsent: list[bytes] = []

    def say(self, code: int, reason: str) -> bool:
        """Queue our close frame; False if it would be no plain one, and nothing has happened.

        Only as long as nothing was said by either side.
        """
        payload = _code.pack(code) + reason.encode()
        if not _is_sayable(code) or len(payload) > MAX_PAYLOAD_BYTES:
            return False
        self.sent = Parting(code, reason)
        self._write(payload)
        return True

    def receive(self, data: bytes, position: int) -> bool:
        """Read the close frame that starts at `position`, and answer it if it is the first.

        False if it is not whole, or not plain, and nothing has happened.
        """
        payload = self._payload_at(data, position)
        if payload is None:
            return False
        if payload:
            try:
                said = Parting(_code.unpack_from(payload)[0], payload[_code.size :].decode())
            except UnicodeDecodeError:
                return False
            if not _is_sayable(said.code):
                return False
        else:
            said = _NOTHING_SAID
        self.received = said
        if self.sent is None:
            self.sent = said
            self._write(payload)
        if self._keys is None:
            # RFC 6455 7.1.1: it is the server that closes the socket.
            self._unsent.append(b"")
        return True

    def data_to_send(self) -> list[bytes]:
        """What is to be sent now; an empty part stands for the end."""
        unsent, self._unsent = self._unsent, []
        return unsent

    def tell(self, protocol: Protocol) -> None:
        """Have `websockets`, which is needed from now on, know what has been said."""
        if self.sent is not None and self.received is None:
            protocol.send_close(*self.sent)
            if not self._unsent:
                protocol.data_to_send()

    def _payload_at(self, data: bytes, position: int) -> bytes | None:
        masked = self._keys is None
        start = position + 2 + (MASK_KEY_BYTES if masked else 0)
        if start > len(data):
            return None
        length = data[position + 1] - (MASK_BIT if masked else 0)
        # Below 0, or above 127, the mask bit is not as it must be; one byte is half a code.
        if length < 0 or length == 1 or length > MAX_PAYLOAD_BYTES or start + length > len(data):
            return None
        payload = data[start : start + length]
        return apply_mask(payload, data[start - MASK_KEY_BYTES : start]) if masked else payload

    def _write(self, payload: bytes) -> None:
        keys = self._keys
        self._unsent.append(
            encode_frame(CLOSE, payload)
            if keys is None
            else encode_masked_frame(CLOSE, payload, next(keys))
        )


def _is_sayable(code: int) -> bool:
    return code in _SAYABLE or 3000 <= code < 5000
