"""A message of which parts are still to come (PROTOCOL 12)."""

from collections.abc import Sequence
from typing import Final

from duologue.errors import LimitExceeded, ProtocolError
from duologue.limits import MAX_PARTS, Limits
from duologue.protocol.codec import Envelope

_WITH_PARTS: Final = ("request", "data", "items")


class ArrivingParcel:
    """The text of a message, and those of its parts that have come."""

    def __init__(self, text: str, envelope: Envelope, sizes: Sequence[int], limits: Limits) -> None:
        """`sizes` are what the text announces.

        Raises:
            ProtocolError: they are no sizes, or the message is none that may have parts.
            LimitExceeded: more than `MAX_PARTS`, or together above `max_message_bytes`.
        """
        if envelope.type not in _WITH_PARTS or not sizes or min(sizes) < 0:
            raise ProtocolError(
                "`parts` must be a list of sizes, in a request, items, or an answer"
            )
        if len(sizes) > MAX_PARTS:
            raise LimitExceeded("MAX_PARTS", MAX_PARTS, len(sizes))
        text_bytes = len(text) if text.isascii() else len(text.encode(errors="surrogatepass"))
        total_bytes = text_bytes + sum(sizes)
        if total_bytes > limits.max_message_bytes:
            raise LimitExceeded("max_message_bytes", limits.max_message_bytes, total_bytes)
        self.text = text
        self.envelope = envelope
        self.parts: list[bytes] = []
        self._sizes = sizes

    @property
    def next_size(self) -> int:
        """Bytes of the part that is to come next."""
        return self._sizes[len(self.parts)]

    def take(self, part: bytes) -> bool:
        """The next part has come; returns whether it was the last.

        Raises:
            ProtocolError: it has another length than was announced.
        """
        size = self.next_size
        if len(part) != size:
            raise ProtocolError(f"a part of {len(part)} bytes came where {size} were announced")
        self.parts.append(part)
        return len(self.parts) == len(self._sizes)
